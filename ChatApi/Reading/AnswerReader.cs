using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Work;
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

    public async Task CopyAsync(
        Caller caller, Guid messageId, int cursor, IAnswerWriter output, CancellationToken clientGone)
    {
        metrics.ReaderOpened();
        var signal = new ReaderSignal();
        var ping = new PingClock(signal);
        await using var timer = time.CreateTimer(static state => ((PingClock)state!).Tick(), ping,
            answers.Value.Ping, answers.Value.Ping);
        SharedReads<AnswerKey, AnswerPiece, StoredEnd>.Reader? reader = null;
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

                // On another replica, or over: first what is there, then what comes, with all who read it here.
                Part<AnswerPiece> part = default;
                var next = reader?.Next(AnswerPiece.At(thought, cursor), out part) ?? Next.Behind;
                switch (next is Next.Part && part.Value.Cursor > cursor ? Next.Behind : next)
                {
                    case Next.Behind:
                        var answer = await stored.ReadAsync(caller, messageId, cursor, clientGone);
                        if (answer is null)
                            return; // deleted meanwhile
                        await SendAsync(answer.Thought, answer.Text);
                        if (cursor < answer.Length)
                            continue;
                        if (answer.End is { } end)
                        {
                            await output.EndAsync(end, clientGone);
                            return;
                        }
                        reader ??= remote.Read(caller, messageId, thought, cursor, signal);
                        continue;
                    case Next.Part:
                        await SendAsync(part.Value.Thought, part.Value.TextFrom(cursor));
                        continue;
                    case Next.End:
                        if (reader!.End.End is { } stopped)
                            await output.EndAsync(stopped, clientGone);
                        return;
                }
                if (ping.TakeDue())
                    await output.PingAsync(clientGone);
                await signal.WaitAsync(clientGone);
            }
        }
        finally
        {
            reader?.Dispose();
            metrics.ReaderClosed();
        }

        async ValueTask SendAsync(int reached, ReadOnlyMemory<byte> text)
        {
            if (reached > thought)
                await output.ThinkingAsync(thought = reached, clientGone);
            if (text.Length == 0)
                return;
            cursor += text.Length;
            await output.DeltaAsync(text, cursor, clientGone);
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
