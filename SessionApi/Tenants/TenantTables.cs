using Lyceum.ServiceDefaults.Auth;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Lyceum.SessionApi.Tenants;

/// <summary>
/// An organisation: a school, a company, one teacher. One of API tokens alone, which are configuration, needs no row.
/// </summary>
internal sealed class Tenant
{
    /// <summary>What every row of its things carries.</summary>
    public required string Id { get; init; }

    /// <summary>How it is called; any script.</summary>
    public required string Name { get; set; }

    /// <summary>
    /// As whom the tenant's API tokens act: the subject that has what they make. The account that founded it, or
    /// <see cref="NoAccount"/>.
    /// </summary>
    public required string Founder { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>The owner of a tenant that no account founded.</summary>
    public const string NoAccount = "owner";
}

/// <summary>That an account belongs to a tenant, and as what. Accounts are global: one may belong to several.</summary>
internal sealed class Membership
{
    public Guid AccountId { get; init; }
    public required string Tenant { get; init; }
    public required Role Role { get; set; }
    public DateTimeOffset JoinedAt { get; init; }
}

/// <summary>Tables <c>tenants</c>, <c>memberships</c>.</summary>
internal sealed class TenantTables : IEntityTypeConfiguration<Tenant>, IEntityTypeConfiguration<Membership>
{
    /// <summary>Roles are their lower-case names in SQL.</summary>
    public static readonly ValueConverter<Role, string> Roles = new(
        role => role == Role.Owner ? "owner" : role == Role.Teacher ? "teacher" : "student",
        text => text == "owner" ? Role.Owner : text == "teacher" ? Role.Teacher : Role.Student);

    public void Configure(EntityTypeBuilder<Tenant> tenant) => tenant.ToTable("tenants");

    public void Configure(EntityTypeBuilder<Membership> membership)
    {
        membership.ToTable("memberships");
        membership.HasKey(m => new { m.AccountId, m.Tenant });
        membership.Property(m => m.Role).HasConversion(Roles);
        membership.HasOne<Tenant>().WithMany().HasForeignKey(m => m.Tenant).OnDelete(DeleteBehavior.Cascade);
        membership.HasIndex(m => new { m.Tenant, m.AccountId }); // a tenant's list, by cursor
    }
}
