using System.Buffers;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.GpuEngine.Completions.Detached;

/// <summary>
/// One response that reads a generation as server-sent events. It copies from the shared text at its own pace: a slow
/// client delays nothing but its own response, which Kestrel's minimum data rate ends.
/// </summary>
internal sealed class GenerationReader(Generation generation, HttpContext http, TimeSpan ping, TimeProvider time)
{
    // Bytes of text in one event, for a reader that has much to catch up with.
    private const int MaxChunk = 16 * 1024;

    private readonly ReaderSignal _signal = new(inline: true);
    private ITimer? _pings;
    private bool _introduced;
    private long _lastWrite = time.GetTimestamp(); // also read by the timer

    /// <summary>
    /// Sends the text from <paramref name="offset"/> on until the generation has ended or the client is gone; before
    /// it, the reasoning from <paramref name="thought"/> on.
    /// </summary>
    public async Task RunAsync(int offset, int thought)
    {
        var (output, gone) = (http.Response.BodyWriter, http.RequestAborted);
        await using var leaving = gone.UnsafeRegister(static signal => ((ReaderSignal)signal!).Set(), _signal);
        await using var pings = _pings = time.CreateTimer(
            static me => ((GenerationReader)me!).CheckSilence(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        CheckSilence();
        generation.Attach(_signal);
        try
        {
            while (!gone.IsCancellationRequested)
            {
                var end = generation.End;
                var thinking = generation.Thinking.Slice(thought, MaxChunk);
                var text = generation.Text.Slice(offset, MaxChunk);
                if (thinking.Length > 0)
                {
                    Introduce(output).Thinking(output, thinking.Span);
                    thought += thinking.Length;
                }
                else if (text.Length > 0)
                {
                    Introduce(output).Text(output, text.Span);
                    offset += text.Length;
                }
                else if (end is not null)
                {
                    await EndAsync(output, end);
                    generation.WasRead();
                    return;
                }
                else if (Silent >= ping)
                {
                    AnswerStream.Begin(http.Response);
                    output.Write(ChatFrames.Ping.Span);
                }
                else
                {
                    await _signal.WaitAsync();
                    continue;
                }
                Volatile.Write(ref _lastWrite, time.GetTimestamp());
                await output.FlushAsync(CancellationToken.None);
            }
        }
        finally
        {
            generation.Detach(_signal);
        }
    }

    private TimeSpan Silent => time.GetElapsedTime(Volatile.Read(ref _lastWrite));

    private ChunkFrames Introduce(IBufferWriter<byte> output)
    {
        var frames = generation.Frames!;
        if (!_introduced)
        {
            _introduced = true;
            AnswerStream.Begin(http.Response);
            frames.Role(output);
        }
        return frames;
    }

    private async ValueTask EndAsync(IBufferWriter<byte> output, GenerationEnd end)
    {
        if (end.FinishReason is { } reason)
        {
            Introduce(output).End(output, reason, end.Usage);
        }
        else if (end.Error is null)
        {
            http.Abort();
            return;
        }
        else if (http.Response.HasStarted || _introduced)
        {
            output.Write(ChatFrames.Error(end.Error).Span);
        }
        else
        {
            // Nothing was sent: the failure gets a status of its own.
            await end.Error.AnswerAsync(http.Response, http.RequestAborted);
            return;
        }
        await http.Response.BodyWriter.FlushAsync(CancellationToken.None);
    }

    /// <summary>
    /// On the timer's thread: wakes the reader when it was silent long enough, else checks again when it may be.
    /// </summary>
    private void CheckSilence()
    {
        var remaining = ping - Silent;
        if (remaining <= TimeSpan.Zero)
        {
            _signal.Set();
            remaining = ping;
        }
        _pings!.Change(TimeSpan.FromMilliseconds(Math.Ceiling(remaining.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
    }
}
