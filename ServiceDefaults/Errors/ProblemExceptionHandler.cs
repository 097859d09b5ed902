using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace Lyceum.ServiceDefaults.Errors;

/// <summary>
/// The one place where an exception becomes an answer. A client that is gone gets none (the middleware before this ends
/// such a request as 499). What is not expected is a 500 that says nothing but its <c>trace_id</c>; the log says the rest.
/// </summary>
internal sealed partial class ProblemExceptionHandler(ILogger<ProblemExceptionHandler> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext http, Exception exception, CancellationToken cancellationToken)
    {
        try
        {
            await ToProblem(http, exception).ExecuteAsync(http);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client is gone: not a failure of ours, and not worth a log line.
        }
        return true;
    }

    private ProblemHttpResult ToProblem(HttpContext http, Exception exception)
    {
        switch (exception)
        {
            case ProblemException problem:
                return problem.ToResult();
            case BadHttpRequestException bad:
                return BadRequest(http, bad);
            case JsonException json:
                return Problems.BadRequest(InvalidJson(json), ErrorCodes.InvalidJson);
            // A string that is read out of a JsonElement later than the body.
            case InvalidOperationException { Source: { } source } text
                when source.StartsWith("System.Text.Json", StringComparison.Ordinal)
                && text.Message.Contains("UTF-16", StringComparison.Ordinal):
                return Problems.BadRequest(
                    "The body has a string with half of a surrogate pair.", ErrorCodes.InvalidJson);
        }

        if (exception is InvalidOperationException && HasUnknownCharset(http.Request))
        {
            return Problems.Create(
                StatusCodes.Status415UnsupportedMediaType, ErrorCodes.UnsupportedMediaType, "The charset is unknown; send UTF-8.");
        }

        switch (DatabaseFailures.Find(exception))
        {
            case DatabaseFailure.Connection:
                LogDatabaseAway(http.Request.Path, exception.Message);
                return Problems.Unavailable(ErrorCodes.DatabaseUnavailable, "The database does not answer; try again shortly.");
            case DatabaseFailure.Data when DatabaseFailures.SqlState(exception) is DatabaseFailures.PersonErased:
                return Problems.Create(
                    StatusCodes.Status403Forbidden, ErrorCodes.PersonErased,
                    "This account was deleted. Nothing is stored for it any more; sign in with another one.");
            case DatabaseFailure.Data when DatabaseFailures.SqlState(exception) is not ['2', '3', ..]:
                LogRefused(http.Request.Method, http.Request.Path, exception.Message);
                return NotStorable(http.Request);
        }

        LogUnhandled(exception, http.Request.Method, http.Request.Path);
        return Problems.Create(
            StatusCodes.Status500InternalServerError, ErrorCodes.Internal, "Something failed here; the trace id finds it in the log.");
    }

    private static ProblemHttpResult BadRequest(HttpContext http, BadHttpRequestException bad) => bad.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => Problems.Create(
            bad.StatusCode, ErrorCodes.PayloadTooLarge, "The body is larger than this route accepts."),
        StatusCodes.Status415UnsupportedMediaType => Problems.Create(
            bad.StatusCode, ErrorCodes.UnsupportedMediaType, "Send application/json."),
        _ when bad.InnerException is JsonException json => Problems.BadRequest(InvalidJson(json), ErrorCodes.InvalidJson),
        // The framework's words for a missing body speak of parameters and services; a client knows neither.
        _ when bad.Message.Contains("body", StringComparison.Ordinal) => Problems.BadRequest(
            "A JSON body is required.", ErrorCodes.InvalidJson),
        _ when Parameter().Match(bad.Message) is { Success: true } found =>
            Problems.BadRequest(InvalidParameter(http, found)),
        _ => Problems.Create(bad.StatusCode, ErrorCodes.ForStatus(bad.StatusCode), bad.Message),
    };

    /// <summary>
    /// The framework's words name C#'s type and parameter: <c>Failed to bind parameter "int limit" from "x".</c> A
    /// client knows the name that it sent.
    /// </summary>
    private static string InvalidParameter(HttpContext http, Match found)
    {
        var parameter = found.Groups["name"].Value;
        var endpoint = http.Features.Get<IExceptionHandlerFeature>()?.Endpoint; // no longer the request's own
        var declared = endpoint?.Metadata.GetMetadata<MethodInfo>()?.GetParameters().FirstOrDefault(declared => declared.Name == parameter);
        var name = Parameters.NameOf(declared, parameter);
        return found.Groups["required"].Success
            ? $"{name} is required." : $"{name} must be {Parameters.Expected(found.Groups["type"].Value)}.";
    }

    [GeneratedRegex(
        @"^(Failed to bind|(?<required>Required)) parameter ""(Nullable<)?(?<type>[^""> ]+)>? (?<name>\w+)""",
        RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Parameter();

    private static string InvalidJson(JsonException json) => json.Path is { Length: > 0 } path
        ? $"The body is not the expected JSON at {path}."
        : "The body is not valid JSON.";

    /// <summary>Reading JSON in a charset that does not exist fails with no better exception than this one.</summary>
    private static bool HasUnknownCharset(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.Charset.HasValue)
            return false;
        try
        {
            return Encoding.GetEncoding(type.Charset.Value) is null;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }

    /// <summary>
    /// A value that the database refuses for itself, which the route did not check. A query string's U+0000 is named.
    /// </summary>
    private static ProblemHttpResult NotStorable(HttpRequest request)
    {
        var errors = request.Query.Where(pair => pair.Value.Any(value => value?.Contains('\0') == true))
            .ToDictionary(pair => pair.Key, pair => (string[])[$"{pair.Key} must not contain U+0000."]);
        return errors.Count > 0
            ? Problems.Create(StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest,
                string.Join(' ', errors.Values.SelectMany(messages => messages)), [new("errors", errors)])
            : Problems.BadRequest(
                "A value cannot be stored: it holds U+0000 or half of a surrogate pair, or is too large.",
                ErrorCodes.InvalidRequest);
    }

    [LoggerMessage(LogLevel.Warning, "{Method} {Path}: the database refused a value: {Reason}")]
    private partial void LogRefused(string method, string path, string reason);

    [LoggerMessage(LogLevel.Warning, "{Path}: the database does not answer: {Reason}")]
    private partial void LogDatabaseAway(string path, string reason);

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed")]
    private partial void LogUnhandled(Exception exception, string method, string path);
}
