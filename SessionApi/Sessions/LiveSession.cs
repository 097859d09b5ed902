using Lyceum.SessionApi.Transcripts;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.SessionApi.Sessions;

/// <summary>How a session stands.</summary>
internal static class SessionStatus
{
    /// <summary>Its engine has it.</summary>
    public const string Active = "active";

    /// <summary>
    /// Its engine died, or has not been heard of; <c>connect</c> goes on elsewhere, with the history.
    /// </summary>
    public const string Lost = "lost";

    /// <summary>It timed out, or its engine was stopped; <c>connect</c> goes on, with the history.</summary>
    public const string Ended = "ended";

    /// <summary>
    /// Gone, with all that was said; the row is kept for a while so that what comes late is not taken for new.
    /// </summary>
    public const string Deleted = "deleted";
}

/// <summary>One live session of a student with a tutor, and what became of it.</summary>
internal sealed class LiveSession
{
    /// <summary>Orders, and is the key of what belongs to it.</summary>
    public long Number { get; init; }

    /// <summary>Made by the engine: the engine's id, a dot, a UUIDv7.</summary>
    public required string Id { get; init; }

    public required string Tenant { get; init; }

    /// <summary>
    /// Who made it, as the engine knows them: the subject of the person or of the API token; column <c>owner</c>.
    /// </summary>
    public required string Person { get; init; }

    /// <summary>
    /// Whose it is: <see cref="ServiceDefaults.Auth.Caller.Person"/>. Null for a moment, where an earlier version made it.
    /// </summary>
    public required string? Subject { get; init; }

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

    /// <summary>Why it is not active: as the client saw it, or <c>engine_lost</c>.</summary>
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

    /// <summary>Of a deleted one: it is deleted at its engine too, or the engine is gone.</summary>
    public bool Released { get; init; }
}

/// <summary>Table <c>sessions</c>.</summary>
internal sealed class SessionTable : IEntityTypeConfiguration<LiveSession>
{
    public void Configure(EntityTypeBuilder<LiveSession> session)
    {
        session.ToTable("sessions");
        session.HasKey(s => s.Number);
        session.Property(s => s.Id).IsRequired();
        session.Property(s => s.Person).HasColumnName("owner");
        session.HasIndex(s => s.Id).IsUnique();
        session.HasIndex(s => new { s.Tenant, s.Subject, s.Number }); // a person's list, by cursor
        session.HasIndex(s => s.Number).HasFilter("subject IS NULL").HasDatabaseName("ix_sessions_unowned");
        // For the sweep: few rows at a time.
        session.HasIndex(s => s.EngineId).HasFilter($"status IN ('{SessionStatus.Active}', '{SessionStatus.Lost}')");
        session.HasIndex(s => s.EndedAt).HasFilter($"status = '{SessionStatus.Deleted}'");
        session.HasMany<RejectedRecord>().WithOne().HasForeignKey(r => r.SessionNumber).OnDelete(DeleteBehavior.Cascade);
        session.HasMany<SessionTurn>().WithOne().HasForeignKey(t => t.SessionNumber).OnDelete(DeleteBehavior.Cascade);
        session.HasMany<SessionDelta>().WithOne().HasForeignKey(d => d.SessionNumber).OnDelete(DeleteBehavior.Cascade);
    }
}
