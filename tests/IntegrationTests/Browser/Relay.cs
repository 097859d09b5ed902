using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Lyceum.Tests.IntegrationTests.Browser;

/// <summary>How a line is.</summary>
/// <param name="BytesPerSecond">Of all connections together, each way; 0: no bound.</param>
/// <param name="RoundTrip">Half of it each way.</param>
/// <param name="Loss">
/// The part of packets that is lost. TCP sends them again, so that what a program sees is a pause: everything after waits
/// <see cref="Relay.Resend"/>.
/// </param>
public sealed record Line(int BytesPerSecond = 0, TimeSpan RoundTrip = default, double Loss = 0)
{
    /// <summary>A school's wireless network in a corner: 400 kbit/s, 400 ms, 2 %.</summary>
    public static readonly Line Bad = new(50_000, TimeSpan.FromMilliseconds(400), 0.02);
}

/// <summary>A cable between a browser and the gateway that can be cut, restored and made bad. Loopback only.</summary>
public sealed class Relay : IAsyncDisposable
{
    private const int Packet = 1400; // bytes
    private const int Queued = 512; // packets of one connection on their way; beyond it, the sender waits

    internal static readonly TimeSpan Resend = TimeSpan.FromMilliseconds(300);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentDictionary<Socket, byte> _open = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly Link _up, _down;
    private readonly int _port;
    private readonly Task _accepting;
    private volatile bool _cut;

    /// <param name="gateway">Where the cable leads.</param>
    public Relay(Uri gateway, Line? line = null, int seed = 1)
    {
        ArgumentNullException.ThrowIfNull(gateway);
        (_up, _down) = (new Link(line ?? new(), seed), new Link(line ?? new(), seed + 1));
        _port = gateway.Port;
        _listener.Start();
        Address = new Uri($"http://localhost:{((IPEndPoint)_listener.LocalEndpoint).Port}/");
        _accepting = AcceptAsync();
    }

    /// <summary>What the browser is told.</summary>
    public Uri Address { get; }

    /// <summary>Bytes that came down so far.</summary>
    public long Received => _down.Bytes;

    /// <summary>Ends every connection; new ones end at once.</summary>
    public void Cut()
    {
        _cut = true;
        foreach (var socket in _open.Keys)
            socket.Close(timeout: 0); // a reset, as from a router that has forgotten the connection
    }

    public void Restore() => _cut = false;

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var near = await _listener.AcceptSocketAsync(_closing.Token);
                if (_cut)
                    near.Close(timeout: 0);
                else
                    _connections.Add(ConnectAsync(near));
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task ConnectAsync(Socket near)
    {
        var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
        (_open[near], _open[far]) = (0, 0);
        try
        {
            (near.NoDelay, far.NoDelay) = (true, true);
            await far.ConnectAsync(IPAddress.Loopback, _port, _closing.Token);
            await Task.WhenAll(_up.CarryAsync(near, far, _closing.Token), _down.CarryAsync(far, near, _closing.Token));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // One end has gone, or the cable was cut: so has the other.
        }
        finally
        {
            foreach (var socket in (Socket[])[near, far])
            {
                _open.TryRemove(socket, out _);
                socket.Dispose();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        _listener.Stop();
        Cut();
        await _accepting;
        await Task.WhenAll(_connections);
        _closing.Dispose();
    }

    /// <summary>One direction of the line, which its connections share.</summary>
    private sealed class Link(Line line, int seed)
    {
        private readonly Lock _turn = new();
        private readonly Random _random = new(seed);
        private long _free; // Stopwatch's time at which the last packet has left
        private long _bytes;

        public long Bytes => Interlocked.Read(ref _bytes);

        public async Task CarryAsync(Socket from, Socket to, CancellationToken cancellationToken)
        {
            var way = Channel.CreateBounded<(byte[] Packet, long Arrives)>(Queued);
            await Task.WhenAll(ReadAsync(), WriteAsync());

            async Task ReadAsync()
            {
                try
                {
                    var buffer = new byte[Packet];
                    while (await from.ReceiveAsync(buffer, cancellationToken) is > 0 and var count)
                        await way.Writer.WriteAsync((buffer[..count], Send(count)), cancellationToken);
                    way.Writer.Complete();
                }
                catch (Exception e)
                {
                    way.Writer.TryComplete(e);
                }
            }

            async Task WriteAsync()
            {
                try
                {
                    await foreach (var (packet, arrives) in way.Reader.ReadAllAsync(cancellationToken))
                    {
                        if (Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), arrives) is { Ticks: > 0 } wait)
                            await Task.Delay(wait, cancellationToken);
                        for (var sent = 0; sent < packet.Length;)
                            sent += await to.SendAsync(packet.AsMemory(sent), cancellationToken);
                        Interlocked.Add(ref _bytes, packet.Length);
                    }
                    to.Shutdown(SocketShutdown.Send);
                }
                catch
                {
                    from.Close(timeout: 0); // the reader above ends with it
                    throw;
                }
            }
        }

        /// <summary>When a packet that is sent now arrives.</summary>
        private long Send(int bytes)
        {
            lock (_turn)
            {
                var begins = Math.Max(_free, Stopwatch.GetTimestamp());
                var takes = line.BytesPerSecond == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds((double)bytes / line.BytesPerSecond);
                _free = begins + Units(takes + (_random.NextDouble() < line.Loss ? Resend : TimeSpan.Zero));
                return _free + Units(line.RoundTrip / 2);
            }
        }

        private static long Units(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);
    }
}
