using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Persons;
using Npgsql;

namespace Lyceum.ChatApi.Persons;

/// <summary>A person's running answers are stopped, by whichever replica writes them.</summary>
internal sealed class PersonalAnswers(NpgsqlDataSource source, ReplicaSignals signals) : IPersonalWork
{
    // Recorded first, so that a lost signal is made up for by the owner's sweep.
    private const string Stop =
        """
        UPDATE generations g SET stop_requested_at = COALESCE(g.stop_requested_at, clock_timestamp())
        FROM messages m JOIN conversations c ON c.id = m.conversation_id
        WHERE c.tenant = $1 AND c.owner = $2 AND m.status = 'streaming' AND g.id = m.id AND g.ended_at IS NULL
        RETURNING g.id
        """;

    // What an owner of a generation wrote at the moment it was deleted.
    private const string Orphans =
        "DELETE FROM generation_chunks c WHERE NOT EXISTS (SELECT FROM generations g WHERE g.id = c.generation_id)";

    public TimeSpan Patience => TimeSpan.FromSeconds(10);

    public async Task<bool> StopAsync(string tenant, string person, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(Stop);
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = person });
        var running = new List<Guid>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            running.Add(reader.GetGuid(0));
        running.ForEach(answer => signals.Send(SignalKind.Stop, answer));
        return running.Count == 0;
    }

    public async Task CleanAsync(string tenant, string person, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(Orphans);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
