using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.HttpOverrides;
using IPNetwork = System.Net.IPNetwork;

namespace Lyceum.Gateway.Edge;

/// <summary>
/// The proxies before the gateway (nginx, a load balancer) whose <c>X-Forwarded-*</c> are trusted: the caller's
/// address, host and scheme. <c>Gateway:TrustedProxies</c> names addresses or networks; none: loopback only. From other
/// senders the headers are ignored.
/// </summary>
internal static class TrustedProxies
{
    private const string Setting = "Gateway:TrustedProxies";

    public static void AddTrustedProxies(this WebApplicationBuilder builder)
    {
        IReadOnlyList<string> entries = builder.Configuration.GetSection(Setting).Get<string[]>() is { Length: > 0 } given ? given : Networks.Loopback;
        var networks = entries.Select(Parse).ToList();
        builder.Services.Configure<ForwardedHeadersOptions>(options =>
        {
            options.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost;
            options.KnownProxies.Clear();
            options.KnownIPNetworks.Clear();
            networks.ForEach(options.KnownIPNetworks.Add);
            // No limit: hops are followed as long as each is trusted.
            options.ForwardLimit = null;
        });
    }

    private static IPNetwork Parse(string entry) => Networks.TryParse(entry, out var network)
        ? network
        : throw new InvalidOperationException($"{Setting}: '{entry}' is neither an address nor a network");
}
