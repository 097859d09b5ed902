using System.Text.Json;

namespace Lyceum.GpuEngine.OpenAI;

/// <summary>What one event of an upstream's stream says.</summary>
/// <param name="HasToken">It carries part of an answer: text, reasoning or a tool call.</param>
/// <param name="FinishReason">Set in the chunk that ends the answer.</param>
/// <param name="Error">The upstream's own account of its failure.</param>
/// <param name="Text">The first choice's text; read only as <see cref="TextAs.String"/>.</param>
/// <param name="Raw">Where the first choice's text stands in the event, between its quotes; read only as <see cref="TextAs.Raw"/>.</param>
/// <param name="RawEscaped">It has escape sequences.</param>
internal readonly record struct Chunk(
    bool HasToken, string? FinishReason, string? Error, string? Text, TokenUsage? Usage, Range Raw, bool RawEscaped);

/// <summary>How <see cref="ChunkReader"/> is to give out text, and with it the usage.</summary>
internal enum TextAs
{
    Nothing,
    String,
    Raw,
}

/// <summary>
/// Reads chat completion chunks in one forward pass without allocating, since it looks at every token of every stream.
/// </summary>
internal static class ChunkReader
{
    /// <exception cref="JsonException">Not a JSON object.</exception>
    public static Chunk Read(ReadOnlySpan<byte> data, TextAs text)
    {
        var json = new Utf8JsonReader(data);
        json.Read();
        if (json.TokenType is not JsonTokenType.StartObject)
        {
            throw new JsonException("a chunk must be an object");
        }
        var chunk = new Chunk();
        while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("choices"u8))
            {
                json.Read();
                ReadChoices(ref json, text, ref chunk);
            }
            else if (json.ValueTextEquals("error"u8))
            {
                json.Read();
                chunk = chunk with { Error = ReadError(ref json) };
            }
            else if (text is not TextAs.Nothing && json.ValueTextEquals("usage"u8))
            {
                json.Read();
                chunk = chunk with { Usage = ReadUsage(ref json) ?? chunk.Usage };
            }
            else
            {
                json.Skip();
            }
        }
        // Trailing bytes after the object are a fault that only the next read finds.
        json.Read();
        return chunk;
    }

    private static void ReadChoices(ref Utf8JsonReader json, TextAs text, ref Chunk chunk)
    {
        if (json.TokenType is not JsonTokenType.StartArray)
        {
            json.Skip();
            return;
        }
        for (var choice = 0; json.Read() && json.TokenType is JsonTokenType.StartObject; choice++)
        {
            while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
            {
                if (json.ValueTextEquals("delta"u8))
                {
                    json.Read();
                    ReadDelta(ref json, choice == 0 ? text : TextAs.Nothing, ref chunk);
                }
                else if (json.ValueTextEquals("finish_reason"u8))
                {
                    json.Read();
                    if (json.TokenType is JsonTokenType.String)
                    {
                        chunk = chunk with { FinishReason = json.GetString() };
                    }
                }
                else
                {
                    json.Skip();
                }
            }
        }
    }

    private static void ReadDelta(ref Utf8JsonReader json, TextAs text, ref Chunk chunk)
    {
        if (json.TokenType is not JsonTokenType.StartObject)
        {
            json.Skip();
            return;
        }
        while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
        {
            var isRole = json.ValueTextEquals("role"u8);
            var isContent = json.ValueTextEquals("content"u8);
            json.Read();
            var isToken = !isRole && (json.TokenType is JsonTokenType.StartArray ||
                (json.TokenType is JsonTokenType.String && json.ValueSpan.Length > 0));
            if (isToken)
            {
                chunk = (isContent && json.TokenType is JsonTokenType.String ? text : TextAs.Nothing) switch
                {
                    TextAs.String => chunk with { HasToken = true, Text = json.GetString() },
                    TextAs.Raw => chunk with { HasToken = true, Raw = Inside(in json), RawEscaped = json.ValueIsEscaped },
                    _ => chunk with { HasToken = true },
                };
            }
            json.Skip();
        }
    }

    private static Range Inside(in Utf8JsonReader json)
    {
        var start = (int)json.TokenStartIndex + 1;
        return new Range(start, start + json.ValueSpan.Length);
    }

    private static string? ReadError(ref Utf8JsonReader json)
    {
        if (json.TokenType is JsonTokenType.Null)
        {
            return null;
        }
        using var error = JsonDocument.ParseValue(ref json);
        return UpstreamMessage(error.RootElement);
    }

    private static TokenUsage? ReadUsage(ref Utf8JsonReader json)
    {
        if (json.TokenType is JsonTokenType.Null)
        {
            return null; // in every chunk but the last
        }
        using var usage = JsonDocument.ParseValue(ref json);
        return usage.RootElement is { ValueKind: JsonValueKind.Object } u &&
            u.TryGetProperty("prompt_tokens", out var prompt) && prompt.TryGetInt32(out var p) &&
            u.TryGetProperty("completion_tokens", out var completion) && completion.TryGetInt32(out var c)
            ? new TokenUsage(p, c)
            : null;
    }

    /// <summary>The words in an error of any of the shapes that servers use.</summary>
    internal static string UpstreamMessage(JsonElement error) =>
        error switch
        {
            { ValueKind: JsonValueKind.String } => error.GetString()!,
            { ValueKind: JsonValueKind.Object } when error.TryGetProperty("message", out var message) &&
                message.ValueKind is JsonValueKind.String => message.GetString()!,
            _ => error.GetRawText(),
        };
}
