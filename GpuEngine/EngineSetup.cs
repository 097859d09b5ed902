using Lyceum.GpuEngine.Completions;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.Completions.Detached;
using Lyceum.GpuEngine.Gpu;
using Lyceum.GpuEngine.Launch;
using Lyceum.GpuEngine.Moderation;
using Lyceum.GpuEngine.Primer;
using Lyceum.GpuEngine.Speech;
using Lyceum.GpuEngine.Upstream;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine;

/// <summary>Joins the parts that do not know each other.</summary>
internal static class EngineSetup
{
    /// <summary>
    /// The source of answers: the configured model server or the one that is started here, or Primer where there is
    /// none.
    /// </summary>
    public static WebApplicationBuilder AddChatModel(this WebApplicationBuilder builder)
    {
        var (services, configuration) = (builder.Services, builder.Configuration);
        services.AddSingleton<IValidateOptions<LlmOptions>, LlmOptions.Validator>();
        services.AddOptions<LlmOptions>().BindConfiguration(LlmOptions.Section).ValidateOnStart();
        services.AddHealthChecks().AddCheck<UpstreamHealth>("model");

        builder.AddModeration();

        // The GPUs that count are those that the launched model server sees.
        builder.AddGpuFacts(configuration[LaunchOptions.VisibleDevicesKey] ?? configuration[VisibleDevices.Variable]);
        var launched = builder.AddLaunch();
        var llm = configuration.GetSection(LlmOptions.Section).Get<LlmOptions>() ?? new LlmOptions();
        if (!llm.IsConfigured && !launched)
            return builder.AddPrimer();
        if (llm.Connector is LlmOptions.Azure)
        {
            services.AddSingleton<AzureConnection>();
            services.AddSingleton<IChatModel, AzureModel>();
            return builder;
        }
        services.AddSingleton(provider => new UpstreamClient(
            UpstreamAddress.Of(provider.GetRequiredService<IOptions<LlmOptions>>().Value),
            provider.GetRequiredService<IOptions<AnswersOptions>>().Value,
            launched ? provider.GetRequiredService<ModelServer>().Address : null));
        services.AddSingleton<UpstreamModels>();
        services.AddSingleton<IChatModel, UpstreamModel>();
        return builder;
    }

    /// <summary>OpenAI's API below <c>/v1</c>, for callers with scope <c>llm</c>.</summary>
    public static WebApplication MapOpenAI(this WebApplication app)
    {
        var v1 = app.MapGroup("/v1").RequireScope(Scopes.Llm).WithTags("OpenAI");
        v1.MapModels();
        v1.MapCompletions();
        v1.MapAudio();
        v1.MapModerations();
        v1.MapGenerations();
        return app;
    }
}
