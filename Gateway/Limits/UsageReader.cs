using System.Buffers;
using System.Text.Json;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// Reads the <c>usage</c> of a chat completion as its bytes go by: of one JSON document, or of the events of a stream. What is too long to
/// look at (<see cref="Most"/>) is counted by its length.
/// </summary>
internal sealed class UsageReader(bool stream) : IDisposable
{
    private const int Most = 1024 * 1024;

    // A stream's current line, or the whole document.
    private readonly ArrayBufferWriter<byte> _pending = new();
    private bool _tooLong;

    /// <summary>What the model counted: of prompt and answer together.</summary>
    public long? Total { get; private set; }

    /// <summary>Of the answer's text; for when the model counted nothing.</summary>
    public long TextBytes { get; private set; }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (stream && bytes.IndexOf((byte)'\n') is >= 0 and var end)
        {
            Keep(bytes[..end]);
            Line();
            bytes = bytes[(end + 1)..];
        }
        Keep(bytes);
    }

    /// <summary>After the last byte.</summary>
    public void Complete()
    {
        if (stream)
            Line();
        else if (!_tooLong)
            Read(_pending.WrittenSpan);
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (_tooLong || _pending.WrittenCount + bytes.Length > Most)
        {
            _tooLong = true;
            TextBytes += bytes.Length;
            return;
        }
        _pending.Write(bytes);
    }

    private void Line()
    {
        var line = _pending.WrittenSpan;
        if (!_tooLong && line.StartsWith("data:"u8))
            Read(line[5..].Trim((byte)' ').TrimEnd((byte)'\r'));
        _pending.ResetWrittenCount();
        _tooLong = false;
    }

    private void Read(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length == 0 || utf8[0] != '{')
            return; // [DONE]
        try
        {
            var json = new Utf8JsonReader(utf8);
            var text = false;
            while (json.Read())
            {
                if (json.TokenType == JsonTokenType.PropertyName)
                {
                    if (json.CurrentDepth == 1 && json.ValueTextEquals("usage"u8))
                    {
                        json.Read();
                        ReadUsage(ref json);
                    }
                    else
                    {
                        text = json.ValueTextEquals("content"u8) || json.ValueTextEquals("reasoning_content"u8)
                            || json.ValueTextEquals("refusal"u8) || json.ValueTextEquals("arguments"u8);
                    }
                }
                else if (json.TokenType == JsonTokenType.String && text)
                {
                    TextBytes += json.ValueSpan.Length;
                }
            }
        }
        catch (JsonException)
        {
            TextBytes += utf8.Length; // broken off, or nothing we know
        }
    }

    private void ReadUsage(ref Utf8JsonReader json)
    {
        if (json.TokenType != JsonTokenType.StartObject)
            return; // null, until the last event
        using var usage = JsonDocument.ParseValue(ref json);
        long prompt = Number(usage, "prompt_tokens"), answer = Number(usage, "completion_tokens"), total = Number(usage, "total_tokens");
        if (Math.Max(total, prompt + answer) is > 0 and var counted)
            Total = counted;
    }

    private static long Number(JsonDocument usage, string name) =>
        usage.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)
            ? Math.Clamp(number, 0, int.MaxValue) : 0;

    public void Dispose() => _pending.Clear();
}
