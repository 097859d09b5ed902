using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.EngineClient;
using Lyceum.Durability.Leases;
using Lyceum.Durability.Work;
using Lyceum.Text.Moderation;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.ChatApi.Writing;

/// <summary>
/// Makes sure that every answer ends: once a second, unfinished answers without a writer are claimed and continued, and requested
/// stops are carried out. It makes up for every lost hint.
/// </summary>
public sealed partial class OrphanSweep(
    GenerationRunner runner, GenerationRows rows, NpgsqlDataSource source, LoopProgress progress,
    IOptions<GenerationOptions> options, TimeProvider time, ILogger<OrphanSweep> logger) : ILeasedWork
{
    private static readonly TimeSpan ForgetEvery = TimeSpan.FromMinutes(1);

    // An orphan's owner is dead, or is this replica, which does not write it though it began longer ago than a start takes (its
    // commit was in doubt, or its task failed). SKIP LOCKED: sweeps of several replicas share the orphans instead of waiting for
    // each other. Where nothing was shown the former owner may have died before it asked the engine: the history comes along, so
    // that the engine can still be asked.
    private const string Orphans =
        """
        SELECT r.id FROM generations r
        WHERE r.ended_at IS NULL AND (
            NOT EXISTS (SELECT 1 FROM owners o WHERE o.id = r.owner)
            OR (r.owner = $1 AND r.id <> ALL ($3) AND r.started_at < clock_timestamp() - interval '5 seconds'))
          AND r.id <> ALL ($4) AND ($5::uuid IS NULL OR r.id = $5)
        LIMIT 200 FOR UPDATE SKIP LOCKED
        """;

    private static readonly string Claim =
        $"""
        WITH claimed AS (
            UPDATE generations g SET owner = $1, epoch = epoch + 1
            WHERE g.id IN ({Orphans})
            RETURNING g.id, g.epoch, g.engine_url, g.stops_on_disconnect, g.stop_requested_at, g.started_at, g.traceparent,
                      g.system_prompt, g.moderation)
        SELECT c.id, c.epoch, m.conversation_id, c.engine_url, v.tenant, v.owner, c.stops_on_disconnect,
               c.stop_requested_at IS NOT NULL, clock_timestamp() - c.started_at, c.traceparent, m.usage::text,
               COALESCE(t.body, ''),
               CASE WHEN t.body IS NULL THEN (
                   WITH RECURSIVE branch AS (
                       SELECT h.id, h.role, h.content, h.moderation, {Branches.Parent("h")} AS parent, 1 AS number FROM messages h
                       WHERE h.id = {Branches.Parent("m")}
                       UNION ALL
                       SELECT h.id, h.role, h.content, h.moderation, {Branches.Parent("h")}, b.number + 1
                       FROM branch b JOIN messages h ON h.id = b.parent WHERE b.number < $2)
                   SELECT json_agg(json_build_object('role', role, 'content', content, 'images', ARRAY(
                       SELECT i.image_id FROM message_images i WHERE i.message_id = branch.id ORDER BY i.number)) ORDER BY number)::text FROM branch
                   WHERE moderation IS DISTINCT FROM 'refused') END,
               m.tutor_id, m.kb_id, m.grounding, m.sources::text, c.system_prompt,
               COALESCE(octet_length(m.thinking), 0), c.moderation::text, m.moderation IS NOT DISTINCT FROM 'unavailable'
        FROM claimed c JOIN messages m ON m.id = c.id JOIN conversations v ON v.id = m.conversation_id
        CROSS JOIN LATERAL (
            SELECT string_agg(k.body, '' ORDER BY k.byte_offset) AS body FROM generation_chunks k WHERE k.generation_id = c.id) t
        """;

    private const string ToStop =
        "SELECT id FROM generations WHERE owner = $1 AND ended_at IS NULL AND stop_requested_at IS NOT NULL";

    private readonly SetAside _aside = new(progress, nameof(OrphanSweep), time);
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
        var claimed = await _aside.RunAsync(
            () => ClaimAsync(owner, null, cancellationToken), () => OrphansAsync(owner, cancellationToken),
            id => ClaimAsync(owner, id, cancellationToken),
            (id, reason) =>
            {
                LogRefused(logger, reason, id);
                return Task.CompletedTask;
            });
        // Only now is the claim committed: a write before that would fail on the epoch that the claim raised.
        foreach (var orphan in claimed)
        {
            if (orphan.Order is { } order)
            {
                runner.TakeOver(order);
                if (orphan.Stop)
                    runner.Stop(order.MessageId, FinishReasons.Stopped);
            }
            else
            {
                // What its row says cannot be read: it ends with what was written.
                await rows.CloseAsync(
                    orphan.Id, owner, orphan.Epoch,
                    AnswerEnd.Interrupted(FinishReasons.OwnerLost, null, "Its state could not be read."), cancellationToken);
            }
        }
    }

    private async Task<List<Guid>> OrphansAsync(Guid owner, CancellationToken cancellationToken)
    {
        var ids = new List<Guid>();
        await using var command = Command(Orphans, owner, null);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            ids.Add(reader.GetGuid(0));
        return ids;
    }

    /// <param name="only">Null: all.</param>
    private async Task<List<Orphan>> ClaimAsync(Guid owner, Guid? only, CancellationToken cancellationToken)
    {
        var claimed = new List<Orphan>();
        await using var command = Command(Claim, owner, only);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            claimed.Add(Read(reader, owner));
        return claimed;
    }

    private NpgsqlCommand Command(string sql, Guid owner, Guid? only)
    {
        var command = source.CreateCommand(sql);
        command.Parameters.Add(new() { Value = owner });
        command.Parameters.Add(new() { Value = ContextWindow.MaxMessages });
        command.Parameters.Add(new() { Value = runner.Running.ToArray() });
        command.Parameters.Add(new() { Value = _aside.Ids });
        command.Parameters.Add(new() { Value = (object?)only ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
        return command;
    }

    private Orphan Read(NpgsqlDataReader reader, Guid owner)
    {
        var (id, epoch) = (reader.GetGuid(0), reader.GetInt32(1));
        try
        {
            var grounding = AnswerGrounding.Read(reader, 13);
            var usage = AnswerJson.Parse<Usage>(reader.GetValue(10) as string);
            return new(id, epoch, new(
                id, reader.GetGuid(2), owner, epoch, new Uri(reader.GetString(3)),
                Context(reader.GetValue(12) as string, grounding, usage), reader.GetString(4), reader.GetString(5), reader.GetBoolean(6),
                usage, reader.GetString(11), reader.GetTimeSpan(8),
                Traceparent.Parse(reader.GetValue(9) as string), grounding, Attach: true,
                Thought: reader.GetInt32(18), AnswerJson.Parse<ModerationPolicy>(reader.GetValue(19) as string),
                reader.GetBoolean(20)), reader.GetBoolean(7));
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidCastException or ArgumentException)
        {
            LogUnreadable(logger, e, id);
            return new(id, epoch, null, Stop: false);
        }
    }

    /// <summary>A claimed answer.</summary>
    /// <param name="Order">Null: its row cannot be read.</param>
    private sealed record Orphan(Guid Id, int Epoch, GenerationOrder? Order, bool Stop);

    // As many images as were chosen when it was asked: none where the school has it so.
    private IReadOnlyList<ContextMessage>? Context(string? newestFirst, AnswerGrounding? grounding, Usage? usage) => newestFirst is null ? null
        : ContextWindow.Choose(
            AnswerJson.Parse<List<ContextMessage>>(newestFirst)!, 0, options.Value.SystemPrompt, options.Value.MaxContextTokens,
            grounding, usage?.ContextImages ?? 0).Messages;

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

    [LoggerMessage(Level = LogLevel.Error, Message =
        "Answer {MessageId} not taken over, the database refuses it; the others are, and it is retried")]
    private static partial void LogRefused(ILogger logger, Exception reason, Guid messageId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Answer {MessageId} not taken over: its row cannot be read")]
    private static partial void LogUnreadable(ILogger logger, Exception reason, Guid messageId);
}
