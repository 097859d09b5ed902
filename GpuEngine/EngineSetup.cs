using Lyceum.GpuEngine.Completions;
using Lyceum.GpuEngine.Generations;
using Lyceum.GpuEngine.Gpu;
using Lyceum.GpuEngine.Launch;
using Lyceum.GpuEngine.Primer;
using Lyceum.GpuEngine.Speech;
using Lyceum.GpuEngine.Upstream;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine;

/// <summary>What GpuEngine is made of.</summary>
internal static class EngineSetup
{
    /// <summary>The chat completions API: admission, bounds, metrics, and what is kept of detached generations.</summary>
    public static WebApplicationBuilder AddCompletions(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<EngineOptions>().BindConfiguration(EngineOptions.Section)
            .ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<EngineMetrics>();
        builder.Services.AddSingleton<CompletionSlots>();

        builder.Services.AddOptions<GenerationOptions>().BindConfiguration(EngineOptions.Section)
            .ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<GenerationStore>();
        builder.Services.AddHostedService(services => services.GetRequiredService<GenerationStore>());
        builder.Services.AddSingleton<GenerationRunner>();
        builder.Services.AddSingleton<DetachedCompletions>();
        return builder;
    }

    /// <summary>The source of answers: the configured upstream or the one that is started here, or Primer where there is none.</summary>
    public static WebApplicationBuilder AddChatModel(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IValidateOptions<LlmOptions>, LlmOptions.Validator>();
        builder.Services.AddOptions<LlmOptions>().BindConfiguration(LlmOptions.Section).ValidateOnStart();
        builder.Services.AddHealthChecks().AddCheck<UpstreamHealth>("model");

        builder.AddGpuFacts();
        var launched = builder.AddLaunch();
        var llm = builder.Configuration.GetSection(LlmOptions.Section).Get<LlmOptions>() ?? new LlmOptions();
        if (!llm.IsConfigured && !launched)
            return builder.AddPrimer();
        if (llm.Connector is LlmOptions.Azure)
        {
            builder.Services.AddSingleton<AzureConnection>();
            builder.Services.AddSingleton<IChatModel, AzureModel>();
            return builder;
        }
        builder.Services.AddSingleton<UpstreamClient>();
        builder.Services.AddSingleton<UpstreamModels>();
        builder.Services.AddSingleton<IChatModel, UpstreamModel>();
        return builder;
    }

    /// <summary>OpenAI's API below <c>/v1</c>, for callers with scope <c>llm</c>.</summary>
    public static WebApplication MapOpenAI(this WebApplication app)
    {
        var v1 = app.MapGroup("/v1").RequireScope(Scopes.Llm);
        v1.MapModels();
        v1.MapCompletions();
        v1.MapAudio();
        v1.MapGenerations();
        return app;
    }
}
