namespace Lyceum.ChatApi.Data;

/// <summary>What moderation made of a message.</summary>
public static class ModerationStatus
{
    /// <summary>Of a question: no model was asked.</summary>
    public const string Refused = "refused";

    /// <summary>Of an answer: it ends before a sentence that was withheld.</summary>
    public const string Blocked = "blocked";

    /// <summary>A model that should have judged it could not be asked.</summary>
    public const string Unavailable = "unavailable";
}

/// <summary>Why a text was withheld. Its words are for owners.</summary>
public sealed class ModerationVerdict
{
    public Guid Id { get; init; }
    public required string Tenant { get; init; }

    /// <summary>Who asked: the <c>sub</c>.</summary>
    public required string Person { get; init; }

    public Guid ConversationId { get; init; }
    public Guid MessageId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary><c>question | answer</c>.</summary>
    public required string Side { get; init; }

    /// <summary><c>words | guard | moderations</c>.</summary>
    public required string By { get; init; }

    public required string Category { get; init; }

    /// <summary>The word that was found, or the text that a model judged.</summary>
    public required string Quote { get; init; }

    /// <summary>When the person said that it is wrong.</summary>
    public DateTimeOffset? ReportedAt { get; set; }

    /// <summary>What they said of it.</summary>
    public string? Report { get; set; }
}

/// <summary>Signs of self-harm in a person's question, for the teachers whom the school named.</summary>
public sealed class Concern
{
    public Guid Id { get; init; }
    public required string Tenant { get; init; }

    /// <summary>Who asked: the <c>sub</c>.</summary>
    public required string Person { get; init; }

    public Guid ConversationId { get; init; }

    /// <summary>The answer.</summary>
    public Guid MessageId { get; init; }

    /// <summary>The class whose policy named the teachers; null: the tenant's.</summary>
    public Guid? ClassId { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
    public required string By { get; init; }
    public required string Category { get; init; }

    /// <summary>The beginning of the question.</summary>
    public required string Quote { get; init; }

    /// <summary>Subjects that may read it, beside the owners.</summary>
    public required string[] Tell { get; init; }
}
