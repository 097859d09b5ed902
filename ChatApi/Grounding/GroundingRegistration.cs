using Lyceum.Knowledge;

namespace Lyceum.ChatApi.Grounding;

public static class GroundingRegistration
{
    /// <summary>Tutors and passages for answers, from SessionApi. Where none is referenced, only questions that name one notice.</summary>
    public static WebApplicationBuilder AddGrounding(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<GroundingOptions>().BindConfiguration(GroundingOptions.Section)
            .Validate(o => o.Passages is > 0 and <= 50, "Grounding:Passages must be between 1 and 50")
            .Validate(o => o.Timeout > TimeSpan.Zero && o.Timeout <= TimeSpan.FromMinutes(1), "Grounding:Timeout must be above 0 and at most a minute")
            .ValidateOnStart();
        builder.AddKnowledgeClient();
        builder.Services.AddSingleton<Grounder>();
        return builder;
    }
}
