using Lyceum.ServiceDefaults.Auth;
using Lyceum.EngineClient;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.GpuEngine.Announcing;

/// <summary>Being found: by announcing, and by being asked (<c>GET /v1/engine</c>, where somebody only knows the address).</summary>
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
            TypedResults.Ok(await announcement.MakeAsync(cancel))).RequireService();
}
