namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>A session's utterances on their way to become messages: recognized one after the other, in order, a few of them
/// waiting. The session's lock guards it.</summary>
internal sealed class Hearing(Session session, Listener listener, int maxWaiting)
{
    private Task _last = Task.CompletedTask;
    private CancellationTokenSource? _cancel; // none while nothing was ever said: most sessions are text
    private int _waiting;

    /// <returns>False where too many wait.</returns>
    public bool TryAdd(Utterance utterance)
    {
        if (Volatile.Read(ref _waiting) >= maxWaiting)
            return false;
        Interlocked.Increment(ref _waiting);
        _cancel ??= new CancellationTokenSource();
        using (ExecutionContext.SuppressFlow())
        {
            var (before, cancel) = (_last, _cancel.Token);
            _last = Task.Run(() => HearAsync(before, utterance, cancel), CancellationToken.None);
        }
        return true;
    }

    /// <summary>Ends what is being recognized. Nothing is added any more.</summary>
    public async Task EndAsync()
    {
        if (_cancel is not null)
        {
            await _cancel.CancelAsync();
            await _last;
            _cancel.Dispose();
        }
    }

    private async Task HearAsync(Task before, Utterance utterance, CancellationToken cancel)
    {
        await before;
        await listener.HearAsync(session, utterance, cancel);
        Interlocked.Decrement(ref _waiting);
    }
}
