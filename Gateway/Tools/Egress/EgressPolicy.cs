using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.Gateway.Tools.Egress;

/// <summary>
/// Where tools may connect to: the public internet, and what the configuration file allows beyond. Checked by address
/// when the connection is made, because a name may resolve to another address later.
/// </summary>
internal sealed class EgressPolicy
{
    // IANA's special-purpose registries, and addresses of cloud platforms' own services.
    private static readonly IPNetwork[] Special =
    [
        .. ((string[])[
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "168.63.129.16/32", // Azure's host, in a public range
            // Of IPv6, within the global 2000::/3: protocol assignments with Teredo, 6to4 (both carry an IPv4 address), documentation.
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        ]).Select(network => IPNetwork.Parse(network)),
    ];

    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");

    private readonly List<(IPNetwork Network, int? Port)> _networks = [];
    private readonly List<(string Host, int? Port)> _hosts = [];

    /// <param name="allow">Entries for which <see cref="IsEntry"/> is true.</param>
    public EgressPolicy(IEnumerable<string> allow)
    {
        foreach (var entry in allow)
        {
            var (host, port) = Split(entry);
            if (Networks.TryParse(host, out var network))
                _networks.Add((network, port));
            else
                _hosts.Add((host, port));
        }
    }

    public static bool IsEntry(string entry)
    {
        var (host, port) = Split(entry);
        return port is null or (> 0 and <= 65535)
            && (Networks.TryParse(host, out _) || !host.Contains('/') && Uri.CheckHostName(host) == UriHostNameType.Dns);
    }

    /// <summary>
    /// Whether a connection to <paramref name="address"/>, which <paramref name="host"/> resolved to, may be made.
    /// </summary>
    public bool Allows(string host, IPAddress address, int port)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        return IsPublic(address)
            || _networks.Exists(entry => (entry.Port ?? port) == port && entry.Network.Contains(address))
            || _hosts.Exists(entry => (entry.Port ?? port) == port && string.Equals(entry.Host, host.TrimEnd('.'), StringComparison.OrdinalIgnoreCase));
    }

    private static bool IsPublic(IPAddress address) =>
        (address.AddressFamily == AddressFamily.InterNetwork || GlobalUnicast.Contains(address))
        && !Special.Any(network => network.Contains(address));

    /// <summary><c>host</c>, <c>host:port</c>, <c>[::1]:port</c>; an IPv6 address or a network has no port without brackets.</summary>
    private static (string Host, int? Port) Split(string entry)
    {
        if (entry.StartsWith('[') && entry.IndexOf(']') is > 0 and var close)
            return (entry[1..close], close + 1 < entry.Length ? Port(entry[(close + 1)..].TrimStart(':')) : null);
        return entry.IndexOf(':') is > 0 and var colon && colon == entry.LastIndexOf(':') && !entry.Contains('/')
            ? (entry[..colon], Port(entry[(colon + 1)..]))
            : (entry, null);
    }

    private static int Port(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : -1;
}
