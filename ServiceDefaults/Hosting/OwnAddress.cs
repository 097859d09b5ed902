using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;

namespace Lyceum.ServiceDefaults.Hosting;

/// <summary>Where this very process is reached by others, for those it gives its address to.</summary>
public static class OwnAddress
{
    /// <summary>
    /// The first address the server listens on, plain HTTP preferred; one that means every interface becomes this machine's
    /// name. Null before the server has started.
    /// </summary>
    public static Uri? Of(IServer server)
    {
        ArgumentNullException.ThrowIfNull(server);
        var addresses = (server.Features.Get<IServerAddressesFeature>()?.Addresses ?? []).Select(BindingAddress.Parse)
            .OrderBy(address => address.Scheme == Uri.UriSchemeHttp ? 0 : 1).ToList();
        if (addresses is not [var first, ..])
            return null;
        var isEverywhere = first.Host is "+" or "*" || (IPAddress.TryParse(first.Host.Trim('[', ']'), out var ip)
            && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)));
        return new UriBuilder(first.Scheme, isEverywhere ? Dns.GetHostName() : first.Host, first.Port).Uri;
    }
}
