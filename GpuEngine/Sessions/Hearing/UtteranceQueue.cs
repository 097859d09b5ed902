namespace Lyceum.GpuEngine.Sessions.Hearing;

/// <summary>
/// A session's utterances: recognized one after the other, in order, at most <paramref name="maxWaiting"/> at once in
/// the queue. The session's lock guards <see cref="TryAdd"/>.
/// </summary>
/// <param name="hear">Recognizes one utterance and submits its text; never fails.</param>
internal sealed class UtteranceQueue(Func<Utterance, CancellationToken, Task> hear, int maxWaiting)
{
    private Task _last = Task.CompletedTask;
    private CancellationTokenSource? _cancel; // made with the first utterance: most sessions are text
    private int _waiting;

    /// <summary>Nothing is being recognized.</summary>
    public bool IsEmpty => Volatile.Read(ref _waiting) == 0;

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

    /// <summary>Cancels what is being recognized. Call it after the last <see cref="TryAdd"/>.</summary>
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
        await hear(utterance, cancel);
        Interlocked.Decrement(ref _waiting);
    }
}

/// <summary>What the user said, from the beginning of speech to its end.</summary>
/// <param name="Id">The client's own name for it.</param>
/// <param name="EndedAt">The time provider's timestamp of its end.</param>
internal sealed record Utterance(byte[] Pcm, int Rate, string? Id, long EndedAt)
{
    public TimeSpan Duration => TimeSpan.FromSeconds((double)Pcm.Length / (Rate * sizeof(short)));
}
