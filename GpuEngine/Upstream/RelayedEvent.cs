using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lyceum.EngineClient;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// An event that cannot be relayed as it came, in OpenAI's shape: content in parts becomes text, reasoning between tags
/// becomes <c>reasoning_content</c>, a whole message a delta, Ollama's own chunk a choice. All else in it stays.
/// </summary>
internal static class RelayedEvent
{
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The event, its lines joined, as one data line.</summary>
    public static void Write(IBufferWriter<byte> to, ReadOnlySpan<byte> json)
    {
        to.Write("data: "u8);
        var line = to.GetSpan(json.Length)[..json.Length];
        json.CopyTo(line);
        // Between JSON's tokens: inside of them there are none.
        line.Replace((byte)'\n', (byte)' ');
        line.Replace((byte)'\r', (byte)' ');
        to.Advance(json.Length);
        to.Write("\n\n"u8);
    }

    /// <summary>What is left of a choice whose stream is over.</summary>
    public static void Write(IBufferWriter<byte> to, string id, string model, EndedChoice ended) => Write(to, Json(json =>
    {
        Head(json, id, model, "chat.completion.chunk");
        json.WriteStartArray("choices");
        WriteOwn(json, ended.Index, "delta", ended.Text, ended.Thinking, ended.HasEnded ? null : "stop");
        json.WriteEndArray();
    }).Span);

    /// <summary>A chunk with what is said otherwise in it.</summary>
    /// <param name="id">Of the answer, where it has none.</param>
    public static ReadOnlyMemory<byte> Chunk(
        ReadOnlySpan<byte> data, string id, string model, CompletionChunk chunk, IReadOnlyList<ChangedChoice> changed) =>
        Json(data, id, model, chunk, changed, isWhole: false);

    /// <summary>Likewise a whole answer; it ends with <c>stop</c> where the server gave no reason.</summary>
    public static ReadOnlyMemory<byte> Whole(
        ReadOnlySpan<byte> data, string id, string model, CompletionChunk chunk, IReadOnlyList<ChangedChoice> changed) =>
        Json(data, id, model, chunk, changed, isWhole: true);

    private static ReadOnlyMemory<byte> Json(
        ReadOnlySpan<byte> data, string id, string model, CompletionChunk chunk, IReadOnlyList<ChangedChoice> changed,
        bool isWhole)
    {
        using var document = JsonDocument.Parse(data.ToArray());
        var root = document.RootElement;
        var kind = isWhole ? "chat.completion" : "chat.completion.chunk";
        var said = isWhole ? "message" : "delta";
        return Json(json =>
        {
            if (!root.TryGetProperty("choices", out var choices) || choices.ValueKind is not JsonValueKind.Array)
            {
                Head(json, id, model, kind);
                json.WriteStartArray("choices");
                foreach (var (_, text, thinking, _) in changed)
                    WriteOwn(json, 0, said, text, thinking, chunk.FinishReason ?? (isWhole ? "stop" : null));
                json.WriteEndArray();
                WriteUsage(json, chunk.Usage);
                return;
            }
            foreach (var member in root.EnumerateObject())
            {
                if (member.NameEquals("object"))
                    json.WriteString("object", kind);
                else if (member.NameEquals("choices"))
                    WriteChoices(json, choices, said, changed);
                else
                    WriteRaw(json, member);
            }
        });
    }

    private static void WriteChoices(
        Utf8JsonWriter json, JsonElement choices, string said, IReadOnlyList<ChangedChoice> changed)
    {
        json.WriteStartArray("choices");
        for (var place = 0; place < choices.GetArrayLength(); place++)
        {
            var choice = choices[place];
            var isChanged = false;
            foreach (var change in changed.Where(change => change.Place == place))
            {
                isChanged = true;
                WriteChoice(json, choice, said, change);
            }
            if (!isChanged && said is "message" && choice.ValueKind is JsonValueKind.Object)
                WriteChoice(json, choice, said, null);
            else if (!isChanged)
                json.WriteRawValue(JsonMarshal.GetRawUtf8Value(choice), skipInputValidation: true);
        }
        json.WriteEndArray();
    }

    private static void WriteChoice(Utf8JsonWriter json, JsonElement choice, string said, ChangedChoice? change)
    {
        json.WriteStartObject();
        foreach (var member in choice.EnumerateObject())
        {
            if (!member.NameEquals("delta") && !member.NameEquals("message") && !member.NameEquals("finish_reason"))
                WriteRaw(json, member);
        }
        if (!choice.TryGetProperty("index", out _))
            json.WriteNumber("index", change?.Place ?? 0);
        var message = choice.TryGetProperty("delta", out var delta) && delta.ValueKind is JsonValueKind.Object ? delta
            : choice.TryGetProperty("message", out var whole) ? whole : default;
        json.WriteStartObject(said);
        WriteMessage(json, message, change, isDelta: said is "delta");
        json.WriteEndObject();
        var reason = choice.TryGetProperty("finish_reason", out var given) && given.ValueKind is JsonValueKind.String
            ? JsonText.Read(given) : "";
        var isWhole = said is "message"
            || (delta.ValueKind is not JsonValueKind.Object && message.ValueKind is JsonValueKind.Object);
        json.WriteString("finish_reason", reason.Length > 0 ? reason : isWhole ? "stop" : null);
        json.WriteEndObject();
    }

    private static void WriteMessage(Utf8JsonWriter json, JsonElement message, ChangedChoice? change, bool isDelta)
    {
        var has = message.ValueKind is JsonValueKind.Object;
        foreach (var member in has ? message.EnumerateObject().AsEnumerable() : [])
        {
            if (change is { } && member.NameEquals("content"))
                continue;
            if (change is { Thinking: not null } && member.NameEquals("reasoning_content"))
                continue;
            if (isDelta && member.NameEquals("tool_calls") && member.Value.ValueKind is JsonValueKind.Array)
                WriteCalls(json, member.Value);
            else
                WriteRaw(json, member);
        }
        if (change is not var (_, text, thinking, _))
            return;
        if (text is not null || !isDelta)
            json.WriteString("content", text ?? "");
        if (thinking is not null)
            json.WriteString("reasoning_content", thinking);
    }

    /// <summary>Calls in a delta are numbered; in a message they are not.</summary>
    private static void WriteCalls(Utf8JsonWriter json, JsonElement calls)
    {
        json.WriteStartArray("tool_calls");
        var number = 0;
        foreach (var call in calls.EnumerateArray().Where(call => call.ValueKind is JsonValueKind.Object))
        {
            json.WriteStartObject();
            if (!call.TryGetProperty("index", out _))
                json.WriteNumber("index", number);
            foreach (var member in call.EnumerateObject())
                WriteRaw(json, member);
            json.WriteEndObject();
            number++;
        }
        json.WriteEndArray();
    }

    private static void WriteOwn(
        Utf8JsonWriter json, int index, string said, string? text, string? thinking, string? finish)
    {
        json.WriteStartObject();
        json.WriteNumber("index", index);
        json.WriteStartObject(said);
        if (said is "message")
            json.WriteString("role", "assistant");
        if (text is not null || said is "message")
            json.WriteString("content", text ?? "");
        if (thinking is not null)
            json.WriteString("reasoning_content", thinking);
        json.WriteEndObject();
        json.WriteString("finish_reason", finish);
        json.WriteEndObject();
    }

    private static void WriteUsage(Utf8JsonWriter json, TokenUsage? usage)
    {
        if (usage is not var (prompt, completion, total))
            return;
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", prompt);
        json.WriteNumber("completion_tokens", completion);
        json.WriteNumber("total_tokens", total);
        json.WriteEndObject();
    }

    private static void Head(Utf8JsonWriter json, string id, string model, string kind)
    {
        json.WriteString("id", id);
        json.WriteString("object", kind);
        json.WriteNumber("created", 0);
        json.WriteString("model", model);
    }

    // As it stands: it may have what the writer refuses, half of a surrogate pair or bytes that are no UTF-8.
    private static void WriteRaw(Utf8JsonWriter json, JsonProperty member)
    {
        json.WritePropertyName(member.Name);
        json.WriteRawValue(JsonMarshal.GetRawUtf8Value(member.Value), skipInputValidation: true);
    }

    private static ReadOnlyMemory<byte> Json(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, Relaxed))
        {
            json.WriteStartObject();
            try
            {
                members(json);
            }
            catch (Exception e) when (e is InvalidOperationException or ArgumentException)
            {
                // A name with half of a surrogate pair, or with bytes that are no UTF-8.
                throw UpstreamErrors.Broken("sent an event that cannot be read", e);
            }
            json.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }
}
