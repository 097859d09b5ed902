using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Gateway.Proxy;

/// <summary>Answers <c>GET /</c> with the name, version and routes. Open to all.</summary>
internal static class Landing
{
    private static readonly string[] Operations =
        ["/health", "/alive", "/version", "/metrics", "/openapi/v1.json", "/docs"];

    public static void MapLanding(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/", Describe).AllowAnonymous().WithTags("operation");

    /// <summary>What is here: every route, and the scope it asks for.</summary>
    private static Ok<LandingDocument> Describe(ServiceInfo info, EndpointDataSource endpoints) =>
        TypedResults.Ok(new LandingDocument(
            "Lyceum",
            "AI tutor: streaming chat that never loses a word, live sessions, learning roadmaps.",
            info.Version,
            "Bearer <api token or access token>, or X-API-Key: <api token>, or HMAC (docs/hmac.md)",
            [
                .. Routes.All.Select(route => new LandingRoute(
                    route.Path.Replace("{**rest}", "**", StringComparison.Ordinal), route.Scope, null)),
                .. endpoints.Endpoints.OfType<RouteEndpoint>().Where(IsOwn).Select(endpoint => new LandingRoute(
                    endpoint.RoutePattern.RawText!, endpoint.Metadata.GetMetadata<IAuthorizeData>()?.Policy,
                    endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods[0])),
            ],
            Operations));

    internal sealed record LandingDocument(
        string Name, string Description, string Version, string Authorization, IReadOnlyList<LandingRoute> Routes,
        IReadOnlyList<string> Operations);

    /// <param name="Path">A route; <c>**</c> stands for everything below it.</param>
    /// <param name="Scope">Null: open to all.</param>
    /// <param name="Method">Null: whatever the service behind answers.</param>
    internal sealed record LandingRoute(string Path, string? Scope, string? Method);

    /// <summary>The routes that the gateway answers itself; forwarded ones name no methods.</summary>
    private static bool IsOwn(RouteEndpoint endpoint) =>
        endpoint.RoutePattern.RawText?.StartsWith("/api/", StringComparison.Ordinal) == true && endpoint.Metadata.GetMetadata<IHttpMethodMetadata>() is not null;
}
