using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.Gateway.Records.Observe;

internal sealed class ObservedEventTable : IEntityTypeConfiguration<ObservedEventRow>
{
    public void Configure(EntityTypeBuilder<ObservedEventRow> observed)
    {
        observed.ToTable("observed_events");
        observed.HasKey(e => e.EventId);
        observed.Property(e => e.EventId).ValueGeneratedNever();
        observed.Property(e => e.Attributes).HasColumnType("jsonb");
        // A tenant's events, newest first.
        observed.HasIndex(e => new { e.Tenant, e.EventId });
        observed.HasIndex(e => new { e.Tenant, e.Id }).IsUnique().HasFilter("id IS NOT NULL").HasDatabaseName("ix_observed_events_one_id_once");
    }
}

/// <summary>One event of a tenant's application, kept for <see cref="ObserveOptions.Retention"/>.</summary>
internal sealed class ObservedEventRow
{
    /// <summary>UUIDv7 of its arrival: orders events, and contains their age.</summary>
    public Guid EventId { get; init; }

    public required string Tenant { get; init; }

    /// <summary>The caller that emitted it.</summary>
    public required string Subject { get; init; }

    /// <summary>The client's, unique in the tenant; null: each sending is another event.</summary>
    public string? Id { get; init; }

    public required string Type { get; init; }

    /// <summary>When it happened, as the client says.</summary>
    public DateTimeOffset At { get; init; }

    public DateTimeOffset ReceivedAt { get; init; }

    /// <summary>A JSON object.</summary>
    public required string Attributes { get; init; }
}
