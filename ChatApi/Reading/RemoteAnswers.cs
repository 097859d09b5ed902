using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Writing;
using Lyceum.Contracts;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using MassTransit;

namespace Lyceum.ChatApi.Reading;

/// <summary>
/// Readers in this replica of answers that another replica writes. While there is one, its watch is sent to the writer every few
/// seconds, and the writer signals when there is more to read. The readers of an answer share one poll.
/// </summary>
public sealed class RemoteAnswers
{
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Renewal = ReplicaSignals.WatchFor / 3;

    private readonly Watchers _readers = new();
    private readonly ReplicaSignals _signals;
    private readonly StoredAnswers _stored;
    private readonly TimeProvider _time;
    private readonly SharedReads<AnswerKey, AnswerPiece, StoredEnd> _followed;

    public RemoteAnswers(StoredAnswers stored, ReplicaSignals signals, TimeProvider time)
    {
        (_stored, _signals, _time) = (stored, signals, time);
        _followed = new(ReadAsync, (answer, wake) => Follow(answer.MessageId, wake), Poll);
        signals.Received += (kind, id) =>
        {
            if (kind == SignalKind.Grown)
                Wake(id);
        };
    }

    /// <summary>
    /// What is committed of an answer from <paramref name="cursor"/> on, and of its reasoning beyond
    /// <paramref name="thought"/>, read once for all its readers here.
    /// </summary>
    public SharedReads<AnswerKey, AnswerPiece, StoredEnd>.Reader Read(
        Caller caller, Guid messageId, int thought, int cursor, ReaderSignal signal) =>
        _followed.Follow(new(caller.Tenant, caller.Person, messageId), AnswerPiece.At(thought, cursor), signal);

    private async Task<Page<AnswerPiece, StoredEnd>> ReadAsync(
        AnswerKey key, long position, CancellationToken cancellationToken)
    {
        var (thought, cursor) = AnswerPiece.Of(position);
        if (await _stored.ReadAsync(key.Tenant, key.Owner, key.MessageId, cursor, cancellationToken) is not { } answer)
            return new([], false, new StoredEnd(null));
        var piece = new AnswerPiece(Math.Max(thought, answer.Thought), cursor, answer.Text);
        var isFull = piece.End < answer.Length;
        var reached = AnswerPiece.At(piece.Thought, piece.End);
        return new(
            reached == position ? [] : [new(position, reached, piece)], isFull,
            isFull || answer.End is null ? null : new StoredEnd(answer.End));
    }

    /// <summary>Sets <paramref name="signal"/> whenever <paramref name="messageId"/> is said to have grown or ended.</summary>
    public Watch Follow(Guid messageId, ReaderSignal signal) => new(this, messageId, _readers.Follow(messageId, signal));

    /// <summary>Wakes this replica's readers of an answer.</summary>
    public void Wake(Guid messageId) => _readers.Wake(messageId);

    /// <summary>One reader's interest in one answer.</summary>
    public sealed class Watch(RemoteAnswers owner, Guid messageId, IDisposable following) : IWatch
    {
        private long _sent;

        /// <summary>Sends the watch to the writer, on whichever replica; at most once in a few seconds.</summary>
        public void Renew()
        {
            if (_sent != 0 && owner._time.GetElapsedTime(_sent) < Renewal)
                return;
            _sent = owner._time.GetTimestamp();
            owner._signals.Send(SignalKind.Watch, messageId);
        }

        public void Dispose() => following.Dispose();
    }
}

/// <summary>An answer as its owner asks for it.</summary>
public readonly record struct AnswerKey(string Tenant, string Owner, Guid MessageId);

/// <summary>
/// What one read found of an answer. Its position is the pair of the reasoning's and the text's length, which only grow.
/// </summary>
/// <param name="Thought">UTF-8 bytes of the reasoning that is committed.</param>
/// <param name="Cursor">Where the text begins.</param>
public readonly record struct AnswerPiece(int Thought, int Cursor, ReadOnlyMemory<byte> Text)
{
    public int End => Cursor + Text.Length;

    /// <summary>The text behind a reader's cursor, which is not before this piece's.</summary>
    public ReadOnlyMemory<byte> TextFrom(int cursor) => Text[Math.Min(cursor - Cursor, Text.Length)..];

    public static long At(int thought, int cursor) => ((long)thought << 32) | (uint)cursor;

    public static (int Thought, int Cursor) Of(long position) => ((int)(position >> 32), (int)position);
}

/// <param name="End">Null: the answer was deleted.</param>
public sealed record StoredEnd(AnswerEnd? End);

/// <summary>Every replica receives every end (fan-out). Idempotent: it only makes readers read.</summary>
public sealed class ResponseFinishedConsumer(RemoteAnswers remote) : IConsumer<ResponseFinished>
{
    public Task Consume(ConsumeContext<ResponseFinished> context)
    {
        remote.Wake(context.Message.MessageId);
        return Task.CompletedTask;
    }
}
