using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Writing;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;

namespace Lyceum.ChatApi.Reading;

/// <summary>
/// Sends one reader an answer from a cursor to its end. Only committed text is ever sent, because nothing else can be
/// read: from memory while this replica writes the answer, from the database otherwise. A reader holds no buffer of its
/// own; one that is slow takes larger pieces later, one that has stalled is cut (<see cref="ReaderPipe"/>), and neither
/// is felt by the generation or by other readers.
/// </summary>
public sealed class AnswerReader(
    GenerationRunner runner, StoredAnswers stored, RemoteAnswers remote, IOptions<AnswersOptions> answers,
    ChatMetrics metrics, TimeProvider time)
{
    private const int MaxDelta = StoredAnswers.MaxText;
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);

    public async Task CopyAsync(
        Caller caller, Guid messageId, int cursor, IAnswerWriter output, CancellationToken clientGone)
    {
        metrics.ReaderOpened();
        var signal = new ReaderSignal();
        var ping = new PingClock(signal);
        await using var timer = time.CreateTimer(static state => ((PingClock)state!).Tick(), ping,
            answers.Value.Ping, answers.Value.Ping);
        RemoteAnswers.Watch? watch = null;
        var thought = 0;
        try
        {
            while (true)
            {
                if (runner.Find(messageId) is { } generation)
                {
                    (cursor, thought, var ended) = await CopyLiveAsync(
                        generation, cursor, thought, output, signal, ping, clientGone);
                    if (ended)
                        return;
                }

                // On another replica, or over. It follows before it reads, so that what comes in between is not missed.
                watch ??= remote.Follow(messageId, signal);
                var answer = await stored.ReadAsync(caller, messageId, cursor, clientGone);
                if (answer is null)
                    return; // deleted meanwhile
                if (answer.Thought > thought)
                    await output.ThinkingAsync(thought = answer.Thought, clientGone);
                if (answer.Text.Length > 0)
                {
                    cursor += answer.Text.Length;
                    await output.DeltaAsync(answer.Text, cursor, clientGone);
                }
                if (cursor < answer.Length)
                    continue;
                if (answer.End is { } end)
                {
                    await output.EndAsync(end, clientGone);
                    return;
                }
                if (ping.TakeDue())
                    await output.PingAsync(clientGone);
                watch.Renew();
                await signal.WaitAtMostAsync(Poll, clientGone);
            }
        }
        finally
        {
            watch?.Dispose();
            metrics.ReaderClosed();
        }
    }

    /// <summary>Follows a generation of this replica until its end is committed, or until it is no longer ours.</summary>
    private static async Task<(int Cursor, int Thought, bool Ended)> CopyLiveAsync(
        RunningGeneration generation, int cursor, int thought, IAnswerWriter output, ReaderSignal signal, PingClock ping,
        CancellationToken clientGone)
    {
        generation.AddReader(signal);
        try
        {
            while (true)
            {
                // The end is read before the text: once it is set, all text is committed.
                var end = generation.End;
                ReadOnlyMemory<byte> text;
                if (generation.Thought > thought)
                    await output.ThinkingAsync(thought = generation.Thought, clientGone);
                while ((text = generation.Text.Read(cursor, MaxDelta)).Length > 0)
                {
                    cursor += text.Length;
                    await output.DeltaAsync(text, cursor, clientGone);
                }
                if (end is not null)
                {
                    await output.EndAsync(end, clientGone);
                    return (cursor, thought, true);
                }
                if (generation.Fenced.IsCancellationRequested)
                    return (cursor, thought, false);
                if (ping.TakeDue())
                    await output.PingAsync(clientGone);
                await signal.WaitAsync(clientGone);
            }
        }
        finally
        {
            generation.RemoveReader(signal);
        }
    }

    /// <summary>Says every <c>Answers:Ping</c> that a ping is due, and wakes the reader for it.</summary>
    private sealed class PingClock(ReaderSignal signal)
    {
        private int _due;

        public void Tick()
        {
            Volatile.Write(ref _due, 1);
            signal.Set();
        }

        public bool TakeDue() => Interlocked.Exchange(ref _due, 0) == 1;
    }
}
