using Lyceum.Durability.Persons;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Lyceum.Tests.Rules.Access;

/// <summary>
/// Where services keep something of persons: every column that names a tenant or a person is in the service's
/// <see cref="PersonTables"/>, so that erasure and export know of it, and no late row gets in.
/// </summary>
public sealed partial class AccessTests
{
    /// <summary>Columns that name a person, by the words that are used for it.</summary>
    private static readonly string[] PersonColumns =
    [
        "tenant", "person", "subject", "founder", "viewer", "owner", "account", "account_id", "created_by", "updated_by", "activated_by", "made_by", "recorded_by",
        "student", "learner", "teacher", "member", "reporter", "reviewer", "author",
    ];

    /// <summary>What may stay: the reasons.</summary>
    private static readonly Dictionary<string, string> Staying = new(StringComparer.Ordinal)
    {
        ["erased_persons"] = "the tombstone",
        ["erasures"] = "the proof that it was done",
        ["erasure_steps"] = "the proof that it was done",
        ["generations.owner"] = "a process",
        ["jobs.owner"] = "a process",
        ["tutors.subject"] = "what it teaches",
        ["practice_sets.made_by"] = "a program",
    };

    /// <summary>Of these no row can come late.</summary>
    private static readonly Dictionary<string, string> Unguarded = new(StringComparer.Ordinal)
    {
        ["person_events"] = "its one writer looks at the tombstones",
        ["person_event_heads"] = "its one writer looks at the tombstones",
        ["idempotency_keys"] = "belongs to a message",
        ["accounts"] = "its id is new at each registration",
        ["tenants"] = "its founder's account comes with it",
    };

    public static TheoryData<string> ServicesWithDatabases => ["ChatApi", "SessionApi", "RoadmapWorker", "Gateway"];

    [Theory]
    [MemberData(nameof(ServicesWithDatabases))]
    public async Task ColumnsThatNamePersons_AreKnownToErasureAndExport(string service)
    {
        all.RequireDatabase();
        var tables = all.ServicesOf(service).GetRequiredService<PersonTables>().All;
        var columns = await RowsOfAsync(service,
            $"""
            SELECT table_name, column_name FROM information_schema.columns
            WHERE table_schema = 'public' AND column_name IN ('{string.Join("', '", PersonColumns)}')
            """);
        columns.ShouldNotBeEmpty();

        columns.Where(column => !Staying.ContainsKey(column[0]) && !Staying.ContainsKey($"{column[0]}.{column[1]}"))
            .Where(column => !tables.Any(table => table.Name == column[0]
                && (column[1] == "tenant" || table.AtErasure == AtErasure.Cascade || table.Column == column[1])))
            .Select(column => $"{service}: {column[0]}.{column[1]} is in no PersonTables, and not among those that may stay")
            .ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(ServicesWithDatabases))]
    public async Task TablesOfPersons_AreGuarded_OrGoWithOnesThatAre(string service)
    {
        all.RequireDatabase();
        var tables = all.ServicesOf(service).GetRequiredService<PersonTables>().All;
        var guards = (await RowsOfAsync(service, "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal")).ConvertAll(row => row[0]);
        var cascades = await RowsOfAsync(service,
            """
            SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND confdeltype = 'c'
            """);

        foreach (var table in tables)
        {
            // The statements are right, whoever the person is.
            await RowsOfAsync(service, $"SELECT count(*)::text FROM {table.Name} WHERE {table.Where}", "t", "p");
            if (table.AtErasure == AtErasure.Cascade)
                cascades.ShouldContain(key => key[0] == table.Name && tables.Any(parent => parent.Name == key[1]), table.Name);
            else if (table.Column is { } column && !Unguarded.ContainsKey(table.Name))
                guards.ShouldContain($"{PersonGuards.Prefix}{table.Name}_{column}");
        }
    }

    private async Task<List<string[]>> RowsOfAsync(string service, string sql, params string[] values)
    {
        await using var command = all.ServicesOf(service).GetRequiredService<NpgsqlDataSource>().CreateCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        var rows = new List<string[]>();
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetString)]);
        return rows;
    }
}
