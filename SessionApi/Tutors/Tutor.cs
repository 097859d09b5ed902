using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.SessionApi.Tutors;

/// <summary>Who teaches: what it knows, how it speaks.</summary>
internal sealed class Tutor
{
    public int Id { get; init; }
    public required string Tenant { get; init; }

    /// <summary>Whose it is: the subject. Null for a moment, where an earlier version made it.</summary>
    public required string? Owner { get; init; }

    public required string Name { get; set; }
    public required string Subject { get; set; }

    /// <summary>BCP 47, of the lessons.</summary>
    public required string Language { get; set; }

    /// <summary>For the model, before everything a student says.</summary>
    public required string Instructions { get; set; }

    /// <summary>A voice of the configured speech server; null is its default.</summary>
    public string? Voice { get; set; }

    /// <summary>The knowledge base it answers from; null for none.</summary>
    public string? KbId { get; set; }

    /// <summary><c>guide</c>: it asks back before it solves, whatever a student asks for. Null: as the student chooses.</summary>
    public string? Mode { get; set; }

    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>Table <c>tutors</c>.</summary>
internal sealed class TutorTable : IEntityTypeConfiguration<Tutor>
{
    public void Configure(EntityTypeBuilder<Tutor> tutor)
    {
        tutor.ToTable("tutors");
        tutor.HasIndex(t => new { t.Tenant, t.Owner, t.Id }); // a person's list, by cursor
        tutor.HasIndex(t => t.Id).HasFilter("owner IS NULL").HasDatabaseName("ix_tutors_unowned");
    }
}
