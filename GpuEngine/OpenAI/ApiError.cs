using System.Text.Json;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.OpenAI;

/// <summary>
/// A failure in OpenAI's shape, <c>{"error":{"message","type","code","param"}}</c>, which SDKs turn into their own
/// exceptions. The <c>/v1</c> routes answer this instead of problem documents.
/// </summary>
/// <param name="Status">HTTP status, used where the response has not begun.</param>
/// <param name="Type">OpenAI's class of error: <c>invalid_request_error</c>, <c>rate_limit_error</c>, <c>server_error</c>.</param>
/// <param name="Code">Stable snake_case code.</param>
/// <param name="Message">For people; says what to do where that is known.</param>
/// <param name="Param">The offending request field, as <c>messages[0].role</c>.</param>
/// <param name="RetryAfter">Whole seconds after which a retry may help.</param>
internal sealed record ApiError(
    int Status, string Type, string Code, string Message, string? Param = null, int? RetryAfter = null)
{
    public static ApiError Invalid(string code, string message, string? param = null, int status = 400) =>
        new(status, "invalid_request_error", code, message, param);

    public static ApiError Server(int status, string code, string message, int? retryAfter = null) =>
        new(status, "server_error", code, message, RetryAfter: retryAfter);

    public static ApiError NoSuchModel(string model) =>
        Invalid(ErrorCodes.ModelNotFound, $"The model '{model}' does not exist here; GET /v1/models lists those that do.", "model", 404);

    public static ApiError NoVision() => Invalid(
        ErrorCodes.VisionUnsupported,
        "The model of this engine takes no images. Ask without them, or configure one that does (Llm:Endpoint, Llm:Model, "
        + "Llm:Vision=true).",
        "messages");

    /// <summary>The error that a caller gets for a failure.</summary>
    public static ApiError From(Exception failure) => failure switch
    {
        ApiException known => known.Error,
        BadHttpRequestException bad => Invalid(ErrorCodes.InvalidRequest, bad.Message, status: bad.StatusCode),
        _ => Server(500, ErrorCodes.Internal, "The engine failed; its log says why."),
    };

    /// <summary>Writes <c>{"error":{…}}</c>.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartObject("error");
        json.WriteString("message", Message);
        json.WriteString("type", Type);
        json.WriteString("code", Code);
        json.WriteString("param", Param);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Answers with the status, Retry-After and the error as JSON. Only before the response has begun.</summary>
    public async Task AnswerAsync(HttpResponse response, CancellationToken cancel)
    {
        response.StatusCode = Status;
        response.ContentType = "application/json; charset=utf-8";
        if (RetryAfter is { } seconds)
            response.Headers.RetryAfter = seconds.ToString();
        await using (var json = new Utf8JsonWriter(response.BodyWriter))
            Write(json);
        await response.BodyWriter.FlushAsync(cancel);
    }
}

/// <summary>Carries an <see cref="ApiError"/> from where it is found to the endpoint that answers with it.</summary>
internal sealed class ApiException : Exception
{
    public ApiException(ApiError error, Exception? inner = null)
        : base(error.Message, inner) => Error = error;

    public ApiError Error { get; }

    /// <summary>What to log of a failure beside its error: the exception that caused it, if there is one.</summary>
    public static Exception? CauseOf(Exception failure) => failure is ApiException ? failure.InnerException : failure;

    /// <summary>503: the engine is stopping. Another one may take it on, or this one's next run.</summary>
    public static ApiException Draining() =>
        new(ApiError.Server(503, ErrorCodes.Draining, "This engine is stopping.", retryAfter: 1));

    /// <summary>429: too much runs already; a retry may help after a second.</summary>
    public static ApiException Overloaded(string message) =>
        new(new ApiError(429, "rate_limit_error", ErrorCodes.Overloaded, message, RetryAfter: 1));
}
