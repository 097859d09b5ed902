using System.Text.Json;

namespace Lyceum.EngineClient;

/// <summary>
/// Reads the events of one streamed chat completion, whatever server it comes from, each in one forward pass that
/// allocates nothing but the strings that are asked for: it looks at every token of every stream. Members are matched
/// by their place, so that a server's extra members cannot be mistaken for ours; a member of the wrong type is not
/// there. Reasoning is never text. One reader per stream: it keeps half of a surrogate pair until the other half comes.
/// </summary>
public sealed class CompletionReader(TextAs text)
{
    // What servers call the end of an answer that they failed to write: OpenRouter, Mistral; DeepSeek; vLLM, SGLang.
    private static readonly string[] Failures = ["error", "insufficient_system_resource", "abort"];

    private char _half;
    private string? _model;

    /// <param name="data">An event's data; empty for a comment.</param>
    /// <param name="isError">The event names itself an error.</param>
    /// <exception cref="MalformedStreamException">Neither a JSON object nor <c>[DONE]</c>.</exception>
    public CompletionChunk Read(ReadOnlySpan<byte> data, bool isError = false)
    {
        var chunk = new CompletionChunk();
        if (data.IsEmpty)
            return chunk;
        if (data.Length < 16 && data.Trim((byte)' ').SequenceEqual("[DONE]"u8))
            return chunk with { IsDone = true };
        if (isError && data[0] is not ((byte)'{' or (byte)'['))
            return chunk with { Error = new(0, EngineError.Unknown, JsonText.Plain(data)) };
        Read(data, ref chunk, "delta"u8, isError);
        return chunk;
    }

    /// <summary>A whole completion, or the error that came in its place.</summary>
    /// <exception cref="MalformedStreamException">Not a JSON object.</exception>
    public static CompletionChunk ReadWhole(ReadOnlySpan<byte> json, TextAs text = TextAs.Decoded)
    {
        var chunk = new CompletionChunk();
        new CompletionReader(text).Read(json, ref chunk, "message"u8, isError: false);
        return chunk;
    }

    private void Read(ReadOnlySpan<byte> data, ref CompletionChunk chunk, ReadOnlySpan<byte> message, bool isError)
    {
        try
        {
            var json = new Utf8JsonReader(data);
            json.Read();
            if (json.TokenType is JsonTokenType.StartArray)
                json.Read(); // Gemini gives an error as a list of one
            if (json.TokenType is not JsonTokenType.StartObject)
                throw new MalformedStreamException("A chunk must be an object.");
            while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
            {
                // By length first: most members are none of ours. (An escaped name is none either.)
                switch (json.ValueSpan.Length)
                {
                    case 7 when json.ValueTextEquals("choices"u8):
                        ReadChoices(ref json, ref chunk, message);
                        break;
                    case 5 when json.ValueTextEquals("error"u8):
                        ReadError(ref json, ref chunk);
                        break;
                    case 5 when text is not TextAs.Nothing && json.ValueTextEquals("usage"u8):
                        ReadUsage(ref json, ref chunk);
                        break;
                    case 5 when text is TextAs.Decoded && json.ValueTextEquals("model"u8):
                        ReadModel(ref json, ref chunk);
                        break;
                    case 6 when json.ValueTextEquals("object"u8):
                        isError |= Enter(ref json, JsonTokenType.String) && json.ValueTextEquals("error"u8);
                        break;
                    case 10 when json.ValueTextEquals("error_code"u8):
                        isError |= Enter(ref json, JsonTokenType.Number) && !json.ValueSpan.SequenceEqual("0"u8);
                        break;
                    default:
                        json.Read();
                        break;
                }
                json.Skip(); // what is left of the value
            }
            // Trailing bytes after the object are a fault that only the next read finds.
            json.Read();
            if (isError && chunk is { Error: null, HasChoice: false })
                chunk.Error = ReadErrorObject(data);
        }
        catch (JsonException e)
        {
            throw new MalformedStreamException("An event is no JSON.", e);
        }
    }

    private void ReadChoices(ref Utf8JsonReader json, ref CompletionChunk chunk, ReadOnlySpan<byte> message)
    {
        if (!Enter(ref json, JsonTokenType.StartArray))
            return;
        for (var first = true; json.Read() && json.TokenType is not JsonTokenType.EndArray; first = false)
        {
            if (json.TokenType is not JsonTokenType.StartObject)
            {
                json.Skip();
                continue;
            }
            chunk.HasChoice = true;
            while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
            {
                if (json.ValueTextEquals(message))
                {
                    ReadMessage(ref json, ref chunk, first ? text : TextAs.Nothing);
                }
                else
                {
                    switch (json.ValueSpan.Length)
                    {
                        case 13 when json.ValueTextEquals("finish_reason"u8):
                            ReadFinish(ref json, ref chunk);
                            break;
                        case 5 when json.ValueTextEquals("error"u8):
                            ReadError(ref json, ref chunk);
                            break;
                        case 5 when text is not TextAs.Nothing && json.ValueTextEquals("usage"u8):
                            ReadUsage(ref json, ref chunk); // Moonshot's place for it
                            break;
                        default:
                            json.Read();
                            break;
                    }
                }
                json.Skip();
            }
        }
        if (chunk.FinishReason is not null && _half != 0)
        {
            chunk.Text += '\uFFFD';
            _half = '\0';
        }
    }

    private void ReadMessage(ref Utf8JsonReader json, ref CompletionChunk chunk, TextAs text)
    {
        if (!Enter(ref json, JsonTokenType.StartObject))
            return;
        while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("content"u8))
            {
                json.Read();
                if (json.TokenType is JsonTokenType.String && json.ValueSpan.Length > 0)
                    ReadText(ref json, ref chunk, text);
                else if (json.TokenType is JsonTokenType.StartArray)
                    ReadParts(ref json, ref chunk, text);
            }
            else if (json.ValueTextEquals("role"u8))
            {
                json.Read();
            }
            else
            {
                var isCall = json.ValueTextEquals("function_call"u8);
                json.Read();
                if (json.TokenType is JsonTokenType.String)
                    CountToken(ref chunk, json.ValueSpan.Length);
                else if (json.TokenType == (isCall ? JsonTokenType.StartObject : JsonTokenType.StartArray))
                    CountStrings(ref json, ref chunk);
            }
            json.Skip();
        }
    }

    private void ReadText(ref Utf8JsonReader json, ref CompletionChunk chunk, TextAs text)
    {
        CountToken(ref chunk, json.ValueSpan.Length);
        if (text is TextAs.Raw)
        {
            var start = (int)json.TokenStartIndex + 1;
            chunk.Raw = new Range(start, start + json.ValueSpan.Length);
            chunk.IsRawEscaped = json.ValueIsEscaped;
        }
        else if (text is TextAs.Decoded)
        {
            chunk.Text += JsonText.Read(json.ValueSpan, ref _half);
        }
    }

    /// <summary>Content as a list: of its parts, those of text. A part's members come in any order.</summary>
    private void ReadParts(ref Utf8JsonReader json, ref CompletionChunk chunk, TextAs text)
    {
        while (json.Read() && json.TokenType is not JsonTokenType.EndArray)
        {
            if (json.TokenType is JsonTokenType.String && text is not TextAs.Nothing)
                chunk.Text += JsonText.Read(json.ValueSpan, ref _half);
            if (json.TokenType is not JsonTokenType.StartObject)
            {
                CountToken(ref chunk, json.TokenType is JsonTokenType.String ? json.ValueSpan.Length : 0);
                json.Skip();
                continue;
            }
            var isText = true;
            ReadOnlySpan<byte> part = default;
            while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
            {
                if (json.ValueTextEquals("type"u8))
                {
                    json.Read();
                    isText = json.TokenType is JsonTokenType.String
                        && (json.ValueTextEquals("text"u8) || json.ValueTextEquals("output_text"u8));
                }
                else if (json.ValueTextEquals("text"u8))
                {
                    json.Read();
                    if (json.TokenType is JsonTokenType.String)
                        part = json.ValueSpan;
                }
                else
                {
                    json.Read();
                    if (json.TokenType is JsonTokenType.StartArray)
                        CountStrings(ref json, ref chunk); // Mistral's thinking
                }
                json.Skip();
            }
            CountToken(ref chunk, part.Length);
            if (isText && !part.IsEmpty && text is not TextAs.Nothing)
                chunk.Text += JsonText.Read(part, ref _half);
        }
    }

    private static void CountToken(ref CompletionChunk chunk, int bytes)
    {
        chunk.HasToken |= bytes > 0;
        chunk.TokenBytes += bytes;
    }

    private static void CountStrings(ref Utf8JsonReader json, ref CompletionChunk chunk)
    {
        for (var depth = json.CurrentDepth; json.Read() && json.CurrentDepth > depth;)
        {
            if (json.TokenType is JsonTokenType.String)
                CountToken(ref chunk, json.ValueSpan.Length);
        }
    }

    private static void ReadFinish(ref Utf8JsonReader json, ref CompletionChunk chunk)
    {
        json.Read();
        if (json.TokenType is not JsonTokenType.String || json.ValueSpan.IsEmpty)
            return; // null in every chunk but the last; empty with some servers
        var reason = JsonText.Read(json.ValueSpan);
        if (Failures.Contains(reason))
            chunk.Error ??= new(0, EngineError.Unknown, $"The answer ended with the reason '{reason}'.");
        else
            chunk.FinishReason = reason;
    }

    private void ReadModel(ref Utf8JsonReader json, ref CompletionChunk chunk)
    {
        json.Read();
        if (json.TokenType is not JsonTokenType.String)
            return;
        if (_model is null || !json.ValueTextEquals(_model))
            _model = JsonText.Read(json.ValueSpan);
        chunk.Model = _model;
    }

    private static void ReadUsage(ref Utf8JsonReader json, ref CompletionChunk chunk)
    {
        if (!Enter(ref json, JsonTokenType.StartObject))
            return; // null in every chunk but the last
        int? prompt = null, completion = null, total = null;
        while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("prompt_tokens"u8))
                ReadCount(ref json, ref prompt);
            else if (json.ValueTextEquals("completion_tokens"u8))
                ReadCount(ref json, ref completion);
            else if (json.ValueTextEquals("total_tokens"u8))
                ReadCount(ref json, ref total);
            else
                json.Read();
            json.Skip();
        }
        if ((prompt ?? completion ?? total) is null)
            return;
        var sum = (int)Math.Min(int.MaxValue, (long)(prompt ?? 0) + (completion ?? 0));
        chunk.Usage = new(prompt ?? 0, completion ?? 0, total is null or 0 ? sum : total.Value);
    }

    private static void ReadCount(ref Utf8JsonReader json, ref int? count)
    {
        json.Read();
        // As 12, 12.0 or 1.2e1, and never below 0.
        if (json.TokenType is JsonTokenType.Number && json.TryGetDouble(out var number))
            count = (int)Math.Clamp(number, 0, int.MaxValue);
    }

    private static void ReadError(ref Utf8JsonReader json, ref CompletionChunk chunk)
    {
        json.Read();
        // null, false and "" beside an answer say that there was none.
        if (json.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray or JsonTokenType.True
            || (json.TokenType is JsonTokenType.String && json.ValueSpan.Length > 0))
        {
            chunk.Error = EngineError.Of(JsonElement.ParseValue(ref json));
        }
    }

    private static EngineError ReadErrorObject(ReadOnlySpan<byte> data)
    {
        var json = new Utf8JsonReader(data);
        return EngineError.Of(JsonElement.ParseValue(ref json));
    }

    /// <summary>Moves to the member's value; false if it is not of <paramref name="type"/>.</summary>
    private static bool Enter(ref Utf8JsonReader json, JsonTokenType type) => json.Read() && json.TokenType == type;
}
