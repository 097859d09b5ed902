using System.Diagnostics;
using System.Globalization;
using System.Net.Mime;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using JsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;

namespace Lyceum.ServiceDefaults.Errors;

/// <summary>
/// Writes every problem document, whoever made it. The framework's writer declines when <c>Accept</c> names something
/// else (<c>text/event-stream</c>); an error without a body helps no client, so this one always writes.
/// </summary>
internal sealed class ProblemWriter(IOptions<JsonOptions> json) : IProblemDetailsWriter
{
    public bool CanWrite(ProblemDetailsContext context) => true;

    public async ValueTask WriteAsync(ProblemDetailsContext context)
    {
        var (http, problem) = (context.HttpContext, context.ProblemDetails);
        Complete(http, problem);

        http.Response.StatusCode = problem.Status ?? http.Response.StatusCode;
        http.Response.ContentType = MediaTypeNames.Application.ProblemJson;
        http.Response.Headers.CacheControl = "no-store";
        if (!HttpMethods.IsHead(http.Request.Method))
        {
            await http.Response.WriteAsJsonAsync(
                problem, json.Value.SerializerOptions, MediaTypeNames.Application.ProblemJson, http.RequestAborted);
        }
    }

    /// <summary>Adds what every document has, and the header that goes with <c>retry_after</c>.</summary>
    internal static void Complete(HttpContext http, ProblemDetails problem)
    {
        problem.Status ??= http.Response.StatusCode;
        problem.Title ??= Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(problem.Status.Value);
        problem.Extensions.TryAdd("code", ErrorCodes.ForStatus(problem.Status.Value));
        problem.Extensions.Remove("traceId");
        problem.Extensions["trace_id"] = Activity.Current?.TraceId.ToHexString() ?? http.TraceIdentifier;
        // Every 401 says how (RFC 9110); an authentication stage has said it more precisely.
        if (problem.Status == StatusCodes.Status401Unauthorized && !http.Response.HasStarted && http.Response.Headers.WWWAuthenticate.Count == 0)
            http.Response.Headers.WWWAuthenticate = "Bearer";
        if (problem.Extensions.TryGetValue(Problems.RetryAfterMember, out var wait))
            http.Response.Headers.RetryAfter = Convert.ToString(wait, CultureInfo.InvariantCulture);
    }
}
