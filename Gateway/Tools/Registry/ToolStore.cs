using Lyceum.Durability.Postgres;
using Lyceum.Gateway.Data;
using Lyceum.Gateway.Settings;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Npgsql;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>A version as a list shows it.</summary>
/// <param name="Summary">JSON.</param>
/// <param name="Manifests">JSON; null in a list.</param>
internal sealed record StoredVersion(
    long Id, string Version, string Digest, string Summary, string? Manifests, string CreatedBy, DateTimeOffset CreatedAt);

internal sealed record StoredActivation(long Id, string Version, string ActivatedBy, DateTimeOffset ActivatedAt);

/// <summary>What is in force for a tenant.</summary>
/// <param name="Manifests">JSON; null for the built-in version.</param>
internal sealed record ActiveVersion(string Tenant, string Version, string? Manifests, string? Digest);

/// <summary>
/// Versions and activations. Every write takes one lock for all tenants: writes are rare, and so ids are committed in
/// their order, on which the replicas' polls rely.
/// </summary>
internal sealed class ToolStore(Database database, SystemDataSource system, SettingsMonitor settings)
{
    // Any number that no other lock uses.
    private const string Lock = "SELECT pg_advisory_xact_lock(7046029254386353131)";

    private const string AddVersion =
        """
        INSERT INTO tool_versions (tenant, version, digest, manifests, summary, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp()) RETURNING id, created_at
        """;

    private const string AddActivation =
        "INSERT INTO tool_activations (tenant, version, activated_by, activated_at) VALUES ($1, $2, $3, clock_timestamp()) RETURNING id";

    private const string CurrentVersion = "SELECT version FROM tool_activations WHERE tenant = $1 ORDER BY id DESC LIMIT 1";

    private const string ActiveSince =
        """
        SELECT DISTINCT ON (a.tenant) a.tenant, a.version, v.manifests, v.digest
        FROM tool_activations a LEFT JOIN tool_versions v ON v.tenant = a.tenant AND v.version = a.version
        WHERE a.id > $1 AND a.id <= $2 ORDER BY a.tenant, a.id DESC
        """;

    /// <summary>Records a version, and optionally puts it in force; committed when this returns.</summary>
    /// <exception cref="ProblemException">
    /// 409 <c>tool_registry_version_exists</c>, 429 <c>limit_reached</c>, 503 <c>database_unavailable</c>.
    /// </exception>
    public Task<StoredVersion> AddAsync(
        Caller caller, string version, string digest, string manifests, string summary, bool activate, CancellationToken cancellationToken) =>
        WriteAsync(async (connection, cancel) =>
        {
            if (await ExistsAsync(connection, caller.Tenant, version, cancel))
                throw Exists(version);
            var count = (long)(await ScalarAsync(connection, "SELECT count(*) FROM tool_versions WHERE tenant = $1", cancel, caller.Tenant))!;
            if (count >= settings.Get<ToolSettings>().MaxVersions)
            {
                throw new ProblemException(StatusCodes.Status429TooManyRequests, ErrorCodes.LimitReached,
                    $"There are {count} versions; tools.max_versions allows no more.");
            }
            var added = (await RowsAsync(connection, AddVersion, reader => new StoredVersion(
                reader.GetInt64(0), version, digest, summary, manifests, caller.Person, reader.GetTime(1)),
                cancel, caller.Tenant, version, digest, manifests, summary, caller.Person)).Single();
            if (activate)
                await ScalarAsync(connection, AddActivation, cancel, caller.Tenant, version, caller.Person);
            return added;
        }, cancellationToken);

    /// <summary>Puts a version in force; nothing is recorded if it is already.</summary>
    /// <exception cref="ProblemException">404 <c>tool_version_not_found</c>, 503 <c>database_unavailable</c>.</exception>
    public Task<bool> ActivateAsync(Caller caller, string version, CancellationToken cancellationToken) =>
        WriteAsync(async (connection, cancel) =>
        {
            if (version != ToolSet.Builtin && !await ExistsAsync(connection, caller.Tenant, version, cancel))
                throw NotFound(version);
            var current = (string?)await ScalarAsync(connection, CurrentVersion, cancel, caller.Tenant) ?? ToolSet.Builtin;
            if (current == version)
                return false;
            await ScalarAsync(connection, AddActivation, cancel, caller.Tenant, version, caller.Person);
            return true;
        }, cancellationToken);

    public async Task<List<StoredVersion>> ListAsync(Caller caller, long before, int count, CancellationToken cancellationToken) =>
        await QueryAsync(
            """
            SELECT id, version, digest, summary, NULL, created_by, created_at FROM tool_versions
            WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3
            """, ReadVersion, cancellationToken, caller.Tenant, before, count);

    /// <exception cref="ProblemException">
    /// 404 <c>tool_version_not_found</c>, also if it is another tenant's.
    /// </exception>
    public async Task<StoredVersion> ReadAsync(Caller caller, string version, CancellationToken cancellationToken) =>
        (await QueryAsync(
            """
            SELECT id, version, digest, summary, manifests, created_by, created_at FROM tool_versions WHERE tenant = $1 AND version = $2
            """, ReadVersion, cancellationToken, caller.Tenant, version)).SingleOrDefault() ?? throw NotFound(version);

    public async Task<string> CurrentAsync(Caller caller, CancellationToken cancellationToken) =>
        (await QueryAsync(CurrentVersion, reader => reader.GetString(0), cancellationToken, caller.Tenant)).SingleOrDefault() ?? ToolSet.Builtin;

    public async Task<List<StoredActivation>> ActivationsAsync(Caller caller, long before, int count, CancellationToken cancellationToken) =>
        await QueryAsync(
            """
            SELECT id, version, activated_by, activated_at FROM tool_activations
            WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3
            """, reader => new StoredActivation(reader.GetInt64(0), reader.GetString(1), reader.GetString(2), reader.GetTime(3)),
            cancellationToken, caller.Tenant, before, count);

    /// <summary>The newest activation's id, 0 for none: one index lookup, on the system connections.</summary>
    public async Task<long> NewestAsync(CancellationToken cancellationToken)
    {
        await using var connection = await system.OpenConnectionAsync(cancellationToken);
        return (long)(await ScalarAsync(connection, "SELECT coalesce(max(id), 0) FROM tool_activations", cancellationToken))!;
    }

    /// <summary>What came into force in (after, upTo], the last of each tenant.</summary>
    public async Task<List<ActiveVersion>> ActiveSinceAsync(long after, long upTo, CancellationToken cancellationToken)
    {
        await using var connection = await system.OpenConnectionAsync(cancellationToken);
        return await RowsAsync(connection, ActiveSince, reader => new ActiveVersion(
            reader.GetString(0), reader.GetString(1), reader.GetValue(2) as string, reader.GetValue(3) as string), cancellationToken, after, upTo);
    }

    private static StoredVersion ReadVersion(NpgsqlDataReader reader) => new(
        reader.GetInt64(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetValue(4) as string, reader.GetString(5),
        reader.GetTime(6));

    private static ProblemException Exists(string version) => new(
        StatusCodes.Status409Conflict, ErrorCodes.ToolRegistryVersionExists,
        $"tool registry version already exists: {version}. Versions do not change; choose another name (GET /api/config/tools lists them).");

    private static ProblemException NotFound(string version) => new(
        StatusCodes.Status404NotFound, ErrorCodes.ToolVersionNotFound, $"There is no version {version} of yours.");

    private static async Task<bool> ExistsAsync(NpgsqlConnection connection, string tenant, string version, CancellationToken cancellationToken) =>
        await ScalarAsync(connection, "SELECT 1 FROM tool_versions WHERE tenant = $1 AND version = $2", cancellationToken, tenant, version) is not null;

    /// <summary>
    /// Repeated after a transient failure; if the first attempt was committed after all, the second answers 409.
    /// </summary>
    private Task<T> WriteAsync<T>(Func<NpgsqlConnection, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        database.RunAsync(async connection =>
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await ScalarAsync(connection, Lock, cancellationToken);
            var result = await work(connection, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return result;
        }, cancellationToken);

    private Task<List<T>> QueryAsync<T>(
        string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params object[] parameters) =>
        database.RunAsync(connection => RowsAsync(connection, sql, read, cancellationToken, parameters), cancellationToken);

    private static async Task<List<T>> RowsAsync<T>(
        NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params object[] parameters)
    {
        await using var command = Command(connection, sql, parameters);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(read(reader));
        return rows;
    }

    private static async Task<object?> ScalarAsync(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] parameters)
    {
        await using var command = Command(connection, sql, parameters);
        return await command.ExecuteScalarAsync(cancellationToken);
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, object[] parameters)
    {
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = Database.CommandTimeout };
        command.Add(parameters);
        return command;
    }
}
