using System.Buffers;
using Lyceum.EngineClient;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// Reads what a chat completion used as its bytes go by: one JSON document, or the events of a stream. What is too long
/// to look at (<see cref="EventBuffer.MaxEvent"/>), and what follows it, is counted by its length.
/// </summary>
internal sealed class AnswerMeter(bool stream)
{
    private readonly EventBuffer _events = new();
    private readonly CompletionReader _reader = new(TextAs.Raw);
    private readonly ArrayBufferWriter<byte> _whole = new();
    private bool _tooLong;

    /// <summary>What the model counted: of prompt and answer together.</summary>
    public long? Total { get; private set; }

    /// <summary>Of the answer's text; for when the model counted nothing.</summary>
    public long TextBytes { get; private set; }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (_tooLong)
        {
            TextBytes += bytes.Length;
        }
        else if (!stream)
        {
            _whole.Write(bytes);
            if (_whole.WrittenCount > EventBuffer.MaxEvent)
                GiveUp(_whole.WrittenCount);
        }
        else if (!bytes.IsEmpty)
        {
            CountEvents(bytes);
        }
    }

    /// <summary>After the last byte.</summary>
    public void Complete()
    {
        if (_tooLong)
            return;
        if (!stream)
            Count(_whole.WrittenSpan);
        else
            CountEvents([]);
    }

    private void CountEvents(ReadOnlySpan<byte> bytes)
    {
        try
        {
            if (bytes.IsEmpty)
                _events.End();
            else
                _events.Add(bytes);
        }
        catch (MalformedStreamException)
        {
            GiveUp(_events.Waiting + bytes.Length);
            return;
        }
        while (_events.TryTake(out var data))
            Count(data);
    }

    private void Count(ReadOnlySpan<byte> json)
    {
        try
        {
            var chunk = stream ? _reader.Read(json) : CompletionReader.ReadWhole(json, TextAs.Raw);
            TextBytes += chunk.TokenBytes;
            if (chunk.Usage is var (prompt, completion, total))
                Total = Math.Max(total, (long)prompt + completion) is > 0 and var counted ? counted : Total;
        }
        catch (MalformedStreamException)
        {
            TextBytes += json.Length; // broken off, or nothing we know
        }
    }

    private void GiveUp(long bytes)
    {
        _tooLong = true;
        TextBytes += bytes;
    }
}
