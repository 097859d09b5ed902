using Lyceum.GpuEngine.Charging;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.Completions.Detached;

namespace Lyceum.GpuEngine.Completions;

internal static class CompletionsSetup
{
    /// <summary>
    /// The chat completions API: admission, bounds, metrics, and what is kept of detached generations.
    /// </summary>
    public static WebApplicationBuilder AddCompletions(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<EngineOptions>().BindConfiguration(EngineOptions.Section)
            .ValidateDataAnnotations().ValidateOnStart();
        builder.AddCharging();
        services.AddSingleton<EngineMetrics>();
        services.AddSingleton<CompletionSlots>();

        services.AddOptions<GenerationOptions>().BindConfiguration(EngineOptions.Section)
            .ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<GenerationStore>();
        services.AddHostedService(provider => provider.GetRequiredService<GenerationStore>());
        services.AddSingleton<GenerationRunner>();
        services.AddSingleton<DetachedCompletions>();
        return builder;
    }
}
