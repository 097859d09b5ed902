using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.GpuEngine.Announcing;

/// <summary>
/// How others find the engine: it announces itself, and answers <c>GET /v1/engine</c> to a service that knows its
/// address.
/// </summary>
internal static class AnnouncementSetup
{
    public static WebApplicationBuilder AddAnnouncement(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Announcement>();
        builder.Services.AddHttpClient(Announcer.Client);
        builder.Services.AddHostedService<Announcer>();
        return builder;
    }

    public static void MapAnnouncement(this WebApplication app) =>
        app.MapGet("/v1/engine", async Task<Ok<EngineAnnouncement>> (Announcement announcement, CancellationToken cancel) =>
            TypedResults.Ok(await announcement.DescribeAsync(cancel))).RequireService()
            .WithTags("engines").WithSummary("What the engine says of itself. For services alone.");
}
