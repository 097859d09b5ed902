using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Reading;
using Lyceum.ChatApi.Safety;
using Lyceum.Knowledge;

namespace Lyceum.ChatApi.Asking;

public static class AskingRegistration
{
    /// <summary>Asking and reading.</summary>
    public static WebApplicationBuilder AddAnswers(this WebApplicationBuilder builder)
    {
        builder.AddGrounding();
        builder.AddScreening();
        var services = builder.Services;
        services.AddOptions<ConversationOptions>().BindConfiguration(ConversationOptions.Section)
            .Validate(o => o is { MaxConversations: > 0, MaxBytes: > 0, MaxBranches: > 0 }, "Conversations: every limit must be positive")
            .ValidateOnStart();
        services.AddSingleton<ConversationQuota>();
        services.AddScoped<ConversationStore>();
        services.AddScoped<MessagePages>();
        services.AddScoped<ConversationExport>();
        services.AddSingleton<Recorders>();
        services.AddScoped<QuestionStore>();
        services.AddSingleton<StoredAnswers>();
        services.AddSingleton<RemoteAnswers>();
        services.AddSingleton<AnswerReader>();
        services.AddSingleton<AnswerResponse>();
        return builder;
    }

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
