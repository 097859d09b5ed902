using Lyceum.ChatApi.Writing;
using Lyceum.Contracts;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Http;
using MassTransit;

namespace Lyceum.ChatApi.Reading;

/// <summary>
/// Readers in this replica of answers that another replica writes. While there is one, its watch is sent to the writer every few
/// seconds, and the writer signals when there is more to read; a reader polls besides, slowly.
/// </summary>
public sealed class RemoteAnswers
{
    private static readonly TimeSpan Renewal = ReplicaSignals.WatchFor / 3;

    private readonly Watchers _readers = new();
    private readonly ReplicaSignals _signals;
    private readonly TimeProvider _time;

    public RemoteAnswers(ReplicaSignals signals, TimeProvider time)
    {
        (_signals, _time) = (signals, time);
        signals.Received += (kind, id) =>
        {
            if (kind == SignalKind.Grown)
                Wake(id);
        };
    }

    /// <summary>Sets <paramref name="signal"/> whenever <paramref name="messageId"/> is said to have grown or ended.</summary>
    public Watch Follow(Guid messageId, ReaderSignal signal) => new(this, messageId, _readers.Follow(messageId, signal));

    /// <summary>Wakes this replica's readers of an answer.</summary>
    public void Wake(Guid messageId) => _readers.Wake(messageId);

    /// <summary>One reader's interest in one answer.</summary>
    public sealed class Watch(RemoteAnswers owner, Guid messageId, IDisposable following) : IDisposable
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

/// <summary>Every replica receives every end (fan-out). Idempotent: it only makes readers read.</summary>
public sealed class ResponseFinishedConsumer(RemoteAnswers remote) : IConsumer<ResponseFinished>
{
    public Task Consume(ConsumeContext<ResponseFinished> context)
    {
        remote.Wake(context.Message.MessageId);
        return Task.CompletedTask;
    }
}
