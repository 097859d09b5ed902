using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace Lyceum.EngineClient;

/// <summary>One message of the conversation shown to the model.</summary>
/// <param name="Role"><c>system | user | assistant</c>.</param>
public sealed record ContextMessage(string Role, string Content)
{
    /// <summary>Shown with it, in this order, as far as <see cref="CompletionRequest.Images"/> has them.</summary>
    public IReadOnlyList<Guid> Images { get; init; } = [];

    /// <summary>Images of it that are not among <see cref="Images"/>; the model is told how many it does not see.</summary>
    public int ImagesLeftOut { get; init; }
}

/// <summary>An image as the model is given it.</summary>
/// <param name="Type">Its media type.</param>
public sealed record ContextImage(string Type, ReadOnlyMemory<byte> Data);

/// <summary>What to answer from; the model cites it by its place in the list, from 1.</summary>
public sealed record ContextPassage(string? Id, string? Title, string? Text, string? Source);

/// <summary>A question to an engine. What is null is left out: some servers refuse a null.</summary>
public sealed record CompletionRequest(IReadOnlyList<ContextMessage> Messages)
{
    /// <summary>GpuEngine's extension <c>lyceum.passages</c>.</summary>
    public IReadOnlyList<ContextPassage> Passages { get; init; } = [];

    /// <summary>The images that <see cref="Messages"/> name. Of one that is not here the model is told that it is left out.</summary>
    public IReadOnlyDictionary<Guid, ContextImage> Images { get; init; } = new Dictionary<Guid, ContextImage>();

    /// <summary>Called once the request is sent, or its sending has failed: from then on its bytes take no memory.</summary>
    public Action? OnSent { get; init; }

    /// <summary>Null: the engine's default.</summary>
    public string? Model { get; init; }

    public int? MaxTokens { get; init; }
    public double? Temperature { get; init; }

    /// <summary>The answer comes as events, with its usage in the last.</summary>
    public bool Stream { get; init; }

    public byte[] ToJson()
    {
        // One buffer of the right size: images are megabytes.
        var buffer = new ArrayBufferWriter<byte>(
            4096 + Images.Values.Sum(image => Base64.GetMaxEncodedToUtf8Length(image.Data.Length) + 128));
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
            foreach (var message in Messages)
                WriteMessage(json, message);
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

    private void WriteMessage(Utf8JsonWriter json, ContextMessage message)
    {
        var images = message.Images.Where(Images.ContainsKey).Select(id => Images[id]).ToList();
        var leftOut = message.ImagesLeftOut + message.Images.Count - images.Count;
        var text = leftOut == 0 ? message.Content : $"{message.Content}\n\n[Images that are not shown here: {leftOut}]";
        json.WriteStartObject();
        json.WriteString("role", message.Role);
        if (images.Count == 0)
        {
            json.WriteString("content", text);
        }
        else
        {
            // OpenAI's content parts. The text first: some chat templates put the images where they stand.
            json.WriteStartArray("content");
            json.WriteStartObject();
            json.WriteString("type", "text");
            json.WriteString("text", text);
            json.WriteEndObject();
            foreach (var image in images)
                WriteImage(json, image);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void WriteImage(Utf8JsonWriter json, ContextImage image)
    {
        var begin = Encoding.ASCII.GetBytes($"\"data:{image.Type};base64,");
        var url = new byte[begin.Length + Base64.GetMaxEncodedToUtf8Length(image.Data.Length) + 1];
        begin.CopyTo(url, 0);
        Base64.EncodeToUtf8(image.Data.Span, url.AsSpan(begin.Length), out _, out var length);
        url[begin.Length + length] = (byte)'"';
        json.WriteStartObject();
        json.WriteString("type", "image_url");
        json.WriteStartObject("image_url");
        json.WritePropertyName("url");
        // Raw: the writer would escape each + of it.
        json.WriteRawValue(url.AsSpan(0, begin.Length + length + 1), skipInputValidation: true);
        json.WriteEndObject();
        json.WriteEndObject();
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
