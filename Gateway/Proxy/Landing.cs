using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Authorization;

namespace Lyceum.Gateway.Proxy;

/// <summary>Answers <c>GET /</c> with the name, version and routes. Open to all.</summary>
internal static class Landing
{
    private static readonly string[] Operations = ["/health", "/alive", "/version", "/metrics"];

    public static void MapLanding(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/", (ServiceInfo info, EndpointDataSource endpoints) => TypedResults.Ok(new
        {
            Name = "Lyceum",
            Description = "AI tutor: streaming chat that never loses a word, live sessions, learning roadmaps.",
            info.Version,
            Authorization = "Bearer <api token or access token>, or X-API-Key: <api token>, or HMAC (docs/hmac.md)",
            Routes = Routes.All.Select(route => new { Path = route.Path.Replace("{**rest}", "**", StringComparison.Ordinal), route.Scope, Method = (string?)null })
                .Concat(endpoints.Endpoints.OfType<RouteEndpoint>().Where(IsOwn).Select(endpoint => new
                {
                    Path = endpoint.RoutePattern.RawText!, Scope = endpoint.Metadata.GetMetadata<IAuthorizeData>()?.Policy,
                    Method = endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods[0],
                })),
            Operations,
        })).AllowAnonymous().ExcludeFromDescription();

    /// <summary>The routes that the gateway answers itself; forwarded ones name no methods.</summary>
    private static bool IsOwn(RouteEndpoint endpoint) =>
        endpoint.RoutePattern.RawText?.StartsWith("/api/", StringComparison.Ordinal) == true && endpoint.Metadata.GetMetadata<IHttpMethodMetadata>() is not null;
}
