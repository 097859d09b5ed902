namespace Lyceum.Tests.Bench;

/// <summary>Where the load goes.</summary>
internal sealed record Target(Uri Url, string? Token)
{
    /// <summary>Named outright, or the gateway of a running system.</summary>
    public static async Task<Target> FindAsync(string? url, string? token, DirectoryInfo? data, CancellationToken cancel)
    {
        if (url is not null)
            return new Target(new Uri(url), token);
        if (data is null)
            throw new ArgumentException("--url or --data is needed");
        return await GatewayAsync(new RunningSystem(data), cancel) is var gateway && token is null ? gateway : gateway with { Token = token };
    }

    /// <summary>A system's public door, with the development token.</summary>
    public static async Task<Target> GatewayAsync(RunningSystem system, CancellationToken cancel) =>
        new((await system.UrlsAsync("gateway", cancel))[0], await system.DevelopmentTokenAsync(cancel));
}
