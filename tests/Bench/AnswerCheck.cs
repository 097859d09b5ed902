using System.Diagnostics;
using System.Text.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.Bench;

/// <summary>Which of the two streaming protocols is spoken.</summary>
internal enum BenchApi
{
    /// <summary><c>POST /chat</c>: events start, delta, ping, end.</summary>
    Chat,

    /// <summary><c>POST /v1/chat/completions</c>: chunks and [DONE].</summary>
    OpenAI,
}

/// <summary>
/// Checks one answer while it arrives: server-sent events are read where they lie in the buffer, and their text is
/// compared with the stub's next expected token, so that a token costs the client no allocation.
/// </summary>
internal sealed class AnswerCheck(BenchApi api, long seed, int tokens, bool unicode)
{
    private readonly byte[] _buffer = new byte[16 * 1024];
    private readonly byte[] _text = new byte[16 * 1024];
    private int _start;
    private int _end;
    private bool _isEnd;

    /// <summary>What came in whole and right so far.</summary>
    public TokenCheck Tokens { get; } = new(seed, tokens, unicode);

    /// <summary>The end event (or [DONE]) came and told of completion.</summary>
    public bool Ended { get; private set; }

    /// <summary>The first thing that was not as expected.</summary>
    public string? Fault { get; private set; }

    public async Task ReadAsync(Stream stream, CancellationToken cancel)
    {
        while (Fault is null && Tokens.Fault is null)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancel);
            if (read == 0)
            {
                break;
            }
            _end += read;
            TakeLines(Stopwatch.GetTimestamp());
        }
        Fault ??= Tokens.Fault ?? (Tokens.Received < tokens ? $"{Tokens.Received} of {tokens} tokens" : Ended ? null : "no end");
    }

    private void TakeLines(long now)
    {
        while (Fault is null && Tokens.Fault is null && _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n') is >= 0 and var length)
        {
            var line = _buffer.AsSpan(_start, length).TrimEnd((byte)'\r');
            _start += length + 1;
            if (line.StartsWith("event:"u8))
            {
                var name = line["event:"u8.Length..].Trim((byte)' ');
                _isEnd = name.SequenceEqual("end"u8);
                Fault = name.SequenceEqual("error"u8) ? "error event" : null;
            }
            else if (line.StartsWith("data:"u8))
            {
                Data(line["data:"u8.Length..].TrimStart((byte)' '), now);
            }
        }
    }

    private void Data(ReadOnlySpan<byte> data, long now)
    {
        if (data.SequenceEqual("[DONE]"u8))
        {
            Ended = true;
            return;
        }
        var json = new Utf8JsonReader(data);
        while (json.Read())
        {
            if (json.TokenType is not JsonTokenType.PropertyName)
            {
                continue;
            }
            var isText = json.ValueTextEquals(api is BenchApi.Chat ? "text"u8 : "content"u8);
            var isStatus = _isEnd && json.ValueTextEquals("status"u8);
            var isError = api is BenchApi.OpenAI && json.ValueTextEquals("error"u8);
            json.Read();
            if (isText && json.TokenType is JsonTokenType.String)
            {
                Tokens.Take(_text.AsSpan(0, json.CopyString(_text)), now);
            }
            else if (isStatus)
            {
                Ended = json.ValueTextEquals("complete"u8);
                Fault = Ended ? null : "ended as " + json.GetString();
            }
            else if (isError)
            {
                Fault = "error event";
            }
        }
    }
}
