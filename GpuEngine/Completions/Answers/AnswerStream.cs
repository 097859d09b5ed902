using Lyceum.GpuEngine.Charging;
using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Completions.Answers;

/// <summary>
/// A streamed answer on its way to the client. The response begins with the first bytes, so that a failure before them
/// still gets a status of its own; after them it is an error event.
/// </summary>
internal sealed class AnswerStream(HttpResponse response, AnswerBounds bounds, EngineMetrics metrics, Charge charge)
{
    /// <summary>
    /// Awaits the model within the answer's bounds; comments keep the connection to the client open meanwhile.
    /// </summary>
    public ValueTask<T> WaitAsync<T>(ValueTask<T> pending) => bounds.WaitAsync(pending, PingAsync);

    /// <summary>Sends whole events and returns when the transport took them: a slow client slows the model, no buffer grows.</summary>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> events)
    {
        Begin(response);
        await response.BodyWriter.WriteAsync(events, bounds.Token);
    }

    /// <summary>The headers of an event stream, where the response has not begun.</summary>
    public static void Begin(HttpResponse response)
    {
        if (!response.HasStarted)
        {
            response.ContentType = "text/event-stream; charset=utf-8";
            response.Headers.CacheControl = "no-cache, no-store";
            // nginx and other proxies buffer a response unless this header forbids it.
            response.Headers["X-Accel-Buffering"] = "no";
        }
    }

    /// <summary>Counts tokens that came from the model, before they are written.</summary>
    public void TokensArrived(int count)
    {
        if (bounds.TokenArrived())
            metrics.FirstToken(bounds.Elapsed);
        metrics.Tokens(count);
        charge.Answered(count);
    }

    /// <summary>What the model counted, where it did.</summary>
    public void Counted(TokenUsage? usage) => charge.Usage = usage;

    private ValueTask PingAsync() => WriteAsync(ChatFrames.Ping);
}
