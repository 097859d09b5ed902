using System.Threading.Channels;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>
/// Wakes one reader: an auto-reset event of capacity one. Setting it twice before the reader reads wakes it once, and
/// the reader then takes all there is. Waiting allocates nothing.
/// </summary>
public sealed class ReaderSignal
{
    private readonly Channel<byte> _channel = Channel.CreateBounded<byte>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    public void Set() => _channel.Writer.TryWrite(0);

    public async ValueTask WaitAsync(CancellationToken cancellationToken) =>
        await _channel.Reader.ReadAsync(cancellationToken);

    /// <summary>Waits for the signal, but no longer than <paramref name="limit"/>.</summary>
    public async Task WaitAtMostAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(limit);
        try
        {
            await WaitAsync(bound.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // No signal in time: the reader polls.
        }
    }
}
