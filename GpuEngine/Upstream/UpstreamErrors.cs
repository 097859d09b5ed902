using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.EngineClient;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>An upstream's answer that is an error.</summary>
/// <param name="Body">Its first bytes, as much as is kept; empty where it could not be read.</param>
/// <param name="RetryAfter">Whole seconds, where the upstream says so.</param>
internal sealed record UpstreamFailure(int Status, ReadOnlyMemory<byte> Body, int? RetryAfter);

/// <summary>What the upstream's failures mean to our caller: its own mistakes stay 4xx, the upstream's become 502/504.</summary>
internal static class UpstreamErrors
{
    private const int MaxErrorBody = 64 * 1024;

    public static ApiException Broken(string what, Exception? inner = null) =>
        new(ApiError.Server(502, "upstream_broken", $"The model server {what}."), inner);

    public static ApiException Said(string message) =>
        new(ApiError.Server(502, "upstream_error", $"The model server reported: {message}"));

    /// <summary>No connection, or none in time. The address is logged, not sent: callers need not know it.</summary>
    public static ApiException Unreachable(Exception e, string section = LlmOptions.Section) => e is OperationCanceledException
        ? new(ApiError.Server(504, "connect_timeout", "The model server did not accept a connection in time."), e)
        : new(ApiError.Server(502, "upstream_unreachable", $"The model server cannot be reached; is it running at {section}:Endpoint?"), e);

    /// <summary>
    /// The request failed without a response, for another reason than its cancellation by the caller.
    /// </summary>
    public static bool IsNoResponse(Exception e, CancellationToken cancel) =>
        e is HttpRequestException || (e is OperationCanceledException && !cancel.IsCancellationRequested);

    /// <summary>What a failure for which <see cref="IsNoResponse"/> holds means.</summary>
    public static ApiException NoResponse(Exception e, string section) =>
        e is HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded or HttpRequestError.InvalidResponse
            or HttpRequestError.HttpProtocolError or HttpRequestError.Unknown }
            ? Broken("broke the connection before it answered", e)
            : Unreachable(e, section);

    /// <summary>Maps an answer other than 200.</summary>
    public static async Task<ApiException> FromAsync(HttpResponseMessage response, string section, CancellationToken cancel)
    {
        byte[] body = [];
        try
        {
            await response.Content.LoadIntoBufferAsync(MaxErrorBody, cancel);
            body = await response.Content.ReadAsByteArrayAsync(cancel);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException)
        {
            // A body that cannot be read says no more than the status did.
        }
        return From(
            new UpstreamFailure((int)response.StatusCode, body, RetryAfter(response.Headers.RetryAfter, response.Headers.Date)), section);
    }

    /// <summary>Maps an answer other than 200.</summary>
    public static ApiException From(UpstreamFailure failure, string section)
    {
        var status = failure.Status;
        var (error, isApi) = Read(failure);
        return new ApiException((HttpStatusCode)status switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ApiError.Server(
                502, "upstream_rejected", $"The model server refused our credentials ({status}); check {section}:ApiKey."),
            HttpStatusCode.TooManyRequests => new ApiError(
                429, "rate_limit_error", "upstream_busy", $"The model server is busy: {error.Message}", RetryAfter: failure.RetryAfter ?? 1),
            // A 404 without an error object does not come from a model server.
            HttpStatusCode.NotFound when !isApi => ApiError.Server(
                502, "upstream_broken", $"The model server has no such route; does {section}:Endpoint end in /v1?"),
            HttpStatusCode.NotFound => error with { Status = 404, Code = ErrorCodes.ModelNotFound, Param = "model" },
            >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError => error with { Status = status },
            >= HttpStatusCode.InternalServerError => ApiError.Server(
                502, "upstream_error", $"The model server failed ({status}): {error.Message}", failure.RetryAfter),
            _ => ApiError.Server(502, "upstream_broken", $"The model server answered {status}."),
        });
    }

    /// <summary>A Retry-After header in whole seconds.</summary>
    /// <param name="now">The response's own Date: the two clocks need not agree.</param>
    public static int? RetryAfter(RetryConditionHeaderValue? header, DateTimeOffset? now) => header switch
    {
        { Delta: { } delta } => (int)Math.Ceiling(delta.TotalSeconds),
        { Date: { } date } => Math.Max(1, (int)Math.Ceiling((date - (now ?? date)).TotalSeconds)),
        _ => null,
    };

    // {"error":{…}}, {"error":"…"}, {"message":"…"} and {"detail":…} are all in use.
    private static (ApiError Error, bool IsApi) Read(UpstreamFailure failure)
    {
        var fallback = ApiError.Invalid("upstream_refused", $"The model server answered {failure.Status}.");
        try
        {
            using var json = JsonDocument.Parse(failure.Body);
            var root = json.RootElement;
            if (root.ValueKind is JsonValueKind.Array && root.GetArrayLength() > 0)
                root = root[0]; // Gemini
            if (root.ValueKind is not JsonValueKind.Object)
                return (fallback, false);
            var isApi = root.TryGetProperty("error", out var error) || root.TryGetProperty("message", out _);
            if (error.ValueKind is JsonValueKind.Undefined)
                error = root;
            return (fallback with
            {
                Message = EngineError.Of(error).Message,
                Type = Text(error, "type") ?? fallback.Type,
                Code = Text(error, "code") ?? fallback.Code,
                Param = Text(error, "param"),
            }, isApi);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperation: a name with an escape that is half of a surrogate pair.
            return (fallback, false);
        }
    }

    private static string? Text(JsonElement error, string name) =>
        error.ValueKind is JsonValueKind.Object && error.TryGetProperty(name, out var value) &&
        value.ValueKind is JsonValueKind.String
            ? JsonText.Read(value)
            : null;
}
