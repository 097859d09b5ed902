using System.Net;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>Networks as settings name them: <c>10.0.0.0/8</c>, or one address.</summary>
public static class Networks
{
    /// <summary>This machine itself.</summary>
    public static readonly IReadOnlyList<string> Loopback = ["127.0.0.0/8", "::1"];

    public static bool TryParse(string entry, out IPNetwork network)
    {
        if (IPNetwork.TryParse(entry, out network))
            return true;
        if (!IPAddress.TryParse(entry, out var address))
            return false;
        network = new IPNetwork(address, address.GetAddressBytes().Length * 8);
        return true;
    }
}
