using Lyceum.GpuEngine.Charging;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.Completions.Detached;
using Lyceum.GpuEngine.Draining;

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
        builder.AddDraining();
        services.AddDrained<CompletionSlots>();

        services.AddOptions<GenerationOptions>().BindConfiguration(EngineOptions.Section)
            .ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<GenerationStore>();
        services.AddDrained<GenerationStore>();
        services.AddSingleton<GenerationRunner>();
        services.AddSingleton<DetachedCompletions>();
        return builder;
    }
}
