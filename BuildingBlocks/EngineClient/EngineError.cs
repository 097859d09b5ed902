using System.Runtime.InteropServices;
using System.Text.Json;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.EngineClient;

/// <summary>An error of an engine or of the model server behind it, from a status or from inside the stream.</summary>
/// <param name="Status">HTTP status; 0 for an error inside the stream.</param>
public sealed record EngineError(int Status, string Code, string Message)
{
    /// <summary>The code of an error that has none.</summary>
    public const string Unknown = "engine_error";

    private const int MaxBody = 64 * 1024;
    private const int MaxMessage = 2000;
    private const int MaxCode = 100;

    /// <summary>A bound of time was reached, in the engine's own words for its three.</summary>
    public bool IsTimeout => Code is "first_token_timeout" or "token_timeout" or "max_duration";

    /// <summary>
    /// The engine took nothing on: it is busy, or its model server cannot be reached. So another engine may be asked.
    /// </summary>
    public bool TookNothingOn =>
        (Status is 429 or 503 && Code is not ErrorCodes.BudgetExhausted) || Code is "upstream_unreachable";

    /// <summary>
    /// Reads an error in any of the shapes that servers use: <c>"…"</c>, <c>{"message":…,"code":…}</c>,
    /// <c>{"detail":…}</c>, <c>{"error":…}</c> around one of these, a list of one. At most
    /// <see cref="MaxMessage"/> characters of its words.
    /// </summary>
    public static EngineError Of(JsonElement error, int status = 0)
    {
        EngineError read;
        try
        {
            read = Read(error, status);
        }
        catch (InvalidOperationException)
        {
            read = new(status, Unknown, Raw(error)); // a name in it has half of a surrogate pair
        }
        return read with { Code = Cut(read.Code, MaxCode), Message = Cut(read.Message, MaxMessage) };
    }

    private static string Cut(string text, int most) =>
        text.Length <= most ? text : text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)];

    private static EngineError Read(JsonElement error, int status) => error.ValueKind switch
    {
        JsonValueKind.String => new(status, Unknown, JsonText.Read(error)),
        JsonValueKind.Array when error.GetArrayLength() > 0 => Read(error[0], status),
        JsonValueKind.Object when error.TryGetProperty("error", out var inner)
            && inner.ValueKind is JsonValueKind.Object or JsonValueKind.String => Read(inner, status),
        JsonValueKind.Object when (error.TryGetProperty("detail", out var inner)
                || error.TryGetProperty("errors", out inner))
            && inner.ValueKind is JsonValueKind.Object or JsonValueKind.Array => Read(inner, status),
        JsonValueKind.Object => new(
            status, Text(error, "code") ?? Unknown,
            Text(error, "message") ?? Text(error, "detail") ?? Text(error, "msg") ?? Text(error, "error_msg")
                ?? Text(error, "text") ?? Raw(error)),
        _ => new(status, Unknown, Raw(error)),
    };

    /// <summary>Reads a rejection, of its body what is no more than <see cref="MaxBody"/>.</summary>
    internal static async Task<EngineError> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var status = (int)response.StatusCode;
        try
        {
            await response.Content.LoadIntoBufferAsync(MaxBody, cancellationToken);
            using var body = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
            if (body.RootElement.ValueKind is JsonValueKind.Object && body.RootElement.EnumerateObject().Any())
                return Of(body.RootElement, status);
        }
        catch (Exception e) when (e is JsonException or HttpRequestException or IOException)
        {
            // A body that cannot be read says no more than the status did.
        }
        return new(status, Unknown, $"The engine answered {status}.");
    }

    private static string Raw(JsonElement error) => JsonText.Plain(JsonMarshal.GetRawUtf8Value(error));

    private static string? Text(JsonElement error, string name) =>
        error.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String
            ? JsonText.Read(value)
            : null;
}

/// <summary>An engine rejected a question, or there is none to ask.</summary>
public sealed class EngineException(EngineError error, TimeSpan? retryAfter = null) : Exception(error.Message)
{
    public EngineError Error { get; } = error;

    /// <summary>When a retry may help, where the engine says so.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;

    internal static EngineException NoneKnown() =>
        new(new(503, ErrorCodes.EngineUnavailable, "No engine is known; try again shortly."));
}
