using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Sessions;

/// <summary>How a session stands.</summary>
public static class SessionStatus
{
    /// <summary>Its engine has it.</summary>
    public const string Active = "active";

    /// <summary>Its engine died, or has not been heard of; <c>connect</c> goes on elsewhere, with the history.</summary>
    public const string Lost = "lost";

    /// <summary>It timed out, or its engine was stopped; <c>connect</c> goes on, with the history.</summary>
    public const string Ended = "ended";

    /// <summary>Gone, with all that was said; the row is kept for a while so that what comes late is not taken for new.</summary>
    public const string Deleted = "deleted";
}

/// <summary>One live session of a student with a tutor, and what became of it.</summary>
public sealed class LiveSession
{
    /// <summary>Orders, and is the key of what belongs to it.</summary>
    public long Number { get; init; }

    /// <summary>Made by the engine: the engine's id, a dot, a UUIDv7.</summary>
    public required string Id { get; init; }

    public required string Tenant { get; init; }

    /// <summary>The subject who made it.</summary>
    public required string Owner { get; init; }

    /// <summary>Null for one that was made at the engine itself.</summary>
    public int? TutorId { get; init; }

    /// <summary>As the client names its student: data, never authority.</summary>
    public required string StudentId { get; init; }

    public string? KbId { get; init; }
    public required string EngineId { get; init; }

    /// <summary>The run of the engine's process it lives in; all zeros where that is not known.</summary>
    public Guid Incarnation { get; init; }

    /// <summary>One of <see cref="SessionStatus"/>.</summary>
    public required string Status { get; init; }

    /// <summary>Why it is not active: as the client was told, or <c>engine_lost</c>.</summary>
    public string? Reason { get; init; }

    /// <summary>The session it goes on with.</summary>
    public string? Continues { get; init; }

    /// <summary>The session that goes on with it.</summary>
    public string? ContinuedBy { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? ExpiresAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>The last record of its transcript that is stored.</summary>
    public long RecordedSeq { get; init; }

    /// <summary>Of a deleted one: the engine was told, or is gone.</summary>
    public bool Released { get; init; }
}

/// <summary>A question and its answer.</summary>
public sealed class SessionTurn
{
    public long SessionNumber { get; init; }

    /// <summary>1, 2, 3, … within the session.</summary>
    public int Turn { get; init; }

    public required string Question { get; init; }
    public DateTimeOffset AskedAt { get; init; }

    /// <summary>What counts as said; null until the turn's end is known (see <see cref="SessionDelta"/>).</summary>
    public string? Answer { get; init; }

    /// <summary><c>complete | interrupted | failed</c>; null as above.</summary>
    public string? Status { get; init; }

    public string? FinishReason { get; init; }

    /// <summary>JSON array of the passages cited.</summary>
    public string? Citations { get; init; }

    public DateTimeOffset? EndedAt { get; init; }
}

/// <summary>A piece of an answer whose end is not known yet; append-only, and gone with the end.</summary>
public sealed class SessionDelta
{
    public long SessionNumber { get; init; }
    public long Seq { get; init; }
    public int Turn { get; init; }
    public required string Text { get; init; }
}

/// <summary>Tables <c>sessions</c>, <c>session_turns</c>, <c>session_deltas</c>.</summary>
public static class SessionModel
{
    public static void AddSessions(this ModelBuilder model)
    {
        model.Entity<LiveSession>(session =>
        {
            session.ToTable("sessions");
            session.HasKey(s => s.Number);
            session.Property(s => s.Id).IsRequired();
            session.HasIndex(s => s.Id).IsUnique();
            session.HasIndex(s => new { s.Tenant, s.Number }); // a tenant's list, by cursor
            // What the sweep looks at: few at a time.
            session.HasIndex(s => s.EngineId).HasFilter($"status IN ('{SessionStatus.Active}', '{SessionStatus.Lost}')");
            session.HasIndex(s => s.EndedAt).HasFilter($"status = '{SessionStatus.Deleted}'");
        });
        model.Entity<SessionTurn>(turn =>
        {
            turn.ToTable("session_turns");
            turn.HasKey(t => new { t.SessionNumber, t.Turn });
            turn.Property(t => t.Turn).ValueGeneratedNever();
            turn.Property(t => t.Citations).HasColumnType("jsonb");
            turn.HasOne<LiveSession>().WithMany().HasForeignKey(t => t.SessionNumber).OnDelete(DeleteBehavior.Cascade);
        });
        model.Entity<SessionDelta>(delta =>
        {
            delta.ToTable("session_deltas");
            delta.HasKey(d => new { d.SessionNumber, d.Seq });
            delta.Property(d => d.Seq).ValueGeneratedNever();
            delta.HasOne<LiveSession>().WithMany().HasForeignKey(d => d.SessionNumber).OnDelete(DeleteBehavior.Cascade);
        });
    }
}
