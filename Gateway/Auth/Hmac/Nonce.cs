using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.Gateway.Auth.Hmac;

/// <summary>A nonce that was used: one row, however many replicas saw it.</summary>
internal sealed class Nonce
{
    /// <summary>The first half of SHA-256 of key id, line feed and nonce.</summary>
    public Guid Id { get; init; }

    /// <summary>By the database's clock; deleted some time after.</summary>
    public DateTimeOffset ExpiresAt { get; init; }
}

internal sealed class NonceTable : IEntityTypeConfiguration<Nonce>
{
    public void Configure(EntityTypeBuilder<Nonce> nonce)
    {
        nonce.ToTable("hmac_nonces");
        nonce.HasKey(row => row.Id);
        nonce.Property(row => row.Id).ValueGeneratedNever();
        nonce.HasIndex(row => row.ExpiresAt);
    }
}
