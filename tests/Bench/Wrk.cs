using System.Diagnostics;
using System.Globalization;

namespace Lyceum.Tests.Bench;

/// <param name="Rate">Requests a second.</param>
/// <param name="P99">Milliseconds.</param>
/// <param name="Failed">Answers that are no 2xx, and broken connections.</param>
internal sealed record WrkResult(double Rate, double P99, long Failed);

/// <summary>The load generator wrk, one thread.</summary>
internal static class Wrk
{
    public static async Task<WrkResult> RunAsync(Uri url, string script, int connections, int seconds, CancellationToken cancel)
    {
        var start = new ProcessStartInfo("wrk", ["-t1", $"-c{connections}", $"-d{seconds}s", "--latency", "-s", script, url.ToString()])
        {
            RedirectStandardOutput = true,
        };
        using var wrk = Process.Start(start) ?? throw new InvalidOperationException("wrk does not start");
        var lines = (await wrk.StandardOutput.ReadToEndAsync(cancel)).Split('\n').Select(line => line.Trim()).ToList();
        await wrk.WaitForExitAsync(cancel);
        var failed = (long)Numbers(lines, "Non-2xx or 3xx responses:").Sum() + (long)Numbers(lines, "Socket errors:").Sum();
        return new WrkResult(
            Numbers(lines, "Requests/sec:").FirstOrDefault(), Milliseconds(lines.FirstOrDefault(line => line.StartsWith("99%", StringComparison.Ordinal)) ?? "99% nan"), failed);
    }

    private static IEnumerable<double> Numbers(List<string> lines, string name) =>
        lines.Where(line => line.StartsWith(name, StringComparison.Ordinal))
            .SelectMany(line => line[name.Length..].Split([' ', ','], StringSplitOptions.RemoveEmptyEntries))
            .Where(word => double.TryParse(word, CultureInfo.InvariantCulture, out _)).Select(word => double.Parse(word, CultureInfo.InvariantCulture));

    private static double Milliseconds(string line)
    {
        var text = line["99%".Length..].Trim();
        var (unit, scale) = text.EndsWith("us", StringComparison.Ordinal) ? (2, 1e-3) : text.EndsWith("ms", StringComparison.Ordinal) ? (2, 1.0) : (1, 1e3);
        return double.TryParse(text[..^unit], CultureInfo.InvariantCulture, out var value) ? value * scale : double.NaN;
    }
}
