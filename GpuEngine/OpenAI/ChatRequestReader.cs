using System.Text.Json;
using System.Text.Unicode;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.GpuEngine.OpenAI;

/// <summary>Reads and validates a chat completion request; every error becomes a 4xx that names the field.</summary>
internal static class ChatRequestReader
{
    /// <summary>Bytes of a request's body; a larger one is rejected with 413.</summary>
    public const int MaxBody = 4 * 1024 * 1024;

    private const int MaxPassages = 200;
    private static readonly string[] Roles = ["system", "developer", "user", "assistant", "tool", "function"];

    /// <exception cref="ApiException">The request cannot be served as it is.</exception>
    public static async Task<ChatRequest> ReadAsync(HttpRequest http, CancellationToken cancel)
    {
        var body = await RequestBody.ReadAsync(http, MaxBody, cancel);
        // Checked on the bytes: the JSON reader decodes a string only when it is read.
        if (!Utf8.IsValid(body.Span))
            throw Invalid("invalid_utf8", "The request body is not valid UTF-8.");
        try
        {
            // Of the whole body, not of what is read here: the rest is written again for the model server.
            if (!JsonUnicode.IsValid(body.Span))
                throw Invalid(ErrorCodes.InvalidJson, "The request body holds a string that is not valid Unicode.");
            using var json = JsonDocument.Parse(body, RequestBody.Json);
            return Read(json.RootElement, body);
        }
        catch (JsonException e)
        {
            throw Invalid(ErrorCodes.InvalidJson, $"The request body is not valid JSON: {e.Message}");
        }
    }

    private static ChatRequest Read(JsonElement root, ReadOnlyMemory<byte> body)
    {
        if (root.ValueKind is not JsonValueKind.Object)
            throw Invalid("invalid_type", "The request body must be a JSON object.");
        var stream = Flag(root, "stream", "stream");
        var options = Child(root, "stream_options", "stream_options", JsonValueKind.Object);
        if (options is not null && !stream)
            throw Invalid("invalid_value", "'stream_options' is only allowed when 'stream' is true.", "stream_options");
        var format = Child(root, "response_format", "response_format", JsonValueKind.Object);
        return new ChatRequest
        {
            Model = Model(root),
            Messages = Messages(root),
            Stream = stream,
            IncludeUsage = options is { } o && Flag(o, "include_usage", "stream_options.include_usage"),
            MaxTokens = Integer(root, "max_completion_tokens", 1, int.MaxValue) ?? Integer(root, "max_tokens", 1, int.MaxValue),
            Choices = Integer(root, "n", 1, 128) ?? 1,
            Stop = Stop(root),
            HasTools = HasAny(root, "tools") || HasAny(root, "functions"),
            HasImages = HasImages(root),
            ResponseFormat = format is { } f ? Text(f, "type", "response_format.type") : null,
            Passages = Passages(root),
            Body = body,
        }.Checked(root);
    }

    // Numbers that GpuEngine does not read itself, but that no model takes otherwise.
    private static ChatRequest Checked(this ChatRequest request, JsonElement root)
    {
        Number(root, "temperature", 0, 2);
        Number(root, "top_p", 0, 1);
        return request;
    }

    private static string? Model(JsonElement root) => Text(root, "model", "model") switch
    {
        "" => throw Invalid("invalid_value", "'model' must not be empty.", "model"),
        var model => model,
    };

    private static List<ChatMessage> Messages(JsonElement root)
    {
        var array = Child(root, "messages", "messages", JsonValueKind.Array)
            ?? throw Invalid("missing_required_parameter", "'messages' is required.", "messages");
        if (array.GetArrayLength() == 0)
            throw Invalid("empty_array", "'messages' must hold at least one message.", "messages");
        var messages = new List<ChatMessage>(array.GetArrayLength());
        foreach (var message in array.EnumerateArray())
        {
            var at = $"messages[{messages.Count}]";
            if (message.ValueKind is not JsonValueKind.Object)
                throw WrongType(at, "an object");
            var role = Text(message, "role", $"{at}.role")
                ?? throw Invalid("missing_required_parameter", $"'{at}.role' is required.", $"{at}.role");
            if (!Roles.Contains(role))
                throw Invalid("invalid_value", $"'{at}.role' must be one of {string.Join(", ", Roles)}.", $"{at}.role");
            messages.Add(new ChatMessage(role, Content(message, role, $"{at}.content")));
        }
        return messages;
    }

    private static string Content(JsonElement message, string role, string at)
    {
        if (!message.TryGetProperty("content", out var content) || content.ValueKind is JsonValueKind.Null)
        {
            // An assistant's message may be tool calls alone.
            return role is "assistant" ? "" : throw Invalid("missing_required_parameter", $"'{at}' is required.", at);
        }
        return content.ValueKind switch
        {
            JsonValueKind.String => content.GetString()!,
            JsonValueKind.Array => string.Concat(content.EnumerateArray().Select((part, i) => Part(part, $"{at}[{i}]"))),
            _ => throw WrongType(at, "a string or an array of content parts"),
        };
    }

    private static string Part(JsonElement part, string at)
    {
        if (part.ValueKind is not JsonValueKind.Object)
            throw WrongType(at, "an object");
        var type = Text(part, "type", $"{at}.type")
            ?? throw Invalid("missing_required_parameter", $"'{at}.type' is required.", $"{at}.type");
        return type is not "text" ? "" : Text(part, "text", $"{at}.text")
            ?? throw Invalid("missing_required_parameter", $"'{at}.text' is required.", $"{at}.text");
    }

    private static List<string> Stop(JsonElement root)
    {
        if (!root.TryGetProperty("stop", out var stop) || stop.ValueKind is JsonValueKind.Null)
            return [];
        List<string> texts = stop.ValueKind switch
        {
            JsonValueKind.String => [stop.GetString()!],
            JsonValueKind.Array => [.. stop.EnumerateArray().Select((text, i) =>
                text.ValueKind is JsonValueKind.String ? text.GetString()! : throw WrongType($"stop[{i}]", "a string"))],
            _ => throw WrongType("stop", "a string or an array of strings"),
        };
        texts.RemoveAll(text => text.Length == 0);
        return texts.Count <= 4 ? texts : throw Invalid("invalid_value", "'stop' takes at most four texts.", "stop");
    }

    private static List<GivenPassage> Passages(JsonElement root)
    {
        if (Child(root, "lyceum", "lyceum", JsonValueKind.Object) is not { } lyceum ||
            Child(lyceum, "passages", "lyceum.passages", JsonValueKind.Array) is not { } array)
        {
            return [];
        }
        if (array.GetArrayLength() > MaxPassages)
            throw Invalid("invalid_value", $"'lyceum.passages' takes at most {MaxPassages} passages.", "lyceum.passages");
        return [.. array.EnumerateArray().Select((passage, i) =>
        {
            var at = $"lyceum.passages[{i}]";
            if (passage.ValueKind is not JsonValueKind.Object)
                throw WrongType(at, "an object");
            var text = Text(passage, "text", $"{at}.text");
            return string.IsNullOrWhiteSpace(text)
                ? throw Invalid("missing_required_parameter", $"'{at}.text' is required.", $"{at}.text")
                : new GivenPassage(
                    Id(passage, at), Text(passage, "title", $"{at}.title"), text, Text(passage, "source", $"{at}.source"));
        })];
    }

    private static string? Id(JsonElement passage, string at) =>
        passage.TryGetProperty("id", out var id) && id.ValueKind is JsonValueKind.Number
            ? id.GetRawText()
            : Text(passage, "id", $"{at}.id");

    private static JsonElement? Child(JsonElement parent, string name, string at, JsonValueKind kind)
    {
        if (!parent.TryGetProperty(name, out var value) || value.ValueKind is JsonValueKind.Null)
            return null;
        return value.ValueKind == kind ? value : throw WrongType(at, kind is JsonValueKind.Object ? "an object" : "an array");
    }

    private static string? Text(JsonElement parent, string name, string at)
    {
        if (!parent.TryGetProperty(name, out var value) || value.ValueKind is JsonValueKind.Null)
            return null;
        return value.ValueKind is JsonValueKind.String ? value.GetString() : throw WrongType(at, "a string");
    }

    private static bool HasAny(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.Array && value.GetArrayLength() > 0;

    // Of messages that were read before, so that their shapes are known.
    private static bool HasImages(JsonElement root) => root.GetProperty("messages").EnumerateArray().Any(message =>
        message.TryGetProperty("content", out var content) && content.ValueKind is JsonValueKind.Array
        && content.EnumerateArray().Any(part => part.GetProperty("type").ValueEquals("image_url")));

    private static bool Flag(JsonElement parent, string name, string at)
    {
        if (!parent.TryGetProperty(name, out var value))
            return false;
        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False or JsonValueKind.Null => false,
            _ => throw WrongType(at, "true or false"),
        };
    }

    private static int? Integer(JsonElement root, string name, int least, int most)
    {
        if (Number(root, name, least, most) is null)
            return null;
        return root.GetProperty(name).TryGetInt32(out var value) ? value : throw WrongType(name, "a whole number");
    }

    private static double? Number(JsonElement root, string name, double least, double most)
    {
        if (!root.TryGetProperty(name, out var value) || value.ValueKind is JsonValueKind.Null)
            return null;
        if (value.ValueKind is not JsonValueKind.Number)
            throw WrongType(name, "a number");
        var number = value.GetDouble();
        return number >= least && number <= most
            ? number
            : throw Invalid("invalid_value", $"'{name}' must be between {least} and {most}.", name);
    }

    private static ApiException WrongType(string at, string expected) =>
        Invalid("invalid_type", $"'{at}' must be {expected}.", at);

    private static ApiException Invalid(string code, string message, string? param = null) =>
        new(ApiError.Invalid(code, message, param));
}
