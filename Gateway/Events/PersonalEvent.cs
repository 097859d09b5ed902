using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lyceum.Gateway.Events;

/// <summary>One server-sent event of <c>GET /api/events</c>, as docs/openapi.json describes it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(Ready), "ready")]
[JsonDerivedType(typeof(Reset), EventSources.Reset)]
[JsonDerivedType(typeof(Away), EventSources.Away)]
[JsonDerivedType(typeof(Back), EventSources.Back)]
[JsonDerivedType(typeof(Answer), FollowedAnswers.Kind)]
[JsonDerivedType(typeof(AnswerStarted), "answer.started")]
[JsonDerivedType(typeof(AnswerEnded), "answer.ended")]
[JsonDerivedType(typeof(ConversationCreated), "conversation.created")]
[JsonDerivedType(typeof(ConversationRenamed), "conversation.renamed")]
[JsonDerivedType(typeof(ConversationDeleted), "conversation.deleted")]
[JsonDerivedType(typeof(JobChanged), "job.changed")]
[JsonDerivedType(typeof(DocumentChanged), "document.changed")]
[JsonDerivedType(typeof(DocumentDeleted), "document.deleted")]
[JsonDerivedType(typeof(SessionStarted), "session.started")]
[JsonDerivedType(typeof(SessionEnded), "session.ended")]
internal abstract record PersonalEvent
{
    /// <summary>The cursor behind it, for <c>Last-Event-ID</c> or <c>?cursor=</c>; null: the one before still holds.</summary>
    public string? Id { get; init; }

    /// <summary>From here on nothing is missed: read what you show, and then follow.</summary>
    internal sealed record Ready(object Data) : PersonalEvent;

    /// <summary>Events of a service were missed: read anew what you show of it.</summary>
    internal sealed record Reset(Source Data) : PersonalEvent;

    /// <summary>A service does not answer; it is tried again, and the others go on.</summary>
    internal sealed record Away(Source Data) : PersonalEvent;

    internal sealed record Back(Source Data) : PersonalEvent;

    /// <summary>An event of a followed answer's own stream.</summary>
    internal sealed record Answer(AnswerEvent Data) : PersonalEvent;

    internal sealed record AnswerStarted(AnswerOf Data) : PersonalEvent;

    internal sealed record AnswerEnded(AnswerEnd Data) : PersonalEvent;

    internal sealed record ConversationCreated(Conversation Data) : PersonalEvent;

    internal sealed record ConversationRenamed(Conversation Data) : PersonalEvent;

    internal sealed record ConversationDeleted(ConversationOf Data) : PersonalEvent;

    /// <summary>A task (roadmap, collaboration, practice set) has another status, stage or progress.</summary>
    internal sealed record JobChanged(Job Data) : PersonalEvent;

    /// <summary>A document of a knowledge base is there, or has another status.</summary>
    internal sealed record DocumentChanged(Document Data) : PersonalEvent;

    internal sealed record DocumentDeleted(DocumentOf Data) : PersonalEvent;

    internal sealed record SessionStarted(SessionOf Data) : PersonalEvent;

    internal sealed record SessionEnded(SessionEnd Data) : PersonalEvent;

    internal sealed record Source([property: JsonPropertyName("source")] string Name);

    /// <param name="Id">Of a <c>delta</c>: the cursor to go on from, UTF-8 bytes.</param>
    internal sealed record AnswerEvent(Guid MessageId, string? Id, string Event, JsonElement Data);

    internal sealed record AnswerOf(Guid ConversationId, Guid MessageId, DateTimeOffset At);

    internal sealed record AnswerEnd(
        Guid ConversationId, Guid MessageId, string Status, string? FinishReason, DateTimeOffset At);

    internal sealed record Conversation(Guid ConversationId, string Title, DateTimeOffset At);

    internal sealed record ConversationOf(Guid ConversationId, DateTimeOffset At);

    internal sealed record Job(Guid TaskId, string Kind, string Status, string Stage, int Progress, DateTimeOffset At);

    internal sealed record Document(
        string KbId, Guid DocumentId, string Name, string Status, string? Failure, DateTimeOffset At);

    internal sealed record DocumentOf(string KbId, Guid DocumentId, DateTimeOffset At);

    internal sealed record SessionOf(string SessionId, int? TutorId, DateTimeOffset At);

    internal sealed record SessionEnd(string SessionId, string Status, string? Reason, DateTimeOffset At);
}
