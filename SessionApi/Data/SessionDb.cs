using Lyceum.Durability.Postgres;
using Lyceum.SessionApi.Engines;
using Lyceum.SessionApi.Knowledge;
using Lyceum.SessionApi.Sessions;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Data;

/// <summary>
/// sessiondb. A tenant has no row of its own: it is the text every row of its things carries, because the tenants of API
/// tokens are configuration.
/// </summary>
public sealed class SessionDb(DbContextOptions<SessionDb> options) : DbContext(options)
{
    public DbSet<Account> Accounts => Set<Account>();
    public DbSet<ExternalIdentity> ExternalIdentities => Set<ExternalIdentity>();
    public DbSet<SignIn> SignIns => Set<SignIn>();
    public DbSet<Invitation> Invitations => Set<Invitation>();
    public DbSet<Tutor> Tutors => Set<Tutor>();
    public DbSet<KnowledgeBase> KnowledgeBases => Set<KnowledgeBase>();
    public DbSet<Document> Documents => Set<Document>();
    public DbSet<PassageRow> Passages => Set<PassageRow>();
    public DbSet<EngineRow> Engines => Set<EngineRow>();
    public DbSet<LiveSession> Sessions => Set<LiveSession>();
    public DbSet<SessionTurn> Turns => Set<SessionTurn>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Account>(account =>
        {
            account.Property(a => a.Id).ValueGeneratedNever();
            account.HasIndex(a => a.Username).IsUnique().HasDatabaseName(OneUsername);
        });

        modelBuilder.Entity<ExternalIdentity>(identity =>
        {
            identity.HasKey(i => new { i.Issuer, i.Subject });
            identity.HasOne<Account>().WithMany().HasForeignKey(i => i.AccountId).OnDelete(DeleteBehavior.Cascade);
        });

        modelBuilder.Entity<SignIn>(signIn =>
        {
            signIn.Property(s => s.Id).ValueGeneratedNever();
            signIn.HasOne<Account>().WithMany().HasForeignKey(s => s.AccountId).OnDelete(DeleteBehavior.Cascade);
            signIn.HasIndex(s => s.ExpiresAt); // what the sweep forgets
        });

        modelBuilder.Entity<Invitation>(invitation =>
        {
            invitation.Property(i => i.Id).ValueGeneratedNever();
            invitation.HasOne<Account>().WithMany().HasForeignKey(i => i.CreatedBy).OnDelete(DeleteBehavior.Cascade);
            invitation.HasIndex(i => i.CodeHash).IsUnique();
        });

        modelBuilder.Entity<SetupCode>(setup =>
        {
            setup.ToTable("setup_codes");
            setup.Property(s => s.Id).ValueGeneratedNever();
        });

        modelBuilder.Entity<FailedAttempts>(attempts =>
        {
            attempts.ToTable("failed_attempts");
            attempts.HasKey(a => a.Key);
            attempts.HasIndex(a => a.UpdatedAt); // what the sweep forgets
        });

        // A tenant's list, by cursor.
        modelBuilder.Entity<Tutor>(tutor => tutor.HasIndex(t => new { t.Tenant, t.Id }));

        modelBuilder.AddKnowledge();
        modelBuilder.AddEngines();
        modelBuilder.AddSessions();
        modelBuilder.UseSnakeCaseNames();
    }

    public const string OneUsername = "ix_accounts_username";
}

/// <summary>Somebody who signs in here; the admin of a tenant of their own.</summary>
public sealed class Account
{
    /// <summary>The <c>sub</c> of their tokens.</summary>
    public Guid Id { get; init; }

    public required string Tenant { get; init; }

    /// <summary>What they sign in with, an e-mail address or a name, in the form of <see cref="Accounts.Username"/>.</summary>
    public required string Username { get; init; }

    /// <summary>How they are called; any script.</summary>
    public required string Name { get; set; }

    /// <summary>
    /// As ASP.NET Core's <c>PasswordHasher</c> writes it: version, function, iterations and salt are in it. Null for who signs in
    /// with an external provider only.
    /// </summary>
    public required string? PasswordHash { get; set; }

    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset PasswordChangedAt { get; set; }
}

/// <summary>Who somebody is at an external OpenID Connect provider: (<c>iss</c>, <c>sub</c>), which never changes and is never reused.</summary>
public sealed class ExternalIdentity
{
    public required string Issuer { get; init; }
    public required string Subject { get; init; }
    public Guid AccountId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>
/// One browser or program that is signed in: a family of refresh tokens, of which only the newest is worth anything. So one
/// row holds all of it, and deleting the row ends it.
/// </summary>
public sealed class SignIn
{
    public Guid Id { get; init; }
    public Guid AccountId { get; init; }

    /// <summary>SHA-256 of the secret of the refresh token in force.</summary>
    public required byte[] TokenHash { get; set; }

    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset RefreshedAt { get; set; }
    public DateTimeOffset ExpiresAt { get; set; }
}

/// <summary>A code that lets one person register where registration is not open.</summary>
public sealed class Invitation
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

    /// <summary>Set in the transaction that makes the account.</summary>
    public DateTimeOffset? UsedAt { get; set; }
}

/// <summary>
/// What the first account is made with; one row until there is an account. In clear, because every start prints it again,
/// and it opens nothing that was there before.
/// </summary>
public sealed class SetupCode
{
    /// <summary>Always 1.</summary>
    public int Id { get; init; }

    public required string Code { get; init; }
}

/// <summary>A leaky bucket of failed attempts; see <see cref="Accounts.AttemptLimit"/>.</summary>
public sealed class FailedAttempts
{
    /// <summary>Whose: SHA-256 of a username or an address, with what it is before it.</summary>
    public required string Key { get; init; }

    /// <summary>How full it was at <see cref="UpdatedAt"/>; it leaks since.</summary>
    public double Level { get; set; }

    /// <summary>By Postgres' <c>clock_timestamp()</c>.</summary>
    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>Who teaches: what it knows, how it speaks.</summary>
public sealed class Tutor
{
    public int Id { get; init; }
    public required string Tenant { get; init; }
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

    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; set; }
}
