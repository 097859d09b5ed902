using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.SessionApi.Safety;

/// <summary>What a tenant, or one of its classes, asks for.</summary>
internal sealed class PolicyRow
{
    public required string Tenant { get; init; }

    /// <summary>Empty: the tenant's own.</summary>
    public Guid ClassId { get; init; }

    /// <summary>JSON of a <see cref="SafetyPolicy"/>.</summary>
    public required string Policy { get; set; }

    /// <summary>Who wrote it: the subject.</summary>
    public required string UpdatedBy { get; set; }

    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>That a student's guardian agreed, and who recorded it.</summary>
internal sealed class GuardianConsent
{
    public required string Tenant { get; init; }

    /// <summary>The student's subject.</summary>
    public required string Person { get; init; }

    /// <summary>The teacher or owner.</summary>
    public required string RecordedBy { get; set; }

    public DateTimeOffset RecordedAt { get; set; }

    /// <summary>How it was given: "signed form of 1 September".</summary>
    public string? Note { get; set; }
}

/// <summary>Tables <c>safety_policies</c>, <c>guardian_consents</c>.</summary>
internal sealed class SafetyTables : IEntityTypeConfiguration<PolicyRow>, IEntityTypeConfiguration<GuardianConsent>
{
    public void Configure(EntityTypeBuilder<PolicyRow> policy)
    {
        policy.ToTable("safety_policies");
        policy.HasKey(p => new { p.Tenant, p.ClassId });
        policy.Property(p => p.Policy).HasColumnType("jsonb");
    }

    public void Configure(EntityTypeBuilder<GuardianConsent> consent)
    {
        consent.ToTable("guardian_consents");
        consent.HasKey(c => new { c.Tenant, c.Person });
    }
}
