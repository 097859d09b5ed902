using System.Net;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Lyceum.EngineClient;

/// <summary>One event of the engine's stream: at most one of the members is set, except that usage may come along.</summary>
/// <param name="Text">Text to append; null if the event carries none.</param>
/// <param name="FinishReason">The model's own reason, on its last choice.</param>
/// <param name="Error">The engine's error, after which the stream ends.</param>
public readonly record struct EngineEvent(string? Text, string? FinishReason, TokenUsage? Usage, EngineError? Error)
{
    /// <summary>Which model answers: of the first event, where it was asked for.</summary>
    public string? Model { get; init; }
}

/// <summary>An OpenAI-shaped error, from a status or from inside the stream.</summary>
/// <param name="Status">HTTP status; 0 for an error inside the stream.</param>
public sealed record EngineError(int Status, string Code, string Message);

/// <summary>Tokens as the model counts them.</summary>
public sealed record TokenUsage(int PromptTokens, int CompletionTokens, int TotalTokens);

/// <summary>Reads an engine's answer to a streamed chat completion.</summary>
public static class EngineStream
{
    /// <summary>
    /// An answer ends with a <see cref="EngineEvent.FinishReason"/> or an <see cref="EngineEvent.Error"/>; a stream that ends without
    /// either was broken off. A refusal is one event with its error.
    /// </summary>
    /// <exception cref="HttpRequestException">The connection broke; also <see cref="IOException"/>.</exception>
    /// <param name="response">Its headers have been read.</param>
    /// <param name="namesModel">Whether the first event is to say <see cref="EngineEvent.Model"/>.</param>
    public static async IAsyncEnumerable<EngineEvent> ReadAsync(
        HttpResponseMessage response, [EnumeratorCancellation] CancellationToken cancellationToken, bool namesModel = false)
    {
        ArgumentNullException.ThrowIfNull(response);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            yield return new(null, null, null, await ReadErrorAsync(stream, response.StatusCode, cancellationToken));
            yield break;
        }

        var events = SseParser.Create(stream, (_, data) =>
        {
            var parsed = Parse(data);
            if (!namesModel)
                return parsed;
            namesModel = false;
            return parsed is { } first ? first with { Model = ReadModel(data) } : parsed;
        }).EnumerateAsync(cancellationToken);
        await foreach (var item in events)
        {
            if (item.Data is not { } parsed)
                yield break; // [DONE]
            if (parsed != default)
                yield return parsed;
        }
    }

    /// <summary>
    /// One <c>chat.completion.chunk</c>, read by hand: this runs once per token. Members are matched by depth, so that a
    /// model's extra members cannot be mistaken for ours. Null for <c>[DONE]</c>.
    /// </summary>
    public static EngineEvent? Parse(ReadOnlySpan<byte> data)
    {
        if (data.SequenceEqual("[DONE]"u8))
            return null;

        string? text = null, finish = null;
        TokenUsage? usage = null;
        EngineError? error = null;
        var json = new Utf8JsonReader(data);
        json.Read();
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("choices"u8))
            {
                if (Enter(ref json, JsonTokenType.StartArray))
                    ReadChoices(ref json, ref text, ref finish);
            }
            else if (json.ValueTextEquals("usage"u8))
            {
                if (Enter(ref json, JsonTokenType.StartObject))
                    usage = ReadUsage(ref json);
            }
            else if (json.ValueTextEquals("error"u8))
            {
                if (Enter(ref json, JsonTokenType.StartObject))
                    error = ReadError(ref json);
            }
            else
            {
                Pass(ref json);
            }
        }
        return new(text, finish, usage, error);
    }

    private static string? ReadModel(ReadOnlySpan<byte> data)
    {
        var json = new Utf8JsonReader(data);
        var chunk = JsonElement.ParseValue(ref json);
        return chunk.TryGetProperty("model", out var model) && model.ValueKind == JsonValueKind.String ? model.GetString() : null;
    }

    private static bool NextMember(ref Utf8JsonReader json) => json.Read() && json.TokenType == JsonTokenType.PropertyName;

    /// <summary>Moves to the member's value; skips it and says false if it is not of <paramref name="type"/>.</summary>
    private static bool Enter(ref Utf8JsonReader json, JsonTokenType type)
    {
        json.Read();
        if (json.TokenType == type)
            return true;
        json.Skip();
        return false;
    }

    private static void Pass(ref Utf8JsonReader json)
    {
        json.Read();
        json.Skip();
    }

    private static void ReadChoices(ref Utf8JsonReader json, ref string? text, ref string? finish)
    {
        while (json.Read() && json.TokenType == JsonTokenType.StartObject)
        {
            while (NextMember(ref json))
            {
                if (json.ValueTextEquals("delta"u8))
                {
                    if (Enter(ref json, JsonTokenType.StartObject))
                        ReadDelta(ref json, ref text);
                }
                else if (json.ValueTextEquals("finish_reason"u8))
                {
                    if (Enter(ref json, JsonTokenType.String))
                        finish = json.GetString();
                }
                else
                {
                    Pass(ref json);
                }
            }
        }
    }

    private static void ReadDelta(ref Utf8JsonReader json, ref string? text)
    {
        while (NextMember(ref json))
        {
            if (!json.ValueTextEquals("content"u8))
                Pass(ref json);
            else if (Enter(ref json, JsonTokenType.String))
                text += GetText(ref json);
        }
    }

    /// <summary>The string's UTF-16, also where a model split a surrogate pair over two events (GetString would throw).</summary>
    private static string? GetText(ref Utf8JsonReader json)
    {
        try
        {
            return json.GetString();
        }
        catch (InvalidOperationException)
        {
            return SplitSurrogates.Unescape(json.ValueSpan);
        }
    }

    private static TokenUsage ReadUsage(ref Utf8JsonReader json)
    {
        int prompt = 0, completion = 0, total = 0;
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("prompt_tokens"u8))
                ReadCount(ref json, ref prompt);
            else if (json.ValueTextEquals("completion_tokens"u8))
                ReadCount(ref json, ref completion);
            else if (json.ValueTextEquals("total_tokens"u8))
                ReadCount(ref json, ref total);
            else
                Pass(ref json);
        }
        return new(prompt, completion, total == 0 ? prompt + completion : total);
    }

    private static void ReadCount(ref Utf8JsonReader json, ref int count)
    {
        if (Enter(ref json, JsonTokenType.Number) && json.TryGetInt32(out var value))
            count = value;
    }

    private static EngineError ReadError(ref Utf8JsonReader json)
    {
        string code = "engine_error", message = "The engine reported an error.";
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("code"u8))
                ReadText(ref json, ref code);
            else if (json.ValueTextEquals("message"u8))
                ReadText(ref json, ref message);
            else
                Pass(ref json);
        }
        return new(0, code, message);
    }

    private static void ReadText(ref Utf8JsonReader json, ref string text)
    {
        if (Enter(ref json, JsonTokenType.String))
            text = json.GetString()!;
    }

    private static async Task<EngineError> ReadErrorAsync(
        Stream stream, HttpStatusCode status, CancellationToken cancellationToken)
    {
        try
        {
            using var document = await JsonDocument.ParseAsync(stream, default, cancellationToken);
            var root = document.RootElement;
            if (root.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.Object)
                root = error;
            var code = root.TryGetProperty("code", out var c) ? c.GetString() : null;
            var message = root.TryGetProperty("message", out var m) ? m.GetString()
                : root.TryGetProperty("detail", out var d) ? d.GetString() : null;
            return new((int)status, code ?? "engine_error", message ?? $"The engine answered {(int)status}.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return new((int)status, "engine_error", $"The engine answered {(int)status}.");
        }
    }
}
