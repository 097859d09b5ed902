using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.HttpOverrides;
using IPNetwork = System.Net.IPNetwork;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Who stands before the gateway (nginx, a load balancer) and is believed about the caller: its address, the host and scheme
/// it asked by. <c>Gateway:TrustedProxies</c> names addresses or networks; none: this machine's alone. Whoever else sends
/// <c>X-Forwarded-*</c> is not believed.
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
            // As many hops as are trusted one after the other.
            options.ForwardLimit = null;
        });
    }

    private static IPNetwork Parse(string entry) => Networks.TryParse(entry, out var network)
        ? network
        : throw new InvalidOperationException($"{Setting}: '{entry}' is neither an address nor a network");
}
