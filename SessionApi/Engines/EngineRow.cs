using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.SessionApi.Engines;

/// <summary>An engine as it announced itself last.</summary>
internal sealed class EngineRow
{
    public required string Id { get; init; }

    /// <summary>UUIDv7 of this run of its process; a later one is greater.</summary>
    public Guid Incarnation { get; init; }

    public required string Url { get; init; }
    public string? PublicUrl { get; init; }

    /// <summary>Where it reaches this service: what its sessions ask passages from.</summary>
    public required string AnnouncedTo { get; init; }

    /// <summary>The run that said it drains: where it is <see cref="Incarnation"/>, the engine takes nothing new on.</summary>
    public Guid? Draining { get; init; }

    public bool IsDraining => Draining == Incarnation;

    public int Capacity { get; init; }
    public int Sessions { get; init; }
    public string? Model { get; init; }

    /// <summary>By Postgres' <c>clock_timestamp()</c>.</summary>
    public DateTimeOffset SeenAt { get; init; }
}

/// <summary>Table <c>engines</c>.</summary>
internal sealed class EngineTable : IEntityTypeConfiguration<EngineRow>
{
    public void Configure(EntityTypeBuilder<EngineRow> engine)
    {
        engine.ToTable("engines");
        engine.Property(e => e.Id).ValueGeneratedNever();
        engine.Ignore(e => e.IsDraining);
    }
}
