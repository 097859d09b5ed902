using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Images;
using Lyceum.ChatApi.Safety;
using Lyceum.Durability.Leases;
using Lyceum.EngineClient;

namespace Lyceum.ChatApi.Writing;

public static class GenerationRegistration
{
    /// <summary>Writing answers: engines, journal, leases, and their orderly end.</summary>
    public static WebApplicationBuilder AddGeneration(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<GenerationOptions>().BindConfiguration("Generation")
            .Validate(o => o.MaxRunning > 0 && o.MaxReaders > 0 && o.MaxAnswerBytes > 0 && o.MaxBatchRows > 0 && o.MaxContextTokens > 0
                           && o.MaxUncommittedBytes > 0 && o.CommitInterval >= TimeSpan.Zero,
                "Generation: every limit must be positive")
            .Validate(o => OnDisconnectPolicy.IsKnown(o.OnDisconnect), "Generation:OnDisconnect must be continue or stop")
            .Validate(o => o.MaxRunningPerUser >= 0 && o.DisconnectGrace >= TimeSpan.Zero && o.IdempotencyWindow > TimeSpan.Zero,
                "Generation: MaxRunningPerUser, DisconnectGrace and IdempotencyWindow must not be negative")
            .ValidateOnStart();
        builder.AddCompletionsClient();
        services.AddSingleton<ChatMetrics>();
        services.AddSingleton<GenerationRows>();
        services.AddSingleton<GenerationJournal>();
        services.AddSingleton<IJournal>(provider => provider.GetRequiredService<GenerationJournal>());
        services.AddHostedService(provider => provider.GetRequiredService<GenerationJournal>());
        services.AddSingleton<ReplicaSignals>();
        services.AddHostedService(provider => provider.GetRequiredService<ReplicaSignals>());
        builder.AddJudges();
        builder.AddShownImages();
        services.AddSingleton<GenerationWriter>();
        services.AddSingleton<GenerationRunner>();
        services.AddSingleton<OrphanSweep>();
        services.AddLeases<OrphanSweep>();
        return builder;
    }
}
