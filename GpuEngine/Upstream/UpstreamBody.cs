using System.Buffers;
using System.Text.Json;
using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// The JSON that goes upstream: the caller's own, but with the model named, and with Lyceum's extension left out: the passages
/// in it are in the prompt instead (<see cref="PassagePrompt"/>).
/// </summary>
internal static class UpstreamBody
{
    /// <param name="stream">Replaces the caller's <c>stream</c>.</param>
    /// <param name="countTokens">Asks for the usage at a stream's end, whether or not the caller wants it.</param>
    public static ReadOnlyMemory<byte> For(ChatRequest request, string model, bool? stream = null, bool countTokens = false)
    {
        using var json = JsonDocument.Parse(request.Body);
        var root = json.RootElement;
        var prompt = PassagePrompt.For(request.Passages);
        if (prompt is null && request.Model == model && stream is null && !root.TryGetProperty("lyceum", out _))
            return request.Body;
        var buffer = new ArrayBufferWriter<byte>(request.Body.Length + 128);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("model", model);
            if (stream is { } streamed)
                writer.WriteBoolean("stream", streamed);
            if (countTokens)
                WriteStreamOptions(writer, root);
            foreach (var property in root.EnumerateObject())
            {
                if (prompt is not null && property.NameEquals("messages"))
                    PassagePrompt.WriteMessages(writer, property.Value, prompt);
                else if (!(property.NameEquals("model") || property.NameEquals("lyceum") ||
                    (stream is not null && property.NameEquals("stream")) ||
                    (countTokens && property.NameEquals("stream_options"))))
                {
                    property.WriteTo(writer);
                }
            }
            writer.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }

    private static void WriteStreamOptions(Utf8JsonWriter writer, JsonElement root)
    {
        writer.WriteStartObject("stream_options");
        if (root.TryGetProperty("stream_options", out var options) && options.ValueKind is JsonValueKind.Object)
        {
            foreach (var property in options.EnumerateObject().Where(property => !property.NameEquals("include_usage")))
                property.WriteTo(writer);
        }
        writer.WriteBoolean("include_usage", true);
        writer.WriteEndObject();
    }
}
