using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.EngineClient;
using Lyceum.Durability.Leases;
using Lyceum.Durability.Work;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.ChatApi.Writing;

/// <summary>
/// Makes sure that every answer ends: once a second, unfinished answers without a writer are claimed and continued, and requested
/// stops are carried out. It makes up for every lost hint.
/// </summary>
public sealed class OrphanSweep(
    GenerationRunner runner, NpgsqlDataSource source, IOptions<GenerationOptions> options,
    TimeProvider time) : ILeasedWork
{
    private static readonly TimeSpan ForgetEvery = TimeSpan.FromMinutes(1);

    // An orphan's owner is dead, or is this replica, which does not write it though it began longer ago than a start takes (its
    // commit was in doubt, or its task failed). SKIP LOCKED: sweeps of several replicas share the orphans instead of waiting for
    // each other. Where nothing was shown the former owner may have died before it asked the engine: the history comes along, so
    // that the engine can still be asked.
    private const string Claim =
        """
        WITH claimed AS (
            UPDATE generations g SET owner = $1, epoch = epoch + 1
            WHERE g.id IN (
                SELECT r.id FROM generations r
                WHERE r.ended_at IS NULL AND (
                    NOT EXISTS (SELECT 1 FROM owners o WHERE o.id = r.owner)
                    OR (r.owner = $1 AND r.id <> ALL ($3) AND r.started_at < clock_timestamp() - interval '5 seconds'))
                LIMIT 200 FOR UPDATE SKIP LOCKED)
            RETURNING g.id, g.epoch, g.engine_url, g.stops_on_disconnect, g.stop_requested_at, g.started_at, g.traceparent,
                      g.system_prompt)
        SELECT c.id, c.epoch, m.conversation_id, c.engine_url, v.tenant, v.owner, c.stops_on_disconnect,
               c.stop_requested_at IS NOT NULL, clock_timestamp() - c.started_at, c.traceparent, m.usage::text,
               COALESCE(t.body, ''),
               CASE WHEN t.body IS NULL THEN (
                   SELECT json_agg(json_build_object('role', h.role, 'content', h.content))::text FROM (
                       SELECT role, content FROM messages
                       WHERE conversation_id = m.conversation_id AND position < m.position
                       ORDER BY position DESC LIMIT $2) h) END,
               m.tutor_id, m.kb_id, m.grounding, m.sources::text, c.system_prompt,
               COALESCE(octet_length(m.thinking), 0)
        FROM claimed c JOIN messages m ON m.id = c.id JOIN conversations v ON v.id = m.conversation_id
        CROSS JOIN LATERAL (
            SELECT string_agg(k.body, '' ORDER BY k.byte_offset) AS body FROM generation_chunks k WHERE k.generation_id = c.id) t
        """;

    private const string ToStop =
        "SELECT id FROM generations WHERE owner = $1 AND ended_at IS NULL AND stop_requested_at IS NOT NULL";

    private long _forgotten;

    public async Task ClaimOrphansAsync(Guid owner, CancellationToken cancellationToken)
    {
        if (runner.IsDraining)
            return; // what was just handed over is for others
        await ClaimAsync(owner, cancellationToken);
        await StopAsync(owner, cancellationToken);
        runner.StopAbandoned();
        if (_forgotten == 0 || time.GetElapsedTime(_forgotten) > ForgetEvery)
        {
            _forgotten = time.GetTimestamp();
            await ForgetAsync(cancellationToken);
        }
    }

    public void OnLeaseLost(Guid owner) => runner.DropAllOf(owner);

    public Task HandOverAsync(CancellationToken cancellationToken) => runner.HandOverAsync(cancellationToken);

    private async Task ClaimAsync(Guid owner, CancellationToken cancellationToken)
    {
        var claimed = new List<(GenerationOrder Order, bool Stop)>();
        await using (var command = source.CreateCommand(Claim))
        {
            command.Parameters.Add(new() { Value = owner });
            command.Parameters.Add(new() { Value = ContextWindow.MaxMessages });
            command.Parameters.Add(new() { Value = runner.Running.ToArray() });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                var grounding = AnswerGrounding.Read(reader, 13);
                claimed.Add((new(
                    reader.GetGuid(0), reader.GetGuid(2), owner, reader.GetInt32(1), new Uri(reader.GetString(3)),
                    Context(reader.GetValue(12) as string, grounding), reader.GetString(4), reader.GetString(5), reader.GetBoolean(6),
                    AnswerJson.Parse<Usage>(reader.GetValue(10) as string), reader.GetString(11), reader.GetTimeSpan(8),
                    Traceparent.Parse(reader.GetValue(9) as string), grounding, Attach: true, Thought: reader.GetInt32(18)),
                    reader.GetBoolean(7)));
            }
        }
        // Only now is the claim committed: a write before that would fail on the epoch that the claim raised.
        foreach (var (order, stop) in claimed)
        {
            runner.TakeOver(order);
            if (stop)
                runner.Stop(order.MessageId, FinishReasons.Stopped);
        }
    }

    private IReadOnlyList<ContextMessage>? Context(string? newestFirst, AnswerGrounding? grounding) => newestFirst is null ? null
        : ContextWindow.Choose(
            AnswerJson.Parse<List<ContextMessage>>(newestFirst)!, 0, options.Value.SystemPrompt, options.Value.MaxContextTokens,
            grounding).Messages;

    private async Task StopAsync(Guid owner, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(ToStop);
        command.Parameters.Add(new() { Value = owner });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            runner.Stop(reader.GetGuid(0), FinishReasons.Stopped);
    }

    private async Task ForgetAsync(CancellationToken cancellationToken)
    {
        await using (var keys = source.CreateCommand("DELETE FROM idempotency_keys WHERE created_at < clock_timestamp() - $1"))
        {
            keys.Parameters.Add(new() { Value = options.Value.IdempotencyWindow });
            await keys.ExecuteNonQueryAsync(cancellationToken);
        }
        // A commit in flight while its conversation was deleted leaves chunks without a generation.
        await using var chunks = source.CreateCommand(
            "DELETE FROM generation_chunks c WHERE NOT EXISTS (SELECT 1 FROM generations g WHERE g.id = c.generation_id)");
        await chunks.ExecuteNonQueryAsync(cancellationToken);
    }
}
