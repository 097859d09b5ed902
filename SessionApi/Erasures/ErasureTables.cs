using Lyceum.SessionApi.Accounts;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.SessionApi.Erasures;

/// <summary>
/// A person who asked to be deleted, or a class that was archived. The row stays, as the proof that it was done; it
/// names nothing but ids.
/// </summary>
internal sealed class ErasureRow
{
    public Guid Id { get; init; }

    /// <summary>The <c>sub</c> of their identity; of a class its id.</summary>
    public required string Subject { get; init; }

    public DateTimeOffset RequestedAt { get; init; }

    /// <summary>When the last service confirmed.</summary>
    public DateTimeOffset? DoneAt { get; set; }
}

/// <summary>What one service has to erase of one tenant.</summary>
internal sealed class ErasureStep
{
    /// <summary>
    /// Before the service, where it is a class that is erased: a version of before that knows no classes finds no such
    /// service, and leaves the step.
    /// </summary>
    public const string OfClass = "class:";

    public Guid ErasureId { get; init; }
    public required string Tenant { get; init; }
    public required string Service { get; init; }

    /// <summary>JSON, an <see cref="Durability.Persons.Inheritance"/>, as it was when the account ended.</summary>
    public required string Inheritance { get; init; }

    /// <summary>Not asked before.</summary>
    public DateTimeOffset NextAt { get; set; }

    /// <summary>Attempts that failed since the last answer.</summary>
    public int Failures { get; set; }

    /// <summary>When the service confirmed.</summary>
    public DateTimeOffset? DoneAt { get; set; }
}

/// <summary>
/// That an account was a member of a tenant: what it made there may still be there. Kept by a trigger on the memberships.
/// </summary>
internal sealed class FormerMembership
{
    public Guid AccountId { get; init; }
    public required string Tenant { get; init; }
}

/// <summary>Tables <c>erasures</c>, <c>erasure_steps</c>, <c>former_memberships</c>.</summary>
internal sealed class ErasureTables :
    IEntityTypeConfiguration<ErasureRow>, IEntityTypeConfiguration<ErasureStep>, IEntityTypeConfiguration<FormerMembership>
{
    public void Configure(EntityTypeBuilder<FormerMembership> former)
    {
        former.ToTable("former_memberships");
        former.HasKey(m => new { m.AccountId, m.Tenant });
        former.HasOne<Account>().WithMany().HasForeignKey(m => m.AccountId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<ErasureRow> erasure)
    {
        erasure.ToTable("erasures");
        erasure.Property(e => e.Id).ValueGeneratedNever();
    }

    public void Configure(EntityTypeBuilder<ErasureStep> step)
    {
        step.ToTable("erasure_steps");
        step.Property(s => s.Inheritance).HasColumnType("json");
        step.HasKey(s => new { s.ErasureId, s.Tenant, s.Service });
        step.HasOne<ErasureRow>().WithMany().HasForeignKey(s => s.ErasureId).OnDelete(DeleteBehavior.Cascade);
        // For the sweep: what is not confirmed.
        step.HasIndex(s => s.NextAt).HasFilter("done_at IS NULL").HasDatabaseName("ix_erasure_steps_open");
    }
}
