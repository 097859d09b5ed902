using Lyceum.GpuEngine.Addressing;
using Lyceum.GpuEngine.Draining;
using Lyceum.GpuEngine.Sessions.Hearing;
using Lyceum.GpuEngine.Sessions.Live;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Sessions.Sockets;
using Lyceum.GpuEngine.Sessions.Transcripts;
using Lyceum.GpuEngine.Sessions.Turns;
using Lyceum.ServiceDefaults.Health;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions;

/// <summary>What live sessions are made of.</summary>
internal static class SessionsSetup
{
    public static WebApplicationBuilder AddSessions(this WebApplicationBuilder builder)
    {
        builder.AddLegacyEnvironment();
        var services = builder.Services;
        services.AddSingleton<IValidateOptions<EngineAddressOptions>, EngineAddressOptions.Validator>();
        services.AddOptions<EngineAddressOptions>().BindConfiguration(EngineAddressOptions.Section)
            .PostConfigure<ServiceInfo>((engine, info) => engine.Id = engine.Id.Length > 0 ? engine.Id : info.Instance)
            .ValidateOnStart();
        services.AddOptions<LiveSessionOptions>().BindConfiguration(LiveSessionOptions.Section)
            .ValidateDataAnnotations()
            .Validate(
                options => options is { Timeout.Ticks: > 0, IdleTimeout.Ticks: > 0, ConnectTokenLifetime.Ticks: > 0 }
                    and { RetrievalTimeout.Ticks: > 0, PolicyFresh.Ticks: > 0, PolicyTimeout.Ticks: > 0 },
                "Engine:Sessions: Timeout, IdleTimeout, ConnectTokenLifetime, RetrievalTimeout, PolicyFresh and "
                + "PolicyTimeout must be above 0")
            .Validate(
                options => options.HasValidHeartbeat,
                "Engine:Sessions:Heartbeat must be 0 (none), or from 1 s to 5 minutes")
            .Validate(options => options.Audio.IsValid, "Engine:Sessions:Audio: a time or level is out of its bounds")
            .ValidateOnStart();
        services.AddOptions<TranscriptOptions>().BindConfiguration(TranscriptOptions.Section)
            .ValidateDataAnnotations().ValidateOnStart();

        services.AddSingleton<SessionMetrics>();
        services.AddSingleton<TurnMetrics>();
        services.AddSingleton<TranscriptMetrics>();
        services.AddSingleton<TranscriptLog>();
        services.AddHostedService(provider => provider.GetRequiredService<TranscriptLog>());
        services.AddSingleton<ITranscript>(provider => provider.GetRequiredService<TranscriptLog>());
        builder.AddTranscriptForwarding();
        services.AddHttpClient(HttpRetrieval.Client, HttpRetrieval.Configure);
        services.AddSingleton<IRetrieval, HttpRetrieval>();
        services.AddSingleton<SessionPolicies>();
        services.AddSingleton<TurnWriter>();
        services.AddSingleton<Speaker>();
        services.AddSingleton<Listener>();
        services.AddSingleton<SessionWorkers>();
        services.AddSingleton<SessionStore>();
        builder.AddDraining();
        services.AddDrained<SessionStore>();
        services.AddSingleton<PublicAddress>();
        services.AddSingleton<EngineRun>();

        // The names that clients of earlier engines read in /health.
        services.Configure<HealthNames>(names => (names.Service, names.Healthy) = ("GPU Server", "healthy"));
        services.AddHealthChecks()
            .AddCheck<PublicAddress>("public_url")
            .AddCheck<TranscriptHealth>("transcripts");
        return builder;
    }

    public static WebApplication MapSessions(this WebApplication app)
    {
        app.UseWebSockets();
        SessionsApi.MapSessions(app);
        app.MapSessionSockets();
        return app;
    }

    /// <summary>Whether what is said can be recorded; otherwise sessions say nothing.</summary>
    private sealed class TranscriptHealth(TranscriptLog transcripts) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(transcripts.Error is { } error
                ? HealthCheckResult.Degraded($"sessions say nothing: {error}")
                : HealthCheckResult.Healthy());
    }
}
