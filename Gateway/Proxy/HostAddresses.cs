using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Primitives;

namespace Lyceum.Gateway.Proxy;

/// <summary>Asks a name server, as <see cref="Dns.GetHostAddressesAsync(string, CancellationToken)"/> does.</summary>
internal delegate Task<IPAddress[]> HostLookup(string host, CancellationToken cancellationToken);

/// <summary>
/// The addresses behind names of hosts, looked up every <see cref="Interval"/>: a headless Service of Kubernetes has one for each replica,
/// and says by them alone that there are more or others. Only names that the configuration has are asked for, so they are few.
/// </summary>
internal sealed partial class HostAddresses(HostLookup lookup, TimeProvider time, ILogger<HostAddresses> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    /// <summary>For a name server that does not answer; what was known holds on.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Known> _known = new(StringComparer.OrdinalIgnoreCase);

    private sealed record Known(IReadOnlyList<IPAddress> Addresses, CancellationTokenSource Changed);

    /// <returns>In an order that stays, of one family (a replica may have one of each); none while the name has none. And when they change.</returns>
    public async ValueTask<(IReadOnlyList<IPAddress> Addresses, IChangeToken Changed)> FindAsync(string host, CancellationToken cancellationToken)
    {
        if (!_known.TryGetValue(host, out var known))
            known = _known.GetOrAdd(host, new Known(await LookUpAsync(host, before: [], cancellationToken), new()));
        return (known.Addresses, new CancellationChangeToken(known.Changed.Token));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await Task.WhenAll(_known.Keys.Select(host => RefreshAsync(host, stoppingToken)));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The gateway stops.
        }
    }

    private async Task RefreshAsync(string host, CancellationToken stoppingToken)
    {
        var before = _known[host];
        var addresses = await LookUpAsync(host, before.Addresses, stoppingToken);
        if (addresses.SequenceEqual(before.Addresses))
            return;
        LogChanged(host, string.Join(", ", addresses));
        _known[host] = new Known(addresses, new());
        await before.Changed.CancelAsync();
    }

    private async Task<IReadOnlyList<IPAddress>> LookUpAsync(string host, IReadOnlyList<IPAddress> before, CancellationToken cancellationToken)
    {
        try
        {
            var found = await lookup(host, cancellationToken).WaitAsync(Limit, time, cancellationToken);
            var family = found.Any(address => address.AddressFamily == AddressFamily.InterNetwork)
                ? AddressFamily.InterNetwork
                : AddressFamily.InterNetworkV6;
            return [.. found.Where(address => address.AddressFamily == family).Distinct().OrderBy(address => address.ToString(), StringComparer.Ordinal)];
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.HostNotFound or SocketError.NoData)
        {
            return [];
        }
        catch (Exception e) when (e is SocketException or TimeoutException)
        {
            LogKept(host, e.Message);
            return before;
        }
    }

    [LoggerMessage(LogLevel.Information, "{Host} is now at {Addresses}")]
    private partial void LogChanged(string host, string addresses);

    [LoggerMessage(LogLevel.Warning, "{Host} could not be looked up, its last addresses stay: {Reason}")]
    private partial void LogKept(string host, string reason);
}
