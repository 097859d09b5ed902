using Azure.AI.OpenAI;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>The versions of Azure's API that the connector speaks, by the names that Azure gives them: <c>2024-10-21</c>.</summary>
internal static class AzureApiVersion
{
    private static readonly Dictionary<string, AzureOpenAIClientOptions.ServiceVersion> Versions =
        Enum.GetValues<AzureOpenAIClientOptions.ServiceVersion>().ToDictionary(Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>All of them, oldest first.</summary>
    public static IReadOnlyList<string> Known { get; } = [.. Versions.OrderBy(version => version.Value).Select(version => version.Key)];

    /// <summary>Whether the connector speaks it; nothing given stands for the newest.</summary>
    public static bool IsKnown(string? name) => string.IsNullOrWhiteSpace(name) || Versions.ContainsKey(name);

    /// <summary>Reads a known name; nothing given stands for the newest.</summary>
    public static AzureOpenAIClientOptions.ServiceVersion Parse(string? name) =>
        Versions[string.IsNullOrWhiteSpace(name) ? Known[^1] : name];

    // V2025_04_01_Preview is 2025-04-01-preview on the wire.
    public static string Name(AzureOpenAIClientOptions.ServiceVersion version) =>
        version.ToString()[1..].Replace('_', '-').ToLowerInvariant();
}
