using System.Reflection;

namespace Lyceum.Doctor.Files;

/// <summary>
/// The settings that each service reads. <c>settings.txt</c> is made from the sources by a test (Architecture.Tests), because they are not
/// there where an operator asks.
/// </summary>
public static class KnownSettings
{
    public static readonly IReadOnlyList<string> Services = ["gateway", "chat-api", "session-api", "roadmap-worker", "gpu-engine"];

    // Read by .NET, ASP.NET Core, Npgsql, OpenTelemetry, MassTransit, CUDA and the C library; or by the platform's own shell.
    private static readonly string[] Platform =
    [
        "ASPNETCORE_", "DOTNET_", "OTEL_", "Logging:", "Kestrel:", "PG", "HOME", "TZ", "TMPDIR", "LANG", "LC_", "PATH", "HOSTNAME", "SSL_CERT_", "HTTP_PROXY",
        "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "HTTP_PORTS", "HTTPS_PORTS", "URLS", "NVIDIA_", "CUDA_", "MALLOC_", "LD_", "KUBERNETES_", "COMPlus_",
    ];

    private static readonly Lazy<Dictionary<string, HashSet<string>>> Read = new(() =>
    {
        var keys = Services.ToDictionary(service => service, _ => new HashSet<string>(StringComparer.OrdinalIgnoreCase));
        foreach (var line in Lines().Where(line => line.Length > 0 && line[0] != '#'))
        {
            var parts = line.Split(' ');
            foreach (var service in parts is [_, "all"] ? Services : parts.Skip(1))
                keys[service].Add(parts[0]);
        }
        return keys;
    });

    /// <param name="variable"><c>Answers__MaxDuration</c></param>
    public static bool IsRead(string service, string variable)
    {
        var key = Colons(variable);
        // A name of the operator's own, for the gateway's configuration file or a model server; unless one of ours is near.
        if (key.All(c => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || c == '_') && !Read.Value[service].Contains(key))
            return Platform.Any(prefix => key.StartsWith(prefix, StringComparison.Ordinal)) || Nearest(service, variable) is null;
        return Platform.Any(prefix => key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) || Read.Value[service].Contains(Numberless(key))
            // A dictionary's entry has a name of the operator's.
            || Parents(key).Any(parent => Read.Value[service].Contains(parent));
    }

    /// <summary>The key that was probably meant; null: none is near.</summary>
    public static string? Nearest(string service, string variable)
    {
        var key = Numberless(Colons(variable)).ToUpperInvariant();
        var (nearest, distance) = Read.Value[service].Select(known => (known, Distance(key, known.ToUpperInvariant()))).MinBy(pair => pair.Item2);
        return distance <= 2 ? nearest.Replace(":#", ":0", StringComparison.Ordinal).Replace(":", "__", StringComparison.Ordinal) : null;
    }

    private static string Colons(string variable) => variable.Replace("__", ":", StringComparison.Ordinal);

    private static string Numberless(string key) => string.Join(':', key.Split(':').Select(part => int.TryParse(part, out _) ? "#" : part));

    // Llm:Launch:Environment:HF_TOKEN, with Llm:Launch:Environment:* in the list.
    private static IEnumerable<string> Parents(string key)
    {
        var parts = key.Split(':');
        for (var i = 1; i < parts.Length; i++)
            yield return string.Join(':', parts.Select((part, at) => at == i ? "*" : int.TryParse(part, out _) ? "#" : part));
    }

    private static string[] Lines()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("settings.txt")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.TrimEntries);
    }

    // Levenshtein's, in two rows.
    private static int Distance(string a, string b)
    {
        var above = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var row = new int[b.Length + 1];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
                row[j] = Math.Min(Math.Min(row[j - 1], above[j]) + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
            above = row;
        }
        return above[b.Length];
    }
}
