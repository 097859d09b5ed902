using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lyceum.GpuEngine.OpenAI;

/// <summary>Writes one completion in OpenAI's shapes, for models that answer in deltas.</summary>
internal sealed class ChatFrames(string model, DateTimeOffset now, bool includeUsage)
{
    // Text stays readable UTF-8; the client parses JSON, it does not paste it into HTML.
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ArrayBufferWriter<byte> _buffer = new(512);
    private readonly string _id = $"chatcmpl-{Guid.CreateVersion7():n}";

    public static ReadOnlyMemory<byte> Done { get; } = "data: [DONE]\n\n"u8.ToArray();
    public static ReadOnlyMemory<byte> Ping { get; } = ": ping\n\n"u8.ToArray();

    /// <summary>The first chunk: the role. Each frame is valid until the next is made.</summary>
    public ReadOnlyMemory<byte> Role() => Chunk(delta =>
    {
        delta.WriteString("role", "assistant");
        delta.WriteString("content", "");
    });

    public ReadOnlyMemory<byte> Text(string text) => Chunk(delta => delta.WriteString("content", text));

    /// <summary>A model's own choices as they are, each with the <c>finish_reason</c> that clients read from every chunk.</summary>
    public ReadOnlyMemory<byte> Choices(JsonElement choices) => Event(json =>
    {
        Head(json, "chat.completion.chunk");
        json.WriteStartArray("choices");
        foreach (var choice in choices.EnumerateArray())
        {
            json.WriteStartObject();
            foreach (var property in choice.EnumerateObject())
                property.WriteTo(json);
            if (!choice.TryGetProperty("finish_reason", out _))
                json.WriteNull("finish_reason");
            json.WriteEndObject();
        }
        json.WriteEndArray();
        NoUsageYet(json);
    });

    public ReadOnlyMemory<byte> Finish(string reason) => Chunk(_ => { }, reason);

    /// <summary>The chunk after the last, asked for by <c>stream_options.include_usage</c>.</summary>
    public ReadOnlyMemory<byte> Usage(TokenUsage usage) => Event(json =>
    {
        Head(json, "chat.completion.chunk");
        json.WriteStartArray("choices");
        json.WriteEndArray();
        Usage(json, usage);
    });

    /// <summary>The same chunk, with the model's whole usage object.</summary>
    public ReadOnlyMemory<byte> Usage(JsonElement usage) => Event(json =>
    {
        Head(json, "chat.completion.chunk");
        json.WriteStartArray("choices");
        json.WriteEndArray();
        json.WritePropertyName("usage");
        usage.WriteTo(json);
    });

    /// <summary>An error inside a stream that has begun.</summary>
    public static ReadOnlyMemory<byte> Error(ApiError error)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        buffer.Write("data: "u8);
        using (var json = new Utf8JsonWriter(buffer, Relaxed))
            error.Write(json);
        buffer.Write("\n\n"u8);
        return buffer.WrittenMemory;
    }

    /// <summary>The answer to a request without <c>stream</c>.</summary>
    public ReadOnlyMemory<byte> Whole(string text, string finishReason, TokenUsage? usage, string thinking = "")
    {
        _buffer.ResetWrittenCount();
        using var json = new Utf8JsonWriter(_buffer, Relaxed);
        json.WriteStartObject();
        Head(json, "chat.completion");
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", 0);
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        json.WriteString("content", text);
        if (thinking.Length > 0)
            json.WriteString("reasoning_content", thinking);
        json.WriteNull("refusal");
        json.WriteEndObject();
        json.WriteNull("logprobs");
        json.WriteString("finish_reason", finishReason);
        json.WriteEndObject();
        json.WriteEndArray();
        if (usage is not null)
            Usage(json, usage);
        json.WriteEndObject();
        json.Flush();
        return _buffer.WrittenMemory;
    }

    private ReadOnlyMemory<byte> Chunk(Action<Utf8JsonWriter> delta, string? finishReason = null) => Event(json =>
    {
        Head(json, "chat.completion.chunk");
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", 0);
        json.WriteStartObject("delta");
        delta(json);
        json.WriteEndObject();
        json.WriteNull("logprobs");
        json.WriteString("finish_reason", finishReason);
        json.WriteEndObject();
        json.WriteEndArray();
        NoUsageYet(json);
    });

    private void NoUsageYet(Utf8JsonWriter json)
    {
        if (includeUsage)
        {
            // OpenAI: every chunk but the last has the field, as null.
            json.WriteNull("usage");
        }
    }

    private ReadOnlyMemory<byte> Event(Action<Utf8JsonWriter> fields)
    {
        _buffer.ResetWrittenCount();
        _buffer.Write("data: "u8);
        using (var json = new Utf8JsonWriter(_buffer, Relaxed))
        {
            json.WriteStartObject();
            fields(json);
            json.WriteEndObject();
        }
        _buffer.Write("\n\n"u8);
        return _buffer.WrittenMemory;
    }

    private void Head(Utf8JsonWriter json, string kind)
    {
        json.WriteString("id", _id);
        json.WriteString("object", kind);
        json.WriteNumber("created", now.ToUnixTimeSeconds());
        json.WriteString("model", model);
    }

    private static void Usage(Utf8JsonWriter json, TokenUsage usage)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", usage.PromptTokens);
        json.WriteNumber("completion_tokens", usage.CompletionTokens);
        json.WriteNumber("total_tokens", usage.TotalTokens);
        json.WriteEndObject();
    }
}
