using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;

namespace Lyceum.Doctor.Parts;

/// <summary>Whether the databases are there, take writes, keep them, and are talked to as services need it.</summary>
internal sealed partial class DatabaseChecks(Databases databases, Site site)
{
    private const string Doc = "docs/operations.md";
    private const string Setting = "ConnectionStrings__DATABASE (docs/operations.md)";

    private static readonly TimeSpan Notified = TimeSpan.FromSeconds(3);

    public IEnumerable<Check> All() =>
    [
        Ask(Ids.Reach, [], ReachAsync),
        Ask(Ids.Encoding, [Ids.Reach], EncodingAsync),
        Ask(Ids.Writes, [Ids.Reach], WritesAsync),
        Ask(Ids.Schema, [Ids.Reach], SchemaAsync),
        Ask(Ids.Durable, [Ids.Reach, Ids.Writes], DurableAsync),
        Ask(Ids.Standbys, [Ids.Reach, Ids.Writes], StandbysAsync),
        Ask(Ids.Sessions, [Ids.Reach, Ids.Writes], SessionsAsync),
    ];

    private string All4 => string.Join(", ", databases.Names);

    private Probe Ask(string id, IReadOnlyList<string> needs, Func<CancellationToken, Task<Outcome>> look) => new(
        id, Doc, needs, cancellationToken => databases.Names.Count > 0
            ? look(cancellationToken)
            : Task.FromResult(Outcome.Skipped("where the databases are is not known here", "their connection strings, or GET /api/ops/doctor")));

    private async Task<Outcome> ReachAsync(CancellationToken cancellationToken)
    {
        const string expected = "a login that is accepted";
        List<string> seen = [];
        var why = "";
        var faults = await databases.FaultsAsync(async (name, connection, stop) =>
        {
            var row = await Databases.RowAsync(connection, "SELECT current_setting('server_version')", stop);
            lock (seen)
                seen.Add($"{name} on PostgreSQL {row[0]}");
            return null;
        }, cancellationToken);
        if (faults is null)
            return Outcome.Ok(string.Join(", ", seen.Order(StringComparer.Ordinal)));
        why = faults.Contains("28P01", StringComparison.Ordinal) || faults.Contains("28000", StringComparison.Ordinal)
            ? "Give the role the password that services have: psql -f roles.sql with secrets/postgres.env, or correct " + Setting + "."
            : faults.Contains("3D000", StringComparison.Ordinal) ? "Create the database: roles.sql does."
            : faults.Contains("53300", StringComparison.Ordinal) ? "Raise max_connections, or lower Maximum Pool Size of the services."
            : faults.Contains("startup parameter", StringComparison.Ordinal)
                ? "Connect to PostgreSQL itself, or set ignore_startup_parameters=options and pool_mode=session in the pooler."
            : "Start PostgreSQL; see its address in " + Setting + ", its listen_addresses, pg_hba.conf and the firewall.";
        return Outcome.Fail(faults, expected, why);
    }

    private async Task<Outcome> EncodingAsync(CancellationToken cancellationToken)
    {
        const string sql =
            """
            SELECT pg_encoding_to_char(encoding), datcollate::text,
                   COALESCE(current_setting('server_version_num')::int >= 150000 AND to_jsonb(d) ->> 'datcollversion' IS NOT NULL
                       AND to_jsonb(d) ->> 'datcollversion' IS DISTINCT FROM pg_database_collation_actual_version(oid), false)
            FROM pg_database d WHERE datname = current_database()
            """;
        const string create = "Create the database anew with ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' TEMPLATE template0, as roles.sql does.";
        var collations = "";
        var encoding = await databases.FaultsAsync(async (_, connection, stop) =>
            await Databases.RowAsync(connection, sql, stop) is [string and not "UTF8" and var other, ..] ? $"its encoding is {other}" : null,
            cancellationToken);
        if (encoding is not null)
            return Outcome.Fail(encoding, "UTF8", create);
        collations = await databases.FaultsAsync(async (_, connection, stop) => await Databases.RowAsync(connection, sql, stop) switch
        {
            [_, _, true] => "its indexes of text were made with another version of the system's collation",
            [_, string other, _] when other is not ("C" or "C.UTF-8" or "C.utf8") => $"text is sorted as in {other}",
            _ => null,
        }, cancellationToken);
        return collations is null
            ? Outcome.Ok($"{All4}: UTF8, sorted by code points")
            : Outcome.Warn(collations, "C.UTF-8", "REINDEX DATABASE and ALTER DATABASE … REFRESH COLLATION VERSION where the version is another; else: " + create);
    }

    /// <summary>
    /// By the settings of this login (a role or a database may have its own), and by the least that writes the log: it is taken back,
    /// so that nothing waits for a standby.
    /// </summary>
    private async Task<Outcome> WritesAsync(CancellationToken cancellationToken)
    {
        var faults = await databases.FaultsAsync(async (_, connection, stop) =>
        {
            switch (await Databases.RowAsync(
                connection, "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only'), current_setting('transaction_read_only')", stop))
            {
                case [true, ..]:
                    return "this server is a standby (pg_is_in_recovery)";
                case [_, "on", _]:
                    return "default_transaction_read_only is on";
                case [_, _, "on"]:
                    return "transaction_read_only is on";
            }
            await using var transaction = await connection.BeginTransactionAsync(stop);
            await Databases.ExecuteAsync(connection, "SELECT pg_logical_emit_message(true, 'lyceum', '')", stop);
            await transaction.RollbackAsync(stop);
            return null;
        }, cancellationToken);
        return faults is null
            ? Outcome.Ok($"{All4}: writes are taken")
            : Outcome.Fail(faults, "a server that takes writes", faults.Contains("standby", StringComparison.Ordinal)
                ? "Name the primary in ConnectionStrings__DATABASE (or all servers: Host=a,b), or promote this one."
                : "ALTER DATABASE … RESET default_transaction_read_only (or ALTER ROLE, ALTER SYSTEM); managed servers set it when their disk is full.");
    }

    private async Task<Outcome> SchemaAsync(CancellationToken cancellationToken)
    {
        var faults = await databases.FaultsAsync(async (name, connection, stop) =>
        {
            if (await Databases.RowAsync(connection, "SELECT to_regclass('\"__EFMigrationsHistory\"')::text", stop) is not [string])
                return "it has no tables yet";
            if (!site.Migrations.TryGetValue(name, out var last))
                return null;
            await using var command = new NpgsqlCommand(
                "SELECT EXISTS (SELECT FROM \"__EFMigrationsHistory\" WHERE \"MigrationId\" = $1), (SELECT max(\"MigrationId\") FROM \"__EFMigrationsHistory\")", connection);
            command.Parameters.Add(new() { Value = last });
            await using var reader = await command.ExecuteReaderAsync(stop);
            await reader.ReadAsync(stop);
            return reader.GetBoolean(0) ? null : $"it is at {reader.GetValue(1)}, this version needs {last}";
        }, cancellationToken);
        return faults is null
            ? Outcome.Ok($"{All4}: the tables are there")
            : Outcome.Fail(faults, "the tables of this version", "Services make them at their start; see their log for \"not migrated\", and docs/upgrade.md.");
    }

    private async Task<Outcome> DurableAsync(CancellationToken cancellationToken)
    {
        var warning = false;
        var faults = await databases.FaultsAsync(async (_, connection, stop) => await Databases.RowAsync(
            connection, "SELECT current_setting('synchronous_commit'), current_setting('synchronous_standby_names'), current_setting('fsync')", stop) switch
        {
            ["off", ..] => "synchronous_commit is off",
            ["local", not "", _] => "synchronous_commit is local, though standbys are named",
            [_, _, "off"] => Warned("fsync is off"),
            _ => null,
        }, cancellationToken);
        const string expected = "a commit that was answered outlives a crash";
        return faults is null ? Outcome.Ok($"{All4}: {expected}")
            : warning && !faults.Contains("synchronous_commit", StringComparison.Ordinal)
                ? Outcome.Warn(faults, expected, "ALTER SYSTEM SET fsync = on, and restart PostgreSQL: a power cut would damage the database.")
                : Outcome.Fail(faults, expected, "ALTER SYSTEM RESET synchronous_commit (or ALTER DATABASE, ALTER ROLE), then SELECT pg_reload_conf().");

        string Warned(string text)
        {
            warning = true;
            return text;
        }
    }

    private async Task<Outcome> StandbysAsync(CancellationToken cancellationToken)
    {
        // A role without further rights sees only that a standby is there, not how far it is: it is enough.
        const string sql =
            """
            SELECT current_setting('synchronous_standby_names'), (SELECT count(*) FROM pg_stat_replication),
                   (SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event = 'SyncRep' AND state_change < clock_timestamp() - interval '3 seconds')
            """;
        const string fix = "Start the standbys (their log says why they do not connect); in an emergency ALTER SYSTEM SET synchronous_standby_names = ''.";
        List<string> seen = [];
        var faults = await databases.FaultsAsync(async (_, connection, stop) =>
        {
            var row = await Databases.RowAsync(connection, sql, stop);
            var (names, standbys, waiting) = ((string)row[0], (long)row[1], (long)row[2]);
            if (names.Length == 0)
                return null;
            var needed = Quorum().Match(names) is { Success: true } match ? int.Parse(match.Groups["number"].ValueSpan, CultureInfo.InvariantCulture) : 1;
            lock (seen)
                seen.Add($"{standbys} standbys, of which {needed} must have a commit");
            if (standbys < needed)
                return $"synchronous_standby_names is '{names}', and {standbys} of {needed} standbys are connected: commits wait";
            return waiting > 0 ? $"{waiting} commits have waited for a standby for more than 3 s" : null;
        }, cancellationToken);
        return faults is not null ? Outcome.Fail(faults, "the standbys that a commit waits for", fix)
            : Outcome.Ok(seen.Count == 0 ? "no standby is asked for" : string.Join("; ", seen.Distinct()));
    }

    /// <summary>
    /// What a session keeps (settings, prepared statements, LISTEN, advisory locks) must be there in its next transaction. A pooler in
    /// transaction mode gives two open connections the same server process, or one connection several.
    /// </summary>
    private async Task<Outcome> SessionsAsync(CancellationToken cancellationToken)
    {
        var faults = await databases.FaultsAsync(async (name, first, stop) =>
        {
            var pid = await PidAsync(first);
            await Databases.ExecuteAsync(first, "SELECT set_config('lyceum.doctor', 'kept', false)", stop);
            await using (var second = await databases.OpenAsync(name, stop))
            await using (var third = await databases.OpenAsync(name, stop))
            await using (await second.BeginTransactionAsync(stop))
            await using (await third.BeginTransactionAsync(stop))
            {
                if (await PidAsync(second) is var other && (other == pid || await PidAsync(third) == pid))
                    return $"two connections have one server process ({pid})";
                if (await PidAsync(first) is var later && later != pid)
                    return $"one connection has several server processes ({pid}, {later})";
            }
            if (await Databases.RowAsync(first, "SELECT current_setting('lyceum.doctor', true)", stop) is not ["kept"])
                return "a setting of the session was lost";
            return await IsNotifiedAsync(name, first, stop) ? null : "LISTEN hears nothing";

            async Task<int> PidAsync(NpgsqlConnection connection) =>
                (int)(await Databases.RowAsync(connection, "SELECT pg_backend_pid()", stop))[0];
        }, cancellationToken);
        return faults is null
            ? Outcome.Ok($"{All4}: sessions are kept, notifications arrive")
            : Outcome.Fail(faults, "sessions that are kept from one transaction to the next",
                "Connect to PostgreSQL itself, or set pool_mode=session in PgBouncer (Npgsql has a pool of its own).");
    }

    private async Task<bool> IsNotifiedAsync(string name, NpgsqlConnection listener, CancellationToken cancellationToken)
    {
        var channel = $"lyceum_doctor_{Guid.NewGuid():N}";
        await Databases.ExecuteAsync(listener, $"LISTEN {channel}", cancellationToken);
        await using (var sender = await databases.OpenAsync(name, cancellationToken))
        await using (var transaction = await sender.BeginTransactionAsync(cancellationToken))
        {
            // Nobody needs it to be replicated.
            await Databases.ExecuteAsync(sender, $"SET LOCAL synchronous_commit = off; NOTIFY {channel}", cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
        return await listener.WaitAsync(Notified, cancellationToken);
    }

    [GeneratedRegex(@"^\s*(FIRST|ANY)?\s*(?<number>[0-9]{1,4})\s*\(", RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Quorum();
}
