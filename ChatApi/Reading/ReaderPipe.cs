using System.IO.Pipelines;

namespace Lyceum.ChatApi.Reading;

/// <summary>
/// The pipe of one response, whose reader may be slow but not dead: a flush waits for the client, and one that waits longer
/// than <paramref name="timeout"/> ends the response. (Kestrel's minimum data rate allows a minute for every 14 kB in flight.)
/// </summary>
public sealed class ReaderPipe(PipeWriter writer, TimeSpan timeout, TimeProvider time)
{
    public PipeWriter Writer { get; } = writer;

    /// <exception cref="ReaderStalledException">The client took nothing for that long.</exception>
    public ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken)
    {
        var flush = Writer.FlushAsync(cancellationToken);
        return flush.IsCompleted ? flush : WaitAsync(flush.AsTask(), cancellationToken); // complete as long as the client keeps up
    }

    private async ValueTask<FlushResult> WaitAsync(Task<FlushResult> flush, CancellationToken cancellationToken)
    {
        try
        {
            return await flush.WaitAsync(timeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new ReaderStalledException();
        }
    }
}

/// <summary>A client took nothing of its response for too long. It may come back with its cursor.</summary>
public sealed class ReaderStalledException() : IOException("The reader has stalled.");
