using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Lyceum.GpuEngine.Launch;

/// <summary>
/// Where the model server listens: at <c>Llm:Endpoint</c>, or on a free port of loopback, a new one at each start.
/// </summary>
internal static class ServerAddress
{
    public static Uri Choose(string? endpoint) =>
        string.IsNullOrWhiteSpace(endpoint) ? new Uri($"http://127.0.0.1:{FreePort()}/v1") : new Uri(endpoint);

    /// <summary>
    /// Whether another program listens at this port of this machine already: it would answer in place of the server,
    /// which could not listen there.
    /// </summary>
    public static bool IsTaken(Uri address) =>
        address.IsLoopback && Array.Exists(
            IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners(),
            listener => listener.Port == address.Port && (listener.Address.Equals(IPAddress.Any) || listener.Address.Equals(IPAddress.IPv6Any)
                || IPAddress.IsLoopback(listener.Address)));

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
