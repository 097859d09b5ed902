using System.Text.Json;

namespace Lyceum.Tests.Bench;

/// <summary>Where the load goes.</summary>
internal sealed record Target(Uri Url, string? Token)
{
    /// <summary>Named outright, or found in a data folder: <c>state.json</c>'s gateway and <c>dev-token</c>.</summary>
    public static async Task<Target> FindAsync(string? url, string? token, DirectoryInfo? data, CancellationToken cancel)
    {
        if (data is not null)
        {
            token ??= (await File.ReadAllTextAsync(Path.Combine(data.FullName, "dev-token"), cancel)).Trim();
            using var state = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(data.FullName, "state.json"), cancel));
            url ??= GatewayUrl(state.RootElement);
        }
        return new Target(new Uri(url ?? throw new ArgumentException("--url or --data is needed")), token);
    }

    private static string GatewayUrl(JsonElement state)
    {
        var gateway = state.GetProperty("resources").EnumerateArray()
            .First(resource => resource.GetProperty("name").ValueEquals("gateway"));
        return gateway.GetProperty("urls").EnumerateArray().First().GetString()!;
    }
}
