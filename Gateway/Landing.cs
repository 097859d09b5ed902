using Lyceum.Gateway.Proxy;
using Lyceum.ServiceDefaults.Hosting;

namespace Lyceum.Gateway;

/// <summary>What somebody sees who opens the door without knowing the house. Open to all.</summary>
internal static class Landing
{
    private static readonly string[] Operations = ["/health", "/alive", "/version", "/metrics"];

    public static void MapLanding(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/", (ServiceInfo info) => TypedResults.Ok(new
        {
            Name = "Lyceum",
            Description = "AI tutor: streaming chat that never loses a word, live sessions, learning roadmaps.",
            info.Version,
            Authorization = "Bearer <api token or access token>, or X-API-Key: <api token>, or HMAC (docs/hmac.md)",
            Routes = Routes.All.Select(route => new { Path = route.Path.Replace("{**rest}", "**", StringComparison.Ordinal), route.Scope }),
            Operations,
        })).AllowAnonymous().ExcludeFromDescription();
}
