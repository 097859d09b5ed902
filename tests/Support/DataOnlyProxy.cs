using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Lyceum.Tests.Support;

/// <summary>
/// A load balancer before WebSockets that passes all on, but takes a connection for silent, and cuts it, when no data frame passed
/// for a while in one of its directions. Pings, pongs and closes do not count.
/// </summary>
public sealed class DataOnlyProxy : IAsyncDisposable
{
    private const int FirstControlOpcode = 8;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly TimeSpan _silence;
    private readonly TimeProvider _time;
    private readonly Uri _backend;
    private readonly Task _accepting;
    private int _cut;
    private int _control;
    private int _fromClients;
    private int _fromBackend;

    /// <param name="time">By which it counts silence.</param>
    public DataOnlyProxy(Uri backend, TimeSpan silence, TimeProvider? time = null)
    {
        (_backend, _silence, _time) = (backend, silence, time ?? TimeProvider.System);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>Connections that it took for silent.</summary>
    public int Cut => Volatile.Read(ref _cut);

    public int ControlFrames => Volatile.Read(ref _control);

    public int DataFromClients => Volatile.Read(ref _fromClients);

    public int DataFromBackend => Volatile.Read(ref _fromBackend);

    /// <summary>The same address, through this.</summary>
    public Uri Before(Uri address) => new UriBuilder(address) { Host = "127.0.0.1", Port = Port }.Uri;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_connections);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var backend = new TcpClient();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        using (client)
        {
            try
            {
                await backend.ConnectAsync(_backend.Host, _backend.Port, over.Token);
                var up = PassAsync(client.GetStream(), backend.GetStream(), () => Interlocked.Increment(ref _fromClients), over);
                var down = PassAsync(backend.GetStream(), client.GetStream(), () => Interlocked.Increment(ref _fromBackend), over);
                await Task.WhenAny(up, down);
                await over.CancelAsync();
                await Task.WhenAll(up, down);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }

    /// <summary>One direction, to its end or to the other's.</summary>
    private async Task PassAsync(NetworkStream from, NetworkStream to, Action data, CancellationTokenSource over)
    {
        await using var silent = _time.CreateTimer(
            _ =>
            {
                if (!over.IsCancellationRequested)
                {
                    Interlocked.Increment(ref _cut);
                    over.Cancel();
                }
            },
            null, _silence, Timeout.InfiniteTimeSpan);
        var cancel = over.Token;
        try
        {
            await PassHeadersAsync(from, to, cancel);
            var header = new byte[14];
            while (true)
            {
                await from.ReadExactlyAsync(header.AsMemory(0, 2), cancel);
                var isControl = (header[0] & 0xF) >= FirstControlOpcode;
                var (short7, mask) = (header[1] & 0x7F, header[1] >> 7 == 1 ? 4 : 0);
                var more = mask + (short7 == 126 ? 2 : short7 == 127 ? 8 : 0);
                await from.ReadExactlyAsync(header.AsMemory(2, more), cancel);
                var length = short7 switch
                {
                    126 => BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(2)),
                    127 => checked((int)BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(2))),
                    _ => short7,
                };
                var payload = new byte[length];
                await from.ReadExactlyAsync(payload, cancel);
                if (isControl)
                    Interlocked.Increment(ref _control);
                else
                    silent.Change(_silence, Timeout.InfiniteTimeSpan);
                await to.WriteAsync(header.AsMemory(0, 2 + more), cancel);
                await to.WriteAsync(payload, cancel);
                if (!isControl)
                    data();
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
        }
    }

    /// <summary>The request for an upgrade, or its answer: all up to the empty line.</summary>
    private static async Task PassHeadersAsync(NetworkStream from, NetworkStream to, CancellationToken cancel)
    {
        var end = Encoding.ASCII.GetBytes("\r\n\r\n");
        var seen = new List<byte>();
        var one = new byte[1];
        while (seen.Count < 4 || !seen.TakeLast(4).SequenceEqual(end))
        {
            await from.ReadExactlyAsync(one, cancel);
            seen.Add(one[0]);
        }
        await to.WriteAsync(seen.ToArray(), cancel);
    }
}
