using System.Net;
using System.Net.Sockets;

namespace Aspire.Hosting.Processes;

/// <summary>
/// Chooses free ports for processes that will listen later. Between the choice and the listening somebody else could take
/// the port; two things prevent it. The ports lie below the range from which the kernel takes the local ports of
/// outgoing connections. And each is reserved among hosts, for as long as the host lives, by a socket of that number in
/// Linux' abstract namespace, which like the ports is the network namespace's, needs no file and dies with its owner.
/// </summary>
internal sealed class PortAllocator : IDisposable
{
    private const int First = 15_000;
    private const int Last = 32_000;
    private const int Attempts = 1_000;

    private readonly List<Socket> _reservations = [];

    public int Allocate()
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var port = Random.Shared.Next(First, Last);
            if (TryReserve(port) is not { } reservation)
                continue;
            if (IsFree(IPAddress.Loopback, port) && (!Socket.OSSupportsIPv6 || IsFree(IPAddress.IPv6Loopback, port)))
            {
                lock (_reservations)
                    _reservations.Add(reservation);
                return port;
            }

            reservation.Dispose();
        }

        throw new DistributedApplicationException($"No free port was found between {First} and {Last}.");
    }

    public void Dispose()
    {
        lock (_reservations)
        {
            _reservations.ForEach(r => r.Dispose());
            _reservations.Clear();
        }
    }

    private static Socket? TryReserve(int port)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint($"\0process-hosting-port-{port}"));
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    private static bool IsFree(IPAddress address, int port)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            return true;
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressNotAvailable)
        {
            return true; // this machine has no such loopback: nobody can take the port there
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
