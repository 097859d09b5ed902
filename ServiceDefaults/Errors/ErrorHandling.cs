using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.ServiceDefaults.Errors;

/// <summary>Every failure leaves as a problem document: results, exceptions, and bare statuses of the framework.</summary>
internal static class ErrorHandling
{
    public static void AddProblemDocuments(this IServiceCollection services)
    {
        // First, because the framework asks its writers in order.
        services.AddSingleton<IProblemDetailsWriter, ProblemWriter>();
        services.AddProblemDetails(options => options.CustomizeProblemDetails =
            context => ProblemWriter.Complete(context.HttpContext, context.ProblemDetails));
        services.AddExceptionHandler<ProblemExceptionHandler>();
        // Binding failures carry their reason in every environment, not only in Development.
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
    }

    public static void UseProblemDocuments(this WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages(context => WriteAsync(context));
        // Before authentication: which routes exist is no secret, and a wrong path deserves a true answer.
        app.Use((http, next) => http.GetEndpoint() is null ? UnknownRoute(http) : next(http));
    }

    private static Task UnknownRoute(HttpContext http) => Problems.Create(
        StatusCodes.Status404NotFound, ErrorCodes.RouteNotFound, $"There is nothing at {http.Request.Path}.").ExecuteAsync(http);

    private static Task WriteAsync(StatusCodeContext context)
    {
        var http = context.HttpContext;
        var status = http.Response.StatusCode;
        var detail = status switch
        {
            StatusCodes.Status405MethodNotAllowed => $"{http.Request.Method} is not allowed here; see the Allow header.",
            StatusCodes.Status400BadRequest => Parameters.Invalid(http),
            _ => null,
        } ?? Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status);
        return Problems.Create(status, ErrorCodes.ForStatus(status), detail).ExecuteAsync(http);
    }
}
