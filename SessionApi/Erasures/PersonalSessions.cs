using Lyceum.Durability.Persons;
using Npgsql;

namespace Lyceum.SessionApi.Erasures;

/// <summary>
/// A person's live sessions are marked as deleted, which the sweep of sessions carries out at their engines; an engine's
/// transcript goes with the answers to what it still sends.
/// </summary>
internal sealed class PersonalSessions(NpgsqlDataSource source) : IPersonalWork
{
    private const string Delete =
        """
        UPDATE sessions SET status = 'deleted', reason = 'deleted', student_id = '', ended_at = clock_timestamp(),
            released = (status = 'ended')
        WHERE tenant = $1 AND (owner = $2 OR subject = $2) AND status <> 'deleted'
        """;

    private const string Unreleased =
        "SELECT EXISTS (SELECT FROM sessions WHERE tenant = $1 AND (owner = $2 OR subject = $2) AND NOT released)";

    /// <summary>An engine that is out of reach for so long has ended them itself, or is forgotten.</summary>
    public TimeSpan Patience => TimeSpan.FromHours(1);

    public async Task<bool> StopAsync(string tenant, string person, CancellationToken cancellationToken)
    {
        await using var delete = Command(Delete);
        await delete.ExecuteNonQueryAsync(cancellationToken);
        await using var unreleased = Command(Unreleased);
        return !(bool)(await unreleased.ExecuteScalarAsync(cancellationToken))!;

        NpgsqlCommand Command(string sql)
        {
            var command = source.CreateCommand(sql);
            command.Parameters.Add(new() { Value = tenant });
            command.Parameters.Add(new() { Value = person });
            return command;
        }
    }
}
