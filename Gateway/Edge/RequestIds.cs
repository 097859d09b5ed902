using System.Buffers;
using System.Diagnostics;

namespace Lyceum.Gateway.Edge;

/// <summary>
/// <c>X-Request-Id</c>: the caller's if it has only letters, digits and <c>-_.:</c>, else a new one. Forwarded to the
/// service and returned to the caller, so that all three logs have the same id. (The trace has its own id, in
/// <c>traceparent</c>.)
/// </summary>
internal static class RequestIds
{
    public const string Header = "X-Request-Id";
    private const int MaxLength = 128;

    private static readonly SearchValues<char> Plain = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:");

    /// <summary>Before everything else, so that rejections carry the id too.</summary>
    public static void UseRequestIds(this WebApplication app) => app.Use((http, next) =>
    {
        var id = http.Request.Headers[Header];
        if (id is not [{ Length: > 0 and <= MaxLength } own] || own.AsSpan().ContainsAnyExcept(Plain))
            http.Request.Headers[Header] = ActivityTraceId.CreateRandom().ToHexString(); // no system call
        // When the response starts: an exception handler clears headers that were set before.
        http.Response.OnStarting(static state =>
        {
            var http = (HttpContext)state;
            http.Response.Headers[Header] = http.Request.Headers[Header];
            return Task.CompletedTask;
        }, http);
        return next(http);
    });
}
