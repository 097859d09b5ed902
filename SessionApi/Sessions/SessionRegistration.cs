using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.SessionApi.Transcripts;

namespace Lyceum.SessionApi.Sessions;

internal static class SessionRegistration
{
    /// <summary>Live sessions, and what was said in them.</summary>
    public static WebApplicationBuilder AddSessions(this WebApplicationBuilder builder)
    {
        builder.AddMessaging(bus => bus.AddConsumer<RecordSessionTurnsConsumer>());
        builder.AddServiceClient(EngineDirectory.Engines);
        var services = builder.Services;
        services.AddSingleton<EngineSessions>();
        services.AddSingleton<TranscriptRecorder>();
        services.AddScoped<TranscriptStore>();
        services.AddSingleton<TranscriptSearch>();
        services.AddHostedService<TranscriptTermsSweep>();
        services.AddScoped<SessionStore>();
        services.AddScoped<Placement>();
        services.AddScoped<LiveSessions>();
        services.AddHostedService<SessionSweep>();
        return builder;
    }
}
