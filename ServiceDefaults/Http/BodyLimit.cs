using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>
/// Rejects a body whose announced length is over the route's limit, without reading it, and so that the client gets the
/// 413. Kestrel on its own closes the connection on such a body; a client still sending then sees a broken pipe and no
/// 413. With the limit lifted, Kestrel discards what still arrives, for 5 s at most, after the answer was sent.
/// </summary>
internal static class BodyLimit
{
    private static readonly object Exceeded = new();

    /// <summary>Before authentication: a 401 to a large request must arrive as well.</summary>
    public static void UseBodyLimit(this WebApplication app) => app.Use((http, next) =>
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false, MaxRequestBodySize: { } limit } size
            && http.Request.ContentLength > limit)
        {
            size.MaxRequestBodySize = null;
            http.Items[Exceeded] = limit;
        }

        return next(http);
    });

    /// <summary>After authorization, before any handler: nothing reads a body beyond its limit.</summary>
    public static void UseBodyRefusal(this WebApplication app) => app.Use((http, next) =>
        http.Items.TryGetValue(Exceeded, out var limit)
            ? Problems.Create(
                StatusCodes.Status413PayloadTooLarge, ErrorCodes.PayloadTooLarge, $"This route accepts {limit} bytes.",
                [new("max_bytes", limit)]).ExecuteAsync(http)
            : next(http));
}
