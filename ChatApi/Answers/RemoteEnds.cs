using System.Collections.Concurrent;
using Lyceum.ChatApi.Generation;
using Lyceum.Contracts;
using MassTransit;

namespace Lyceum.ChatApi.Answers;

/// <summary>Readers in this replica of answers that another replica writes: a hint wakes them before their next poll.</summary>
public sealed class RemoteEnds
{
    private readonly ConcurrentDictionary<(Guid MessageId, ReaderSignal Signal), byte> _watchers = new();

    /// <summary>Wakes <paramref name="signal"/> when <paramref name="messageId"/> is said to have ended, until disposed.</summary>
    public IDisposable Watch(Guid messageId, ReaderSignal signal)
    {
        _watchers[(messageId, signal)] = 0;
        return new Registration(this, (messageId, signal));
    }

    public void Wake(Guid messageId)
    {
        foreach (var ((id, signal), _) in _watchers)
        {
            if (id == messageId)
                signal.Set();
        }
    }

    private sealed class Registration(RemoteEnds owner, (Guid, ReaderSignal) key) : IDisposable
    {
        public void Dispose() => owner._watchers.TryRemove(key, out _);
    }
}

/// <summary>Every replica hears of every end (fan-out). Idempotent: it only makes readers look.</summary>
public sealed class ResponseFinishedConsumer(RemoteEnds remote) : IConsumer<ResponseFinished>
{
    public Task Consume(ConsumeContext<ResponseFinished> context)
    {
        remote.Wake(context.Message.MessageId);
        return Task.CompletedTask;
    }
}
