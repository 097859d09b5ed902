using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.SessionApi.Transcripts;

/// <summary>A question and its answer.</summary>
internal sealed class SessionTurn
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

    /// <summary>The model's reasoning before the answer, which is no part of it.</summary>
    public string? Thinking { get; init; }

    /// <summary>JSON array of the passages cited.</summary>
    public string? Citations { get; init; }

    public DateTimeOffset? EndedAt { get; init; }
}

/// <summary>A piece of an answer whose end is not known yet; append-only, and gone with the end.</summary>
internal sealed class SessionDelta
{
    public long SessionNumber { get; init; }
    public long Seq { get; init; }
    public int Turn { get; init; }
    public required string Text { get; init; }
}

/// <summary>
/// A record that the database refused for its data, put aside so that the session's others are stored: for operators,
/// and never shown.
/// </summary>
internal sealed class RejectedRecord
{
    public long SessionNumber { get; init; }
    public long Seq { get; init; }

    /// <summary>Its JSON in UTF-8: bytes, which are never refused.</summary>
    public required byte[] Record { get; init; }

    /// <summary>SQLSTATE.</summary>
    public required string Reason { get; init; }

    public DateTimeOffset RejectedAt { get; init; }
}

/// <summary>
/// Tables <c>session_turns</c>, <c>session_deltas</c>, <c>session_rejected_records</c>; they go with their row of
/// <c>sessions</c>.
/// </summary>
internal sealed class TranscriptTables
    : IEntityTypeConfiguration<SessionTurn>, IEntityTypeConfiguration<SessionDelta>,
        IEntityTypeConfiguration<RejectedRecord>
{
    public void Configure(EntityTypeBuilder<RejectedRecord> record)
    {
        record.ToTable("session_rejected_records");
        record.HasKey(r => new { r.SessionNumber, r.Seq });
        record.Property(r => r.Seq).ValueGeneratedNever();
    }

    public void Configure(EntityTypeBuilder<SessionTurn> turn)
    {
        turn.ToTable("session_turns");
        turn.HasKey(t => new { t.SessionNumber, t.Turn });
        turn.Property(t => t.Turn).ValueGeneratedNever();
        turn.Property(t => t.Citations).HasColumnType("jsonb");
    }

    public void Configure(EntityTypeBuilder<SessionDelta> delta)
    {
        delta.ToTable("session_deltas");
        delta.HasKey(d => new { d.SessionNumber, d.Seq });
        delta.Property(d => d.Seq).ValueGeneratedNever();
    }
}
