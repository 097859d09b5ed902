using Lyceum.ServiceDefaults.Auth;
using Lyceum.SessionApi.Tenants;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.SessionApi.Accounts;

/// <summary>A person who signs in here. Accounts are global; what one is where, say its memberships.</summary>
internal sealed class Account
{
    /// <summary>The <c>sub</c> of their tokens.</summary>
    public Guid Id { get; init; }

    /// <summary>
    /// Where the account was made: the tenant that it founded, or that invited it. Only there others may give it a new
    /// password.
    /// </summary>
    public required string Tenant { get; init; }

    /// <summary>What they sign in with, an e-mail address or a name, in the form of <see cref="Username"/>.</summary>
    public required string Username { get; init; }

    /// <summary>How they are called; any script.</summary>
    public required string Name { get; set; }

    /// <summary>
    /// As ASP.NET Core's <c>PasswordHasher</c> writes it: version, function, iterations and salt are in it. Null for
    /// who signs in with an external provider only.
    /// </summary>
    public required string? PasswordHash { get; set; }

    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset PasswordChangedAt { get; set; }

    /// <summary>Runs the installation: also has the scopes <c>ops</c> and <c>tools.admin</c>.</summary>
    public bool Operator { get; init; }

    /// <summary>
    /// SHA-256 of the code with which the account gets its password: it was made by a teacher, or reset. Null: none is open.
    /// </summary>
    public byte[]? FirstCodeHash { get; set; }

    public DateTimeOffset? FirstCodeExpiresAt { get; set; }
}

/// <summary>
/// One browser or program that is signed in: a family of refresh tokens, of which only the newest is worth anything. So
/// one row holds all of it, and deleting the row ends it.
/// </summary>
internal sealed class SignIn
{
    public Guid Id { get; init; }
    public Guid AccountId { get; init; }

    /// <summary>SHA-256 of the secret of the refresh token in force.</summary>
    public required byte[] TokenHash { get; set; }

    /// <summary>
    /// What the MACs of its tokens are made with (<see cref="RefreshToken"/>). Null for one that an earlier version made,
    /// until it is refreshed.
    /// </summary>
    public byte[]? TokenKey { get; init; }

    /// <summary>
    /// SHA-256 of the secret of the token before, until <see cref="RefreshedAt"/> is too long ago; null before the first refresh.
    /// </summary>
    public byte[]? PreviousHash { get; init; }

    /// <summary>The active tenant; null: the account's own (an earlier version made the sign-in).</summary>
    public string? Tenant { get; set; }

    /// <summary>The <c>User-Agent</c> that signed in, for the person's list; null where it sent none.</summary>
    public string? Device { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset RefreshedAt { get; set; }
    public DateTimeOffset ExpiresAt { get; set; }
}

/// <summary>
/// A code that makes memberships in its tenant, and lets people register where registration is not open: for one person, or,
/// a class's join code, for many.
/// </summary>
internal sealed class Invitation
{
    public Guid Id { get; init; }
    public required string Tenant { get; init; }
    public Guid CreatedBy { get; init; }

    /// <summary>SHA-256 of the code, which only its maker was shown.</summary>
    public required byte[] CodeHash { get; init; }

    /// <summary>For whom, in the maker's words.</summary>
    public required string Note { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When it was used for the last time that it is good for: in the transaction that makes the membership.</summary>
    public DateTimeOffset? UsedAt { get; set; }

    /// <summary>Null: whoever registers with it founds a tenant of their own.</summary>
    public Role? Role { get; init; }

    /// <summary>The class that it puts people into; null: none.</summary>
    public Guid? ClassId { get; init; }

    public int MaxUses { get; init; }
    public int Uses { get; init; }
}

/// <summary>
/// What the first account is made with; one row until there is an account. In clear, because every start prints it
/// again, and it opens nothing that was there before.
/// </summary>
internal sealed class SetupCode
{
    /// <summary>Always 1.</summary>
    public int Id { get; init; }

    public required string Code { get; init; }
}

/// <summary>A leaky bucket of failed attempts; see <see cref="AttemptLimit"/>.</summary>
internal sealed class FailedAttempts
{
    /// <summary>Whose: SHA-256 of a username or an address, with what it is before it.</summary>
    public required string Key { get; init; }

    /// <summary>How full it was at <see cref="UpdatedAt"/>; it leaks since.</summary>
    public double Level { get; set; }

    /// <summary>By Postgres' <c>clock_timestamp()</c>.</summary>
    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>
/// Tables <c>accounts</c>, <c>sign_ins</c>, <c>invitations</c>, <c>setup_codes</c>, <c>failed_attempts</c>.
/// </summary>
internal sealed class AccountTables :
    IEntityTypeConfiguration<Account>, IEntityTypeConfiguration<SignIn>, IEntityTypeConfiguration<Invitation>,
    IEntityTypeConfiguration<SetupCode>, IEntityTypeConfiguration<FailedAttempts>
{
    /// <summary>The index that two accounts of one name violate.</summary>
    public const string OneUsername = "ix_accounts_username";

    public void Configure(EntityTypeBuilder<Account> account)
    {
        account.ToTable("accounts");
        account.Property(a => a.Id).ValueGeneratedNever();
        account.HasIndex(a => a.Username).IsUnique().HasDatabaseName(OneUsername);
        account.Property(a => a.Operator).HasDefaultValue(false);
        account.HasMany<Membership>().WithOne().HasForeignKey(m => m.AccountId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<SignIn> signIn)
    {
        signIn.ToTable("sign_ins");
        signIn.Property(s => s.Id).ValueGeneratedNever();
        signIn.HasOne<Account>().WithMany().HasForeignKey(s => s.AccountId).OnDelete(DeleteBehavior.Cascade);
        signIn.HasIndex(s => s.ExpiresAt); // for the sweep that deletes expired ones
    }

    public void Configure(EntityTypeBuilder<Invitation> invitation)
    {
        invitation.ToTable("invitations");
        invitation.Property(i => i.Id).ValueGeneratedNever();
        invitation.HasOne<Account>().WithMany().HasForeignKey(i => i.CreatedBy).OnDelete(DeleteBehavior.Cascade);
        invitation.HasIndex(i => i.CodeHash).IsUnique();
        invitation.Property(i => i.Role).HasConversion(TenantTables.Roles);
        // As an earlier version makes them: for one person.
        invitation.Property(i => i.MaxUses).HasDefaultValue(1);
        invitation.Property(i => i.Uses).HasDefaultValue(0);
    }

    public void Configure(EntityTypeBuilder<SetupCode> setup)
    {
        setup.ToTable("setup_codes");
        setup.Property(s => s.Id).ValueGeneratedNever();
    }

    public void Configure(EntityTypeBuilder<FailedAttempts> attempts)
    {
        attempts.ToTable("failed_attempts");
        attempts.HasKey(a => a.Key);
        attempts.HasIndex(a => a.UpdatedAt); // for the sweep that deletes old ones
    }
}
