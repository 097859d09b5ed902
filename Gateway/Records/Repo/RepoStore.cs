using Lyceum.Durability.Postgres;
using Lyceum.Gateway.Data;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Gateway.Records.Repo;

/// <summary>A stored record. Appending it again returns the same.</summary>
public sealed record AppendedRecord(string Id, long Seq, DateTimeOffset CreatedAt);

/// <summary>A stored edge.</summary>
public sealed record AppendedEdge(string From, string Type, string To, long Seq, DateTimeOffset CreatedAt);

/// <summary>Why nothing was appended: what exists with other content, and what does not exist.</summary>
/// <param name="Records">Ids of records that exist with another type or other properties.</param>
/// <param name="Edges">Edges that exist with other properties.</param>
/// <param name="Missing">Ids in edges that no record has.</param>
internal sealed record AppendConflict(IReadOnlyList<string> Records, IReadOnlyList<EdgeName> Edges, IReadOnlyList<string> Missing)
{
    public bool Any => Records.Count + Edges.Count + Missing.Count > 0;
}

/// <summary>The identity of an edge.</summary>
public sealed record EdgeName(string From, string Type, string To);

/// <summary>The result of an append.</summary>
/// <param name="CreatedRecords">How many of the records are new.</param>
internal sealed record Appended(
    IReadOnlyList<AppendedRecord> Records, IReadOnlyList<AppendedEdge> Edges, int CreatedRecords, int CreatedEdges, AppendConflict Conflict)
{
    /// <summary>The tenant is at its quota, and some of it is new: nothing is recorded.</summary>
    public bool IsOverQuota { get; init; }
}

/// <summary>
/// What a tenant may keep, section <c>Repo</c>; more gets 409. Exact but for what other replicas add within a minute.
/// </summary>
internal sealed class RepoOptions
{
    public const string Section = "Repo";

    /// <summary>Records and edges together.</summary>
    public long MaxRows { get; set; } = 2_000_000;

    /// <summary>Of their properties, as they are stored.</summary>
    public long MaxBytes { get; set; } = 4L * 1024 * 1024 * 1024;
}

/// <summary>
/// Appends records and edges in one transaction. Existing rows are not changed but compared: an append with the same
/// content succeeds again. Rows are inserted in the order of their keys, so that overlapping appends wait for each
/// other and never deadlock.
/// </summary>
internal sealed class RepoStore(Database database, NpgsqlDataSource source, IOptions<RepoOptions> options, TimeProvider time)
{
    private readonly TenantQuota _quota = new(source,
        """
        SELECT r.rows + e.rows, r.bytes + e.bytes
        FROM (SELECT count(*) AS rows, COALESCE(sum(pg_column_size(properties)), 0)::bigint AS bytes
              FROM repo_records WHERE tenant = $1) r,
             (SELECT count(*) AS rows, COALESCE(sum(pg_column_size(properties)), 0)::bigint AS bytes
              FROM repo_edges WHERE tenant = $1) e
        """, time);

    private const string InsertRecords =
        """
        INSERT INTO repo_records (tenant, id, type, properties, subject, created_at)
        SELECT $1, r.id, r.type, r.properties::jsonb, $2, clock_timestamp() FROM unnest($3, $4, $5) AS r(id, type, properties)
        ORDER BY r.id COLLATE "C"
        ON CONFLICT DO NOTHING
        """;

    // An edge to a record that does not exist is left out here, and found missing by CompareEdges.
    private const string InsertEdges =
        """
        INSERT INTO repo_edges (tenant, from_id, type, to_id, properties, subject, created_at)
        SELECT $1, e.from_id, e.type, e.to_id, e.properties::jsonb, $2, clock_timestamp()
        FROM unnest($3, $4, $5, $6) AS e(from_id, type, to_id, properties)
        WHERE EXISTS (SELECT FROM repo_records r WHERE r.tenant = $1 AND r.id = e.from_id)
          AND EXISTS (SELECT FROM repo_records r WHERE r.tenant = $1 AND r.id = e.to_id)
        ORDER BY e.from_id COLLATE "C", e.type COLLATE "C", e.to_id COLLATE "C"
        ON CONFLICT DO NOTHING
        """;

    // After the inserts, which wait for concurrent appends of the same rows: so it sees those.
    private const string CompareRecords =
        """
        SELECT r.id, s.seq, s.created_at, s.type = r.type AND s.properties = r.properties::jsonb
        FROM unnest($2, $3, $4) WITH ORDINALITY AS r(id, type, properties, n) JOIN repo_records s ON s.tenant = $1 AND s.id = r.id
        ORDER BY r.n
        """;

    private const string CompareEdges =
        """
        SELECT e.from_id, e.type, e.to_id, s.seq, s.created_at, s.properties = e.properties::jsonb,
               EXISTS (SELECT FROM repo_records r WHERE r.tenant = $1 AND r.id = e.from_id),
               EXISTS (SELECT FROM repo_records r WHERE r.tenant = $1 AND r.id = e.to_id)
        FROM unnest($2, $3, $4, $5) WITH ORDINALITY AS e(from_id, type, to_id, properties, n)
        LEFT JOIN repo_edges s ON s.tenant = $1 AND s.from_id = e.from_id AND s.type = e.type AND s.to_id = e.to_id
        ORDER BY e.n
        """;

    /// <summary>Committed when this returns without a conflict; with one, nothing is recorded.</summary>
    public async Task<Appended> AppendAsync(
        Caller caller, List<NewRecord> records, List<NewEdge> edges, CancellationToken cancellationToken)
    {
        var bytes = records.Sum(record => (long)record.Properties.Length) + edges.Sum(edge => (long)edge.Properties.Length);
        var hasRoom = await _quota.TryAddAsync(
            caller.Tenant, records.Count + edges.Count, bytes, options.Value.MaxRows, options.Value.MaxBytes, cancellationToken);
        // Idempotent, so it may be repeated whether or not the first attempt was committed.
        return await database.RunAsync(async connection =>
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            var appended = await AppendAsync(connection, caller, records, edges, cancellationToken);
            if (!hasRoom && appended.CreatedRecords + appended.CreatedEdges > 0)
                return appended with { IsOverQuota = true };
            if (!appended.Conflict.Any)
                await transaction.CommitAsync(cancellationToken);
            return appended;
        }, cancellationToken);
    }

    private static async Task<Appended> AppendAsync(
        NpgsqlConnection connection, Caller caller, List<NewRecord> records, List<NewEdge> edges, CancellationToken cancellationToken)
    {
        NpgsqlParameter[] recordArrays = [.. RecordArrays(records)], edgeArrays = [.. EdgeArrays(edges)];
        await using var batch = new NpgsqlBatch(connection)
        {
            Timeout = Database.CommandTimeout,
            BatchCommands =
            {
                Command(InsertRecords, [caller.Tenant, caller.Person], recordArrays),
                Command(InsertEdges, [caller.Tenant, caller.Person], edgeArrays),
                Command(CompareRecords, [caller.Tenant], recordArrays),
                Command(CompareEdges, [caller.Tenant], edgeArrays),
            },
        };
        var conflict = (Records: new List<string>(), Edges: new List<EdgeName>(), Missing: new SortedSet<string>(StringComparer.Ordinal));
        var (foundRecords, foundEdges) = (new List<AppendedRecord>(records.Count), new List<AppendedEdge>(edges.Count));
        await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                foundRecords.Add(new(reader.GetString(0), reader.GetInt64(1), reader.GetTime(2)));
                if (!reader.GetBoolean(3))
                    conflict.Records.Add(reader.GetString(0));
            }
            await reader.NextResultAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                var (from, type, to) = (reader.GetString(0), reader.GetString(1), reader.GetString(2));
                if (!reader.GetBoolean(6))
                    conflict.Missing.Add(from);
                if (!reader.GetBoolean(7))
                    conflict.Missing.Add(to);
                if (reader.GetValue(3) is not long seq)
                    continue;
                foundEdges.Add(new(from, type, to, seq, reader.GetTime(4)));
                if (!reader.GetBoolean(5))
                    conflict.Edges.Add(new(from, type, to));
            }
        }
        return new(foundRecords, foundEdges, batch.BatchCommands[0].RecordsAffected, batch.BatchCommands[1].RecordsAffected,
            new(conflict.Records, conflict.Edges, [.. conflict.Missing]));
    }

    private static NpgsqlBatchCommand Command(string sql, object[] values, NpgsqlParameter[] arrays)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        foreach (var array in arrays)
            command.Parameters.Add(array.Clone());
        return command;
    }

    private static IEnumerable<NpgsqlParameter> RecordArrays(List<NewRecord> records) =>
        Texts(records.ConvertAll(r => r.Id), records.ConvertAll(r => r.Type), records.ConvertAll(r => r.Properties));

    private static IEnumerable<NpgsqlParameter> EdgeArrays(List<NewEdge> edges) =>
        Texts(edges.ConvertAll(e => e.From), edges.ConvertAll(e => e.Type), edges.ConvertAll(e => e.To), edges.ConvertAll(e => e.Properties));

    private static IEnumerable<NpgsqlParameter> Texts(params List<string>[] arrays) =>
        arrays.Select(array => new NpgsqlParameter { Value = array, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
}
