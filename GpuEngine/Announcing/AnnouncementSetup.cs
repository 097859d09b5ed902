using Lyceum.EngineClient;
using Lyceum.GpuEngine.Addressing;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

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

    public static void MapAnnouncement(this WebApplication app)
    {
        app.MapGet("/v1/engine", async Task<Ok<EngineAnnouncement>> (Announcement announcement, CancellationToken cancel) =>
            TypedResults.Ok(await announcement.DescribeAsync(cancel))).RequireService()
            .WithTags("engines").WithSummary("What the engine says of itself. For services alone.");
        app.MapGet("/internal/engine/address", Address).RequireService().WithTags("engines").Fails(500, ErrorCodes.PublicUrlNotConfigured);
    }

    /// <summary>
    /// Where a client would be sent whose request came as this one: a socket's address as sessions have it, of no session.
    /// For services alone.
    /// </summary>
    private static Ok<EngineAddress> Address(
        HttpContext http, Caller caller, PublicAddress address, IOptions<EngineAddressOptions> options) =>
        TypedResults.Ok(new EngineAddress(address.For(http, caller, $"{options.Value.Id}.{EngineAddress.NoSession}")));
}
