using System.Diagnostics;

namespace Lyceum.Tests.IntegrationTests.Sessions;

/// <summary>Runs what is in docs/smoke-tests, as an operator would.</summary>
internal static class SmokeScript
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    public static readonly string Folder = Path.Combine(
        Path.GetDirectoryName(Path.GetDirectoryName(SessionExample.Folder))!, "docs", "smoke-tests");

    /// <summary>With the development token, unless <paramref name="environment"/> says otherwise.</summary>
    public static async Task<(int Status, string Said)> RunAsync(
        SharedSystem system, string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        _ = system.App;
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["TOKEN"] = system.DevelopmentToken;
        start.Environment["INSECURE"] = "1"; // a certificate of the test's own
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        start.Environment["GATEWAY_TOKEN_LOCAL"] = start.Environment["TOKEN"];
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        var said = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, string.Concat(said));
    }
}
