using Lyceum.ServiceDefaults.Engines;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>Bounds of what this worker asks the engines, for all its kinds of work; section <c>Models</c>.</summary>
public sealed class ModelOptions
{
    /// <summary>Questions this worker has open at the engines; more wait their turn.</summary>
    public int QuestionsAtOnce { get; set; } = 16;

    /// <summary>How long an engine that is overloaded (429, 503) is asked again before the stage counts as failed.</summary>
    public TimeSpan OverloadPatience { get; set; } = TimeSpan.FromMinutes(2);
}

public static class ModelRegistration
{
    public static WebApplicationBuilder AddLanguageModel(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<ModelOptions>().BindConfiguration("Models")
            .Validate(o => o.QuestionsAtOnce > 0 && o.OverloadPatience >= TimeSpan.Zero,
                "Models: QuestionsAtOnce must be positive, OverloadPatience not negative")
            .ValidateOnStart();
        builder.AddServiceClient(EngineModel.Service);
        builder.AddEngineDirectory();
        builder.Services.AddSingleton<ILanguageModel, EngineModel>();
        return builder;
    }
}
