using Npgsql;

namespace Lyceum.Cli.Backups.Databases;

/// <summary>
/// What four dumps of four moments may disagree about, and how it is put right. Each statement may be run again. Whatever else one
/// database says of another may be missing in ordinary life too (a tutor that was deleted), and every reader expects it.
/// </summary>
internal static class Repair
{
    // Somebody was deleted between two snapshots: the last database says that all have confirmed, an earlier one still has the person.
    // The services are asked again, as after any failure, and deleting what is gone already changes nothing.
    private const string AskAgain =
        """
        WITH again AS (
            UPDATE erasure_steps SET done_at = NULL, failures = 0, next_at = clock_timestamp()
            WHERE done_at >= $1 AND service NOT IN ('session-api', 'class:session-api', 'class:archive') RETURNING erasure_id)
        UPDATE erasures SET done_at = NULL WHERE id IN (SELECT erasure_id FROM again)
        """;

    private const string SharesOfJobs = "SELECT class_id, kind, thing FROM shares WHERE kind = $1";
    private const string RemoveShare = "DELETE FROM shares WHERE class_id = $1 AND kind = $2 AND thing = $3";

    /// <summary>Kinds of shared things that RoadmapWorker keeps, and where.</summary>
    private static readonly (string Kind, string Exists)[] KeptElsewhere =
    [
        ("roadmap", "SELECT EXISTS (SELECT FROM jobs WHERE task_id::text = $1)"),
        ("practice_set", "SELECT EXISTS (SELECT FROM practice_sets WHERE id::text = $1)"),
    ];

    /// <summary>Looks for all of it, and repairs it.</summary>
    /// <param name="firstSnapshot">Of the dumps.</param>
    /// <returns>What was found, for people.</returns>
    public static async Task<IReadOnlyList<string>> RunAsync(
        Connections connections, DateTimeOffset firstSnapshot, CancellationToken cancellationToken)
    {
        var found = new List<string>();
        await using var sessions = NpgsqlDataSource.Create(connections.Of("sessiondb").ConnectionString);
        await using var roadmaps = NpgsqlDataSource.Create(connections.Of("roadmapdb").ConnectionString);
        await using var chat = NpgsqlDataSource.Create(connections.Of("chatdb").ConnectionString);

        await using (var again = sessions.CreateCommand(AskAgain))
        {
            again.Parameters.Add(new() { Value = firstSnapshot.ToUniversalTime() });
            if (await again.ExecuteNonQueryAsync(cancellationToken) is var count && count > 0)
                found.Add($"{count} deletions of persons or classes that ended during the backup: every service is asked again");
        }

        foreach (var (kind, exists) in KeptElsewhere)
        {
            var lost = new List<(Guid Class, string Thing)>();
            await using (var shares = sessions.CreateCommand(SharesOfJobs))
            {
                shares.Parameters.Add(new() { Value = kind });
                await using var reader = await shares.ExecuteReaderAsync(cancellationToken);
                while (await reader.ReadAsync(cancellationToken))
                {
                    await using var look = roadmaps.CreateCommand(exists);
                    look.Parameters.Add(new() { Value = reader.GetString(2) });
                    if (await look.ExecuteScalarAsync(cancellationToken) is false)
                        lost.Add((reader.GetGuid(0), reader.GetString(2)));
                }
            }
            foreach (var (classId, thing) in lost)
            {
                await using var remove = sessions.CreateCommand(RemoveShare);
                remove.Parameters.Add(new() { Value = classId });
                remove.Parameters.Add(new() { Value = kind });
                remove.Parameters.Add(new() { Value = thing });
                await remove.ExecuteNonQueryAsync(cancellationToken);
            }
            if (lost.Count > 0)
                found.Add($"{lost.Count} shares of a {kind} that is not there: removed");
        }

        if (await KeepTutorNumbersAsync(sessions, chat, cancellationToken) is { } tutors)
            found.Add(tutors);
        return found;
    }

    /// <summary>A tutor's number is never given a second time: an old conversation would then be about somebody else's tutor.</summary>
    private static async Task<string?> KeepTutorNumbersAsync(
        NpgsqlDataSource sessions, NpgsqlDataSource chat, CancellationToken cancellationToken)
    {
        await using var largest = chat.CreateCommand("SELECT COALESCE(max(tutor_id), 0) FROM messages");
        var named = (int)(await largest.ExecuteScalarAsync(cancellationToken))!;
        await using var raise = sessions.CreateCommand(
            """
            SELECT setval(s.name, $1) FROM (SELECT pg_get_serial_sequence('tutors', 'id') AS name) s
            WHERE $1 > (SELECT last_value FROM pg_sequences WHERE format('%I.%I', schemaname, sequencename) = s.name)
               OR $1 > 0 AND (SELECT last_value FROM pg_sequences WHERE format('%I.%I', schemaname, sequencename) = s.name) IS NULL
            """);
        raise.Parameters.Add(new() { Value = (long)named });
        return await raise.ExecuteScalarAsync(cancellationToken) is null
            ? null
            : $"conversations name tutor {named}, which the tutors do not reach: new tutors get higher numbers";
    }
}
