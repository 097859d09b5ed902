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
    private readonly SharedReads<AnswerKey, ReadOnlyMemory<byte>, StoredEnd> _followed;

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
    /// What is committed of an answer from <paramref name="cursor"/> on, read once for all its readers here.
    /// </summary>
    public SharedReads<AnswerKey, ReadOnlyMemory<byte>, StoredEnd>.Reader Read(
        Caller caller, Guid messageId, int cursor, ReaderSignal signal) =>
        _followed.Follow(new(caller.Tenant, caller.Person, messageId), cursor, signal);

    private async Task<Page<ReadOnlyMemory<byte>, StoredEnd>> ReadAsync(
        AnswerKey key, long cursor, CancellationToken cancellationToken)
    {
        if (await _stored.ReadAsync(key.Tenant, key.Owner, key.MessageId, (int)cursor, cancellationToken) is not { } answer)
            return new([], false, new StoredEnd(null));
        var reached = cursor + answer.Text.Length;
        return new(
            answer.Text.Length == 0 ? [] : [new(cursor, reached, answer.Text)], reached < answer.Length,
            reached < answer.Length || answer.End is null ? null : new StoredEnd(answer.End));
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
