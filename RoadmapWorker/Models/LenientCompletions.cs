using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.EngineClient;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>
/// Model servers speak OpenAI's protocol nearly: finish reasons of their own, counts with a decimal point, arguments as an object instead
/// of its text. OpenAI's SDK takes such an answer for none. So every completion is written anew with what is used of it, as the SDK
/// reads it; what cannot be told to be a completion stays as it is, and fails there.
/// </summary>
internal sealed class LenientCompletions : DelegatingHandler
{
    private const int MaxBody = 16 * 1024 * 1024; // bytes; as GpuEngine bounds what it reads
    private static readonly string[] Reasons = ["stop", "length", "tool_calls", "content_filter", "function_call"];

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        if (request.Method != HttpMethod.Post || response.StatusCode != HttpStatusCode.OK)
            return response;
        await response.Content.LoadIntoBufferAsync(MaxBody, cancellationToken);
        try
        {
            var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
            var answer = CompletionReader.ReadWhole(body, thinking: ThinkingIn.Tags);
            if (answer is { HasChoice: true, HasToken: false, FinishReason: null, Error: null })
                throw new HttpRequestException("The answer is empty, and no reason is given.");
            using var json = JsonDocument.Parse(body);
            if (answer is { HasChoice: true, Error: null }
                && Member(json.RootElement, "choices") is { ValueKind: JsonValueKind.Array } choices
                && Member(choices[0], "message") is { ValueKind: JsonValueKind.Object } message)
            {
                var written = new ByteArrayContent(Write(json.RootElement, answer, message));
                written.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                response.Content.Dispose();
                response.Content = written;
            }
        }
        catch (Exception e) when (e is JsonException or MalformedStreamException)
        {
            // It is no JSON.
        }
        return response;
    }

    private static byte[] Write(JsonElement root, CompletionChunk answer, JsonElement message)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("id", Text(root, "id") ?? "");
            json.WriteString("object", "chat.completion");
            json.WriteNumber("created", 0);
            json.WriteString("model", answer.Model ?? "");
            json.WriteStartArray("choices");
            json.WriteStartObject();
            json.WriteNumber("index", 0);
            json.WriteString("finish_reason", Reasons.Contains(answer.FinishReason) ? answer.FinishReason! : "stop");
            json.WriteStartObject("message");
            json.WriteString("role", "assistant");
            json.WriteString("content", answer.Text ?? "");
            if (Member(message, "tool_calls") is { ValueKind: JsonValueKind.Array } calls && calls.GetArrayLength() > 0)
                WriteCalls(json, calls);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndArray();
            if (answer.Usage is var (prompt, completion, _))
            {
                json.WriteStartObject("usage");
                json.WriteNumber("prompt_tokens", prompt);
                json.WriteNumber("completion_tokens", completion);
                json.WriteNumber("total_tokens", (int)Math.Min(int.MaxValue, (long)prompt + completion));
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteCalls(Utf8JsonWriter json, JsonElement calls)
    {
        json.WriteStartArray("tool_calls");
        foreach (var call in calls.EnumerateArray())
        {
            if (Member(call, "function") is not { ValueKind: JsonValueKind.Object } function || Text(function, "name") is not { Length: > 0 } name)
                continue;
            json.WriteStartObject();
            json.WriteString("id", Text(call, "id") ?? "");
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            json.WriteString("name", name);
            json.WriteString("arguments", Member(function, "arguments") switch
            {
                null => "",
                { ValueKind: JsonValueKind.String } text => JsonText.Read(text),
                { } other => other.GetRawText(),
            });
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static JsonElement? Member(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string? Text(JsonElement parent, string name) =>
        Member(parent, name) is { ValueKind: JsonValueKind.String } text ? JsonText.Read(text) : null;
}
