using System.Collections.Concurrent;
using Lyceum.Durability.Postgres;
using Lyceum.Gateway.Data;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// Somebody who came as a student of a tenant (table <c>students</c>): who charges for them later knows the person, and no role.
/// </summary>
internal sealed class StudentRow
{
    public required string Tenant { get; init; }

    public required string Person { get; init; }
}

internal sealed class StudentTable : IEntityTypeConfiguration<StudentRow>
{
    public void Configure(EntityTypeBuilder<StudentRow> row)
    {
        row.ToTable("students");
        row.HasKey(student => new { student.Tenant, student.Person });
    }
}

/// <summary>Who is a student, as their own requests say: of use for budgets alone, never for what somebody may do.</summary>
internal sealed partial class Students(NpgsqlDataSource source, DatabaseReady ready, TimeProvider time, ILogger<Students> logger)
{
    /// <summary>Persons who are remembered; when there are more, all are forgotten.</summary>
    private const int MaxRemembered = 100_000;

    /// <summary>How long what another replica may have changed is remembered.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<(string Tenant, string Person), (bool IsStudent, long At)> _known = new();

    /// <summary>A person's own request, which says what they are: stored before it goes on, where it is news.</summary>
    public ValueTask NoteAsync(Caller caller, CancellationToken cancellationToken)
    {
        if (caller is not { Kind: CallerKind.User, Role: { } role })
            return default;
        var key = (caller.Tenant, caller.Person);
        return _known.TryGetValue(key, out var known) && known.IsStudent == (role == Role.Student)
            ? default : StoreAsync(key, role == Role.Student, cancellationToken);
    }

    /// <summary>Whether somebody is known as a student; in doubt not, since only budgets depend on it.</summary>
    public async ValueTask<bool> IsStudentAsync(string tenant, string person, CancellationToken cancellationToken)
    {
        var key = (tenant, person);
        if (_known.TryGetValue(key, out var known) && time.GetElapsedTime(known.At) < Remembered)
            return known.IsStudent;
        if (!ready.IsReady)
            return known.IsStudent;
        try
        {
            await using var command = source.CreateCommand("SELECT 1 FROM students WHERE tenant = $1 AND person = $2");
            command.Add(tenant, person);
            var isStudent = await command.ExecuteScalarAsync(cancellationToken) is not null;
            Remember(key, isStudent);
            return isStudent;
        }
        catch (Exception e) when (DatabaseFailures.Find(e) is not null)
        {
            LogUnknown(e.Message);
            return known.IsStudent;
        }
    }

    private async ValueTask StoreAsync((string Tenant, string Person) key, bool isStudent, CancellationToken cancellationToken)
    {
        if (!ready.IsReady)
            return;
        try
        {
            await using var command = source.CreateCommand(isStudent
                ? "INSERT INTO students (tenant, person) VALUES ($1, $2) ON CONFLICT DO NOTHING"
                : "DELETE FROM students WHERE tenant = $1 AND person = $2");
            command.Add(key.Tenant, key.Person);
            await command.ExecuteNonQueryAsync(cancellationToken);
            Remember(key, isStudent);
        }
        catch (Exception e) when (DatabaseFailures.Find(e) is not null)
        {
            LogUnknown(e.Message); // the next request stores it
        }
    }

    private void Remember((string, string) key, bool isStudent)
    {
        if (_known.Count >= MaxRemembered)
            _known.Clear();
        _known[key] = (isStudent, time.GetTimestamp());
    }

    [LoggerMessage(LogLevel.Warning, "Who is a student is not stored or not known for now, budgets by default may not hold: {Reason}")]
    private partial void LogUnknown(string reason);
}
