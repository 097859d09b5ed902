using System.Text.Json;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.GpuEngine.Speech;

/// <summary>A validated <c>POST /v1/audio/speech</c>.</summary>
/// <param name="Format">As named; null where it is not.</param>
/// <param name="Body">As sent.</param>
internal sealed record SpokenRequest(string Input, string? Model, string? Voice, string? Format, ReadOnlyMemory<byte> Body)
{
    /// <summary>Characters of text, as in OpenAI's API.</summary>
    public const int MaxInput = 4_096;

    private const int MaxBody = 64 * 1024;
    private static readonly string[] Formats = ["mp3", "opus", "aac", "flac", "wav", "pcm"];

    /// <exception cref="ApiException">400, 413: it cannot be served as it is.</exception>
    public static async Task<SpokenRequest> ReadAsync(HttpRequest http, CancellationToken cancel)
    {
        var body = await RequestBody.ReadAsync(http, MaxBody, cancel);
        try
        {
            if (!JsonUnicode.IsValid(body.Span))
                throw Invalid(ErrorCodes.InvalidJson, "The request body holds a string that is not valid Unicode.");
            using var json = JsonDocument.Parse(body, RequestBody.Json);
            var root = json.RootElement;
            if (root.ValueKind is not JsonValueKind.Object)
                throw Invalid("invalid_type", "The request body must be a JSON object.");
            var input = Text(root, "input");
            if (string.IsNullOrWhiteSpace(input))
                throw Invalid("missing_required_parameter", "'input' is required.", "input");
            if (input.Length > MaxInput)
                throw Invalid("string_above_max_length", $"'input' may have {MaxInput} characters; this has {input.Length}.", "input");
            var format = Text(root, "response_format");
            if (format is not null && !Formats.Contains(format))
                throw Invalid("invalid_value", $"'response_format' must be one of {string.Join(", ", Formats)}.", "response_format");
            if (root.TryGetProperty("speed", out var speed) && speed.ValueKind is not JsonValueKind.Null &&
                !(speed.ValueKind is JsonValueKind.Number && speed.GetDouble() is >= 0.25 and <= 4))
            {
                throw Invalid("invalid_value", "'speed' must be a number between 0.25 and 4.", "speed");
            }
            // OpenAI's API takes a custom voice as an object, which only the upstream server understands.
            var voice = root.TryGetProperty("voice", out var named) && named.ValueKind is JsonValueKind.Object ? null : Text(root, "voice");
            return new SpokenRequest(input, Text(root, "model"), voice, format, body);
        }
        catch (JsonException)
        {
            throw Invalid(ErrorCodes.InvalidJson, "The request body is not valid JSON.");
        }
    }

    private static string? Text(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out var value) || value.ValueKind is JsonValueKind.Null)
            return null;
        return value.ValueKind is JsonValueKind.String ? value.GetString() : throw Invalid("invalid_type", $"'{name}' must be a string.", name);
    }

    private static ApiException Invalid(string code, string message, string? param = null) => new(ApiError.Invalid(code, message, param));
}
