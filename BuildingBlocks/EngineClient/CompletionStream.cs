namespace Lyceum.EngineClient;

/// <summary>
/// A streamed chat completion, read event by event: the framing (<see cref="EventBuffer"/>) and the events
/// (<see cref="CompletionReader"/>) together with what makes an answer whole. An answer whose finish reason has come is
/// whole, however its connection ends. A whole answer as one JSON object is a stream of one event. One reader, no locks.
/// </summary>
public sealed class CompletionStream(Stream stream, TextAs text, ThinkingIn thinking = ThinkingIn.Fields)
{
    private readonly EventBuffer _events = new(stream);
    private readonly CompletionReader _reader = new(text, thinking);

    /// <summary>The events read since the last fill, as they came.</summary>
    public ReadOnlyMemory<byte> Taken => _events.Taken;

    /// <summary>What came are JSON values, not events: they cannot be relayed as they came.</summary>
    public bool IsJson => _events.IsJson;

    /// <summary>Of the event read last (<see cref="CompletionReader.Changed"/>).</summary>
    public IReadOnlyList<ChangedChoice> Changed => _reader.Changed;

    /// <summary>The last one that came; null while the answer goes on.</summary>
    public string? FinishReason { get; private set; }

    /// <summary>The last one that came.</summary>
    public TokenUsage? Usage { get; private set; }

    /// <summary>The last event has come.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Part of an answer has come.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>
    /// Why the answer ended: as the model says, or <c>stop</c> of a server that ends an answer without a reason. Null
    /// where it did not end, or ended without an answer.
    /// </summary>
    public string? End => _reader.HasEnded || (IsDone && HasBegun) ? FinishReason ?? "stop" : null;

    /// <summary>When there is nothing more to read: what was held back of the answer.</summary>
    public CompletionChunk Rest() => _reader.End();

    /// <summary>Likewise, of each choice that has begun.</summary>
    public IReadOnlyList<EndedChoice> EndAll() => _reader.EndAll();

    /// <summary>Reads what is there, forgetting the events read before; false at the stream's end.</summary>
    /// <exception cref="MalformedStreamException">An event is too large.</exception>
    /// <exception cref="IOException">The connection broke; also <see cref="HttpRequestException"/>.</exception>
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (IsDone)
            return false;
        try
        {
            return await _events.FillAsync(cancellationToken) || _events.End();
        }
        catch (Exception e) when (_reader.HasEnded && e is IOException or HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>Reads the next whole event.</summary>
    /// <param name="data">Its data, with <see cref="CompletionChunk.Raw"/> in it; valid until the next event.</param>
    /// <exception cref="MalformedStreamException">It cannot be read.</exception>
    public bool TryRead(out CompletionChunk chunk, out ReadOnlySpan<byte> data)
    {
        chunk = default;
        data = default;
        if (IsDone || !_events.TryTake(out data))
            return false;
        try
        {
            chunk = _reader.Read(data, _events.IsError);
        }
        catch (MalformedStreamException) when (_events.IsCut)
        {
            return false; // the connection ended amid this event
        }
        FinishReason = chunk.FinishReason ?? FinishReason;
        Usage = chunk.Usage ?? Usage;
        HasBegun |= chunk.HasToken;
        IsDone = chunk.IsDone;
        return true;
    }
}
