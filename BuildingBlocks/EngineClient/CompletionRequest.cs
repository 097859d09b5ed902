using System.Buffers;
using System.Text.Json;

namespace Lyceum.EngineClient;

/// <summary>One message of the conversation shown to the model.</summary>
/// <param name="Role"><c>system | user | assistant</c>.</param>
public sealed record ContextMessage(string Role, string Content);

/// <summary>What to answer from; the model cites it by its place in the list, from 1.</summary>
public sealed record ContextPassage(string? Id, string? Title, string? Text, string? Source);

/// <summary>A question to an engine. What is null is left out: some servers refuse a null.</summary>
public sealed record CompletionRequest(IReadOnlyList<ContextMessage> Messages)
{
    /// <summary>GpuEngine's extension <c>lyceum.passages</c>.</summary>
    public IReadOnlyList<ContextPassage> Passages { get; init; } = [];

    /// <summary>Null: the engine's default.</summary>
    public string? Model { get; init; }

    public int? MaxTokens { get; init; }
    public double? Temperature { get; init; }

    /// <summary>The answer comes as events, with its usage in the last.</summary>
    public bool Stream { get; init; }

    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (Stream)
            {
                json.WriteBoolean("stream", true);
                json.WriteStartObject("stream_options");
                json.WriteBoolean("include_usage", true);
                json.WriteEndObject();
            }
            json.WriteStartArray("messages");
            foreach (var (role, content) in Messages)
            {
                json.WriteStartObject();
                json.WriteString("role", role);
                json.WriteString("content", content);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            if (Model is not null)
                json.WriteString("model", Model);
            if (MaxTokens is { } most)
                json.WriteNumber("max_tokens", most);
            if (Temperature is { } temperature)
                json.WriteNumber("temperature", temperature);
            if (Passages.Count > 0)
                WritePassages(json);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private void WritePassages(Utf8JsonWriter json)
    {
        json.WriteStartObject("lyceum");
        json.WriteStartArray("passages");
        foreach (var passage in Passages)
        {
            json.WriteStartObject();
            json.WriteString("id", passage.Id);
            json.WriteString("title", passage.Title);
            json.WriteString("text", passage.Text);
            json.WriteString("source", passage.Source);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
