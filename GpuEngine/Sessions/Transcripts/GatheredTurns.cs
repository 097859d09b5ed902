using Lyceum.Contracts;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>
/// What was read of the log, as it is sent: by session, with the pieces of an answer that follow each other in one
/// record. In the log each token is a record; a message of these would be twenty times as long.
/// </summary>
internal sealed class GatheredTurns
{
    /// <summary>
    /// About as many bytes in a message, so that its buffers stay small and later messages do not wait long.
    /// </summary>
    private const int MessageBytes = 48 * 1024;

    private readonly Dictionary<string, Gathered> _sessions = [];

    /// <summary>Records in it, each piece one.</summary>
    public int Count { get; private set; }

    /// <param name="turn">In the order they were recorded.</param>
    public void Add(LoggedTurn turn)
    {
        Count++;
        if (!_sessions.TryGetValue(turn.SessionId, out var session))
            _sessions[turn.SessionId] = session = new Gathered(turn);
        session.Add(turn.Record);
    }

    /// <summary>
    /// As many sessions in each as fit: it costs its receiver one commit. A session is in one of them.
    /// </summary>
    public IEnumerable<RecordSessionTurns> Messages()
    {
        var (sessions, bytes) = (new List<SessionTurns>(), 0);
        foreach (var session in _sessions.Values)
        {
            if (bytes > 0 && bytes + session.Bytes > MessageBytes)
            {
                yield return new(sessions);
                (sessions, bytes) = ([], 0);
            }
            sessions.Add(session.Turns);
            bytes += session.Bytes;
        }
        if (bytes > 0)
            yield return new(sessions);
    }

    private sealed class Gathered(LoggedTurn first)
    {
        private readonly List<SessionTurnRecord> _records = [];
        private List<string>? _then; // of the last record

        /// <summary>Of its JSON; an estimate.</summary>
        public int Bytes { get; private set; } = 128;

        public SessionTurns Turns => new(first.SessionId, first.Tenant, first.Owner, _records);

        public void Add(SessionTurnRecord record)
        {
            Bytes += 3 * record.Text.Length;
            if (_records is [.., var last] && IsPiece(last) && IsPiece(record) && last.Turn == record.Turn)
            {
                if (_then is null)
                    _records[^1] = last with { Then = _then = [] };
                _then.Add(record.Text);
                return;
            }
            Bytes += 128 + (record.Citations?.Length ?? 0);
            _records.Add(record);
            _then = null;
        }

        private static bool IsPiece(SessionTurnRecord record) => record is { Kind: "delta", FinishReason: null, Citations: null };
    }
}
