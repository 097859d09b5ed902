using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.SessionApi.Safety;

/// <summary>What moderation made of a turn of a live session, as its engine recorded it.</summary>
internal sealed class SessionFlag
{
    public long SessionNumber { get; init; }

    /// <summary>Of the engine's record.</summary>
    public long Seq { get; init; }

    public required string Tenant { get; init; }

    /// <summary>Who asked: the subject.</summary>
    public required string Person { get; init; }

    public required string SessionId { get; init; }
    public int Turn { get; init; }

    /// <summary><c>help</c> (signs of self-harm in the question), <c>refused</c> (the question), <c>blocked</c> (a sentence).</summary>
    public required string Status { get; init; }

    /// <summary><c>words | guard | moderations</c>.</summary>
    public required string By { get; init; }

    public required string Category { get; init; }

    /// <summary>What was found, or the text that a model judged.</summary>
    public required string Quote { get; init; }

    public DateTimeOffset At { get; init; }

    /// <summary>When the person said that it is wrong; null: they did not.</summary>
    public DateTimeOffset? ReportedAt { get; set; }

    /// <summary>What they said of it.</summary>
    public string? Report { get; set; }
}

/// <summary>
/// Table <c>session_flags</c>. No foreign key: what a teacher was told stays when the student deletes the session.
/// </summary>
internal sealed class SessionFlagTable : IEntityTypeConfiguration<SessionFlag>
{
    public void Configure(EntityTypeBuilder<SessionFlag> flag)
    {
        flag.ToTable("session_flags");
        flag.HasKey(f => new { f.SessionNumber, f.Seq });
        flag.Property(f => f.SessionNumber).ValueGeneratedNever();
        flag.Property(f => f.Seq).ValueGeneratedNever();
        flag.HasIndex(f => new { f.Tenant, f.At, f.SessionNumber, f.Seq }); // a tenant's list, newest first, by cursor
    }
}
