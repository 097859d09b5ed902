using Microsoft.EntityFrameworkCore;

namespace Lyceum.Gateway.Auth.Hmac;

/// <summary>A nonce that was used. One row, and one row only, for whatever number of replicas saw it.</summary>
public sealed class Nonce
{
    /// <summary>The first half of SHA-256 of key id, line feed and nonce.</summary>
    public Guid Id { get; init; }

    /// <summary>By the database's clock; deleted some time after.</summary>
    public DateTimeOffset ExpiresAt { get; init; }

    internal static void Configure(ModelBuilder model) => model.Entity<Nonce>(nonce =>
    {
        nonce.ToTable("hmac_nonces");
        nonce.HasKey(row => row.Id);
        nonce.Property(row => row.Id).ValueGeneratedNever();
        nonce.HasIndex(row => row.ExpiresAt);
    });
}
