using System.Text;
using System.Text.Json;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.SessionApi.Data;
using Lyceum.Text;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Transcripts;

/// <summary>Reads what was said.</summary>
internal sealed class TranscriptStore(SessionDb db)
{
    private const int HistoryTurns = 100;
    private const int HistoryBytes = 128 * 1024;
    private const int MessageBytes = 32 * 1024;

    /// <summary>Turns after <paramref name="after"/>, in order; of one whose end is not known, what has come of its answer.</summary>
    public async Task<List<TurnView>> ReadAsync(long session, int after, int count, CancellationToken cancellationToken)
    {
        var turns = await Transient.RetryOnceAsync(_ => db.Set<SessionTurn>().AsNoTracking()
            .Where(t => t.SessionNumber == session && t.Turn > after).OrderBy(t => t.Turn).Take(count)
            .ToListAsync(cancellationToken));
        return [.. (await WithPiecesAsync(turns, cancellationToken)).Select(turn => TurnView.Of(turn.Turn, turn.Said))];
    }

    /// <summary>Turns whose question moderation refused.</summary>
    public async Task<HashSet<int>> RefusedAsync(long session, CancellationToken cancellationToken) =>
    [
        .. await Transient.RetryOnceAsync(_ => db.Database.SqlQuery<int>(
            $"SELECT DISTINCT turn AS \"Value\" FROM session_flags WHERE session_number = {session} AND status = 'refused'")
            .ToListAsync(cancellationToken)),
    ];

    /// <summary>
    /// What a session that goes on with this one is to know: the newest turns of it and of those it goes on with, oldest first,
    /// as much as a model will be shown.
    /// </summary>
    public async Task<List<HistoryMessage>> HistoryAsync(
        Caller caller, long session, CancellationToken cancellationToken)
    {
        var turns = await db.Set<SessionTurn>().FromSql(
            $"""
             WITH RECURSIVE chain(number, continues, depth) AS (
                 SELECT number, continues, 0 FROM sessions WHERE number = {session}
                 UNION ALL
                 SELECT s.number, s.continues, chain.depth + 1 FROM chain JOIN sessions s ON s.id = chain.continues
                 WHERE s.tenant = {caller.Tenant} AND s.subject = {caller.Person} AND chain.depth < {HistoryTurns})
             SELECT t.* FROM session_turns t JOIN chain ON t.session_number = chain.number
             WHERE NOT EXISTS (SELECT FROM session_flags f
                 WHERE f.session_number = t.session_number AND f.turn = t.turn AND f.status = 'refused')
             """).AsNoTracking().OrderByDescending(t => t.SessionNumber).ThenByDescending(t => t.Turn).Take(HistoryTurns).ToListAsync(cancellationToken);
        var messages = new List<HistoryMessage>();
        var bytes = 0;
        foreach (var (turn, said) in await WithPiecesAsync(turns, cancellationToken))
        {
            foreach (var message in (HistoryMessage[])[new("assistant", said), new("user", turn.Question)])
            {
                var text = Utf8Text.Truncate(message.Content, MessageBytes);
                bytes += Encoding.UTF8.GetByteCount(text);
                if (text.Length > 0 && bytes <= HistoryBytes)
                    messages.Add(message with { Content = text });
            }
        }
        messages.Reverse();
        return messages;
    }

    private async Task<List<(SessionTurn Turn, string Said)>> WithPiecesAsync(List<SessionTurn> turns, CancellationToken cancellationToken)
    {
        var open = turns.Where(turn => turn.Status is null).Select(turn => turn.SessionNumber).Distinct().ToList();
        var pieces = open.Count == 0 ? [] : await db.Set<SessionDelta>().AsNoTracking()
            .Where(d => open.Contains(d.SessionNumber)).OrderBy(d => d.Seq).ToListAsync(cancellationToken);
        return [.. turns.Select(turn => (turn, turn.Answer ?? string.Concat(
            pieces.Where(piece => piece.SessionNumber == turn.SessionNumber && piece.Turn == turn.Turn).Select(piece => piece.Text))))];
    }
}

/// <param name="Role"><c>user | assistant</c>.</param>
internal sealed record HistoryMessage(string Role, string Content);

/// <summary>A question and its answer.</summary>
/// <param name="Status"><c>complete | interrupted | failed</c>; null while the answer's end is not known.</param>
/// <param name="Citations"><c>[{number, id, title, source}]</c></param>
/// <param name="Thinking">The model's reasoning before the answer, which is no part of it.</param>
public sealed record TurnView(
    int Turn, string Question, DateTimeOffset AskedAt, string Answer, string? Status, string? FinishReason, JsonElement? Citations,
    DateTimeOffset? EndedAt, string? Thinking)
{
    internal static TurnView Of(SessionTurn turn, string said) => new(
        turn.Turn, turn.Question, turn.AskedAt, said, turn.Status, turn.FinishReason,
        turn.Citations is null ? null : JsonElement.Parse(turn.Citations), turn.EndedAt,
        turn.Thinking);
}
