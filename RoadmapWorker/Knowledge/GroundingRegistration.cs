using Lyceum.Knowledge;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.RoadmapWorker.Knowledge;

public static class GroundingRegistration
{
    /// <summary>Tutors and passages for tasks, from SessionApi. Where none is referenced, only tasks that name one notice.</summary>
    public static WebApplicationBuilder AddGrounding(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<GroundingOptions>().BindConfiguration("Grounding")
            .Validate(o => o.Passages is > 0 and <= 50, "Grounding:Passages must be between 1 and 50")
            .Validate(o => o.Timeout > TimeSpan.Zero && o.Timeout <= TimeSpan.FromMinutes(1), "Grounding:Timeout must be above 0 and at most a minute")
            .ValidateOnStart();
        builder.AddKnowledgeClient();
        builder.AddServiceClient(ConversationClient.Service);
        builder.Services.AddSingleton<ConversationClient>();
        builder.Services.AddSingleton<Grounder>();
        return builder;
    }
}
