using System.Text;
using Lyceum.Contracts;
using Lyceum.Text;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.SessionApi.Transcripts;

/// <summary>What a message's records change, for any number of sessions, written by a statement for each kind of row.</summary>
internal sealed class TranscriptChanges
{
    private readonly List<(long Number, long Seq)> _sessions = [];
    private readonly List<(long Number, SessionTurnRecord Record)> _asked = [];
    private readonly List<(long Number, SessionTurnRecord Record)> _cited = [];
    private readonly Dictionary<(long Number, int Turn), StringBuilder> _thought = [];
    private readonly List<(long Number, int Turn, long Seq, string Text)> _said = [];
    private readonly List<(long Number, SessionTurnRecord Record)> _ended = [];
    private readonly List<(long Number, SessionTurnRecord Record)> _closed = [];
    private readonly List<(long Number, SessionTurnRecord Record)> _flagged = [];

    /// <param name="seq">The session's last record from now on.</param>
    /// <param name="records">In order, none of them stored before.</param>
    public void Add(long number, long seq, List<SessionTurnRecord> records)
    {
        _sessions.Add((number, seq));
        for (var i = 0; i < records.Count; i++)
        {
            var record = records[i];
            switch (record.Kind)
            {
                case "user":
                    _asked.Add((number, record));
                    break;
                case "thinking":
                    if (!_thought.TryGetValue((number, record.Turn), out var thought))
                        _thought[(number, record.Turn)] = thought = new();
                    thought.Append(record.Text);
                    break;
                case "delta":
                    if (record.Citations is not null)
                        _cited.Add((number, record));
                    // Neighbours are one row, under the last one's number.
                    var text = new StringBuilder(record.Text).AppendJoin("", record.Then ?? []);
                    while (i + 1 < records.Count && records[i + 1] is { Kind: "delta", Citations: null } next && next.Turn == record.Turn)
                        text.Append(records[++i].Text).AppendJoin("", records[i].Then ?? []);
                    _said.Add((number, record.Turn, records[i].ThroughSeq, text.ToString()));
                    break;
                case "end":
                    _ended.Add((number, record));
                    break;
                case "flag":
                    _flagged.Add((number, record));
                    break;
                case "closed":
                    _closed.Add((number, record));
                    break;
                default:
                    break; // of an engine that is newer than this service: numbered, and passed over
            }
        }
    }

    public async Task WriteAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        if (_sessions.Count == 0)
            return;
        await using var batch = new NpgsqlBatch(connection);
        AddIfAny(batch, _asked,
            "INSERT INTO session_turns (session_number, turn, question, asked_at) SELECT * FROM unnest($1, $2, $3, $4)",
            Number(_asked), Turn(_asked), Rows.Column(_asked, NpgsqlDbType.Text, row => Storable(row.Record.Text)), At(_asked));
        AddIfAny(batch, _cited,
            """
            UPDATE session_turns t SET citations = u.citations::jsonb FROM unnest($1, $2, $3) AS u(session_number, turn, citations)
            WHERE t.session_number = u.session_number AND t.turn = u.turn
            """,
            Number(_cited), Turn(_cited), Citations(_cited));
        var thoughts = _thought.Select(turn => (turn.Key.Number, turn.Key.Turn, Text: turn.Value.ToString())).ToList();
        AddIfAny(batch, thoughts,
            """
            UPDATE session_turns t SET thinking = coalesce(t.thinking, '') || u.text
            FROM unnest($1, $2, $3) AS u(session_number, turn, text)
            WHERE t.session_number = u.session_number AND t.turn = u.turn
            """,
            Rows.Column(thoughts, NpgsqlDbType.Bigint, row => row.Number),
            Rows.Column(thoughts, NpgsqlDbType.Integer, row => row.Turn),
            Rows.Column(thoughts, NpgsqlDbType.Text, row => Storable(row.Text)));
        AddIfAny(batch, _said,
            "INSERT INTO session_deltas (session_number, seq, turn, text) SELECT * FROM unnest($1, $2, $3, $4)",
            Rows.Column(_said, NpgsqlDbType.Bigint, row => row.Number), Rows.Column(_said, NpgsqlDbType.Bigint, row => row.Seq),
            Rows.Column(_said, NpgsqlDbType.Integer, row => row.Turn), Rows.Column(_said, NpgsqlDbType.Text, row => Storable(row.Text)));
        AddIfAny(batch, _flagged,
            """
            INSERT INTO session_flags (session_number, seq, tenant, person, session_id, turn, status, by, category, quote, at)
            SELECT u.number, u.seq, s.tenant, coalesce(s.subject, s.owner), s.id, u.turn, u.status, u.by, u.category, u.quote, u.at
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS u(number, turn, at, seq, status, by, category, quote)
            JOIN sessions s ON s.number = u.number
            ON CONFLICT DO NOTHING
            """,
            Number(_flagged), Turn(_flagged), At(_flagged), Rows.Column(_flagged, NpgsqlDbType.Bigint, row => row.Record.Seq),
            Rows.Column(_flagged, NpgsqlDbType.Text, row => StorableText.Of(row.Record.Status ?? "")),
            Rows.Column(_flagged, NpgsqlDbType.Text, row => StorableText.Of(row.Record.By ?? "")),
            Rows.Column(_flagged, NpgsqlDbType.Text, row => StorableText.Of(row.Record.FinishReason ?? "")),
            Rows.Column(_flagged, NpgsqlDbType.Text, row => Storable(row.Record.Text)));
        AddIfAny(batch, _closed,
            """
            UPDATE sessions s SET status = 'ended', reason = u.reason, ended_at = u.at FROM unnest($1, $2, $3) AS u(number, reason, at)
            WHERE s.number = u.number AND s.status IN ('active', 'lost')
            """,
            Number(_closed), Rows.Column(_closed, NpgsqlDbType.Text, row => StorableText.Of(row.Record.FinishReason)),
            At(_closed));
        AddIfAny(batch, _sessions,
            "UPDATE sessions s SET recorded_seq = u.seq FROM unnest($1, $2) AS u(number, seq) WHERE s.number = u.number",
            Rows.Column(_sessions, NpgsqlDbType.Bigint, row => row.Number), Rows.Column(_sessions, NpgsqlDbType.Bigint, row => row.Seq));
        await batch.ExecuteNonQueryAsync(cancellationToken);
        if (_ended.Count > 0)
            await EndAsync(connection, cancellationToken);
    }

    /// <summary>What was said becomes the turn's answer, and its pieces go.</summary>
    private async Task EndAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var answers = new Dictionary<(long, int), string>();
        await using (var pieces = Rows.Command(
            """
            SELECT d.session_number, d.turn, string_agg(d.text, '' ORDER BY d.seq)
            FROM unnest($1, $2) AS u(session_number, turn)
            JOIN session_deltas d ON d.session_number = u.session_number AND d.turn = u.turn
            GROUP BY d.session_number, d.turn
            """, Number(_ended), Turn(_ended)).On(connection))
        {
            await using var reader = await pieces.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                answers[(reader.GetInt64(0), reader.GetInt32(1))] = reader.GetString(2);
        }
        await using var batch = new NpgsqlBatch(connection);
        AddIfAny(batch, _ended,
            """
            UPDATE session_turns t SET answer = u.answer, status = u.status, finish_reason = u.finish_reason,
                citations = coalesce(u.citations::jsonb, t.citations), ended_at = u.at
            FROM unnest($1, $2, $3, $4, $5, $6, $7) AS u(session_number, turn, citations, at, answer, status, finish_reason)
            WHERE t.session_number = u.session_number AND t.turn = u.turn
            """,
            Number(_ended), Turn(_ended), Citations(_ended), At(_ended),
            Rows.Column(_ended, NpgsqlDbType.Text, row => Utf8Text.Truncate(
                answers.GetValueOrDefault((row.Number, row.Record.Turn), ""), row.Record.Length ?? int.MaxValue)),
            Rows.Column(_ended, NpgsqlDbType.Text, row => StorableText.Of(row.Record.Status)),
            Rows.Column(_ended, NpgsqlDbType.Text, row => StorableText.Of(row.Record.FinishReason)));
        AddIfAny(batch, _ended,
            """
            DELETE FROM session_deltas d USING unnest($1, $2) AS u(session_number, turn)
            WHERE d.session_number = u.session_number AND d.turn = u.turn
            """, Number(_ended), Turn(_ended));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void AddIfAny<T>(NpgsqlBatch batch, List<T> rows, string sql, params ReadOnlySpan<NpgsqlParameter> columns)
    {
        if (rows.Count > 0)
            batch.BatchCommands.Add(Rows.Command(sql, columns));
    }

    private static NpgsqlParameter Number(List<(long Number, SessionTurnRecord Record)> rows) =>
        Rows.Column(rows, NpgsqlDbType.Bigint, row => row.Number);

    private static NpgsqlParameter Turn(List<(long Number, SessionTurnRecord Record)> rows) =>
        Rows.Column(rows, NpgsqlDbType.Integer, row => row.Record.Turn);

    private static NpgsqlParameter Citations(List<(long Number, SessionTurnRecord Record)> rows) =>
        Rows.Column(rows, NpgsqlDbType.Text, row => StorableText.OfJson(row.Record.Citations));

    private static NpgsqlParameter At(List<(long Number, SessionTurnRecord Record)> rows) =>
        Rows.Column(rows, NpgsqlDbType.TimestampTz, row => row.Record.At.UtcDateTime);

    /// <summary>For U+0000 stands U+001A, "substitute": as long, because the end's length is in bytes.</summary>
    private static string Storable(string text) => StorableText.Of(text, forNull: '\u001A');
}

/// <summary>Statements over many rows at once, each column an array that <c>unnest</c> takes apart.</summary>
internal static class Rows
{
    public static NpgsqlParameter Column<TRow, TValue>(List<TRow> rows, NpgsqlDbType type, Func<TRow, TValue> value) =>
        new() { Value = rows.ConvertAll(row => value(row)), NpgsqlDbType = NpgsqlDbType.Array | type };

    public static NpgsqlBatchCommand Command(string sql, params ReadOnlySpan<NpgsqlParameter> columns)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var column in columns)
            command.Parameters.Add(column);
        return command;
    }

    /// <summary>This one alone.</summary>
    public static NpgsqlBatch On(this NpgsqlBatchCommand command, NpgsqlConnection connection) =>
        new(connection) { BatchCommands = { command } };
}
