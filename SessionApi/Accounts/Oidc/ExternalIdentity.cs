using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.SessionApi.Accounts.Oidc;

/// <summary>
/// Who a person is at an external OpenID Connect provider: (<c>iss</c>, <c>sub</c>), which never changes and is never
/// reused.
/// </summary>
internal sealed class ExternalIdentity
{
    public required string Issuer { get; init; }
    public required string Subject { get; init; }
    public Guid AccountId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>Table <c>external_identities</c>.</summary>
internal sealed class ExternalIdentityTable : IEntityTypeConfiguration<ExternalIdentity>
{
    public void Configure(EntityTypeBuilder<ExternalIdentity> identity)
    {
        identity.ToTable("external_identities");
        identity.HasKey(i => new { i.Issuer, i.Subject });
        identity.HasOne<Account>().WithMany().HasForeignKey(i => i.AccountId).OnDelete(DeleteBehavior.Cascade);
    }
}
