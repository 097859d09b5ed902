using Lyceum.EngineClient;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>Bounds of what this worker asks the engines, for all its kinds of work; section <c>Models</c>.</summary>
public sealed class ModelOptions
{
    /// <summary>Questions this worker has open at the engines; more wait their turn.</summary>
    public int QuestionsAtOnce { get; set; } = 16;

    /// <summary>How long an engine that is overloaded (429, 503) is asked again before the stage counts as failed.</summary>
    public TimeSpan OverloadPatience { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Functions a model may call for one question; a further call is answered with an error that says so.</summary>
    public int FunctionCalls { get; set; } = 8;

    /// <summary>Answers with calls that one question may have; then the model is asked to call no more.</summary>
    public int FunctionRounds { get; set; } = 4;

    /// <summary>One call of a function. Reached: the model is told that it took too long.</summary>
    public TimeSpan FunctionTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Characters of one function's result; the rest is cut off, and the model is told so.</summary>
    public int FunctionResult { get; set; } = 12_000;

    /// <summary>
    /// How long SessionApi is waited for to say how a person's answers are moderated. Reached: the stage is retried.
    /// </summary>
    public TimeSpan PolicyTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>One question to a model that judges. Reached: it counts as not available.</summary>
    public TimeSpan JudgeTimeout { get; set; } = TimeSpan.FromSeconds(8);
}

public static class ModelRegistration
{
    public static WebApplicationBuilder AddLanguageModel(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<ModelOptions>().BindConfiguration("Models")
            .Validate(o => o.QuestionsAtOnce > 0 && o.OverloadPatience >= TimeSpan.Zero,
                "Models: QuestionsAtOnce must be positive, OverloadPatience not negative")
            .Validate(o => o is { FunctionCalls: > 0, FunctionRounds: > 0, FunctionResult: >= 100 } && o.FunctionTimeout > TimeSpan.Zero,
                "Models: FunctionCalls, FunctionRounds and FunctionTimeout must be positive, FunctionResult at least 100")
            .Validate(o => o.PolicyTimeout > TimeSpan.Zero && o.JudgeTimeout > TimeSpan.Zero,
                "Models: PolicyTimeout and JudgeTimeout must be positive")
            .ValidateOnStart();
        builder.AddCompletionsClient();
        builder.Services.AddTransient<LenientCompletions>();
        builder.Services.AddHttpClient(CompletionsClient.Service).AddHttpMessageHandler<LenientCompletions>();
        builder.Services.AddSingleton<ModelAbilities>();
        builder.Services.AddSingleton<ILanguageModel, EngineModel>();
        builder.Services.AddSingleton<ModelModeration>();
        builder.Services.AddSingleton<Dialogues>();
        builder.Services.AddSingleton<ModelJson>();
        return builder;
    }
}
