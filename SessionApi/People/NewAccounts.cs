using System.Security.Cryptography;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Lyceum.SessionApi.People;

/// <summary>Makes a class's accounts at once, in one transaction.</summary>
internal sealed partial class NewAccounts(
    SessionDb db, ClassStore classes, TimeProvider time, ILogger<NewAccounts> logger)
{
    /// <summary>Taken usernames that an answer names.</summary>
    private const int Shown = 20;

    private const string Letters = "abcdefghjkmnpqrstuvwxyz23456789";

    /// <exception cref="ProblemException">409 <c>account_exists</c>, <c>limit_reached</c>, <c>conflict</c>.</exception>
    public async Task<List<NewStudent>> MakeAsync(ClassRow row, List<StudentLine> lines, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        var expires = now + Resets.CodeLifetime;
        var made = lines.ConvertAll(line => (
            Line: line, Code: Resets.NewCode(),
            Account: (Id: Guid.CreateVersion7(), Username: line.Username ?? NewUsername(line.Name))));

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await classes.LockAsync(row, cancellationToken);
        if (!await db.Set<ClassRow>().AnyAsync(c => c.Id == row.Id && c.ArchivedAt == null, cancellationToken))
            throw new ProblemException(409, ErrorCodes.Conflict, "This class is archived: nothing is added to it.");
        await CheckFreeAsync(lines, cancellationToken);
        db.AddRange(made.Select(m => new Account
        {
            Id = m.Account.Id,
            Tenant = row.Tenant,
            Username = m.Account.Username,
            Name = m.Line.Name,
            PasswordHash = null,
            FirstCodeHash = Secret.HashCode(m.Code),
            FirstCodeExpiresAt = expires,
            CreatedAt = now,
            PasswordChangedAt = now,
        }));
        try
        {
            await db.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateException e) when (e.InnerException is PostgresException { ConstraintName: AccountTables.OneUsername })
        {
            throw new ProblemException(409, ErrorCodes.AccountExists, "One of these usernames was taken in this moment. Send the list again.");
        }
        var ids = made.ConvertAll(m => m.Account.Id).ToArray();
        // A tenant of API tokens alone has no row yet.
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO tenants (id, name, founder, created_at) VALUES ({row.Tenant}, {row.Tenant}, {Tenant.NoAccount}, {now})
             ON CONFLICT DO NOTHING
             """, cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO memberships (account_id, tenant, role, joined_at)
             SELECT id, {row.Tenant}, 'student', {now} FROM unnest({ids}) AS u(id)
             """, cancellationToken);
        // They have not agreed to more yet.
        await classes.AddAsync(row, [.. ids.Select(id => id.ToString())], Visibilities.Progress, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogMade(made.Count, row.Id, row.Tenant);
        return made.ConvertAll(m => new NewStudent(m.Account.Id.ToString(), m.Line.Name, m.Account.Username, m.Code, expires));
    }

    private async Task CheckFreeAsync(List<StudentLine> lines, CancellationToken cancellationToken)
    {
        var wanted = lines.Select(line => line.Username).OfType<string>().ToList();
        var taken = await db.Set<Account>().Where(a => wanted.Contains(a.Username)).Select(a => a.Username).ToListAsync(cancellationToken);
        if (taken.Count == 0)
            return;
        var where = lines.Where(line => line.Username is not null && taken.Contains(line.Username)).Take(Shown)
            .Select(line => $"line {line.Line}: there is an account {line.Username} already.");
        throw new ProblemException(409, ErrorCodes.AccountExists, string.Join(' ', where));
    }

    /// <summary>What of the name is ASCII, and letters that make it unique: two of one name are two people.</summary>
    private static string NewUsername(string name)
    {
        var ascii = new string([.. name.ToLowerInvariant().Where(char.IsAsciiLetterOrDigit).Take(20)]);
        return $"{(ascii.Length > 0 ? ascii : "student")}-{new string(RandomNumberGenerator.GetItems<char>(Letters, 6))}";
    }

    [LoggerMessage(LogLevel.Information, "{Count} students' accounts made for class {Class}, tenant {Tenant}")]
    private partial void LogMade(int count, Guid @class, string tenant);
}
