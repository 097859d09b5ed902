using System.Text;
using System.Threading.Channels;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Sessions.Speaking;
using Lyceum.GpuEngine.Speech;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions.Turns;

/// <summary>
/// Speaks answers while they are written, each in a task of its own: sentence after sentence goes to the synthesizer, one ahead
/// of the one that is being published, in order. It publishes at most a few seconds ahead of what the client has
/// played, so that little is lost when the answer is interrupted.
/// </summary>
internal sealed partial class Speaker(
    ISynthesizer synthesizer, IOptions<LiveSessionOptions> options, ILogger<Speaker> log)
{
    private const int PiecesPerSecond = 5;

    public bool IsAvailable => synthesizer.IsAvailable;

    /// <summary>Begins; the task ends when the speech has freed what it occupied, and never fails.</summary>
    public Task Start(TurnSequence turns, Turn turn, SpokenAnswer spoken)
    {
        using (ExecutionContext.SuppressFlow())
            return Task.Run(() => RunAsync(turns, turn, spoken), CancellationToken.None);
    }

    private async Task RunAsync(TurnSequence turns, Turn turn, SpokenAnswer spoken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(turn.Token, spoken.Stopped);
        await using var registration = stop.Token.UnsafeRegister(static answer => ((SpokenAnswer)answer!).Signal(), spoken);
        // One sentence waits while another is published.
        var inHand = Channel.CreateBounded<SentenceAudio>(1);
        var synthesizing = SynthesizeAsync(turns, spoken, inHand.Writer, stop.Token);
        try
        {
            await PublishAsync(turns, turn, spoken, inHand.Reader, stop.Token);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            var error = ApiError.From(e);
            LogFailed(log, ApiException.CauseOf(e), turns.Setup.Id, turn.Number, error.Code, error.Message);
            turns.LoseSpeech(turn);
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // Its end was published by what stopped it.
        }
        await stop.CancelAsync();
        // Its failure was thrown to the reader of its audio.
        await synthesizing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        spoken.Dispose();
    }

    private async Task SynthesizeAsync(
        TurnSequence turns, SpokenAnswer spoken, ChannelWriter<SentenceAudio> inHand, CancellationToken cancel)
    {
        var output = spoken.Output;
        var textEnd = 0;
        await foreach (var sentence in spoken.Sentences.ReadAllAsync(cancel))
        {
            var textStart = textEnd;
            textEnd += Encoding.UTF8.GetByteCount(sentence.Text);
            var text = SpokenText.Of(sentence.Text);
            if (text.Length == 0)
                continue;
            var audio = new SentenceAudio(
                sentence, textStart, textEnd, output.BytesPerSecond / PiecesPerSecond,
                (int)options.Value.Audio.MaxSentence.TotalSeconds * output.BytesPerSecond);
            await inHand.WriteAsync(audio, cancel);
            try
            {
                var request = new SpeechRequest(
                    text, output.Rate, turns.Setup.Sharer, output.Voice ?? turns.Setup.Voice, turns.Setup.Language);
                await foreach (var pcm in synthesizer.SpeakAsync(request, cancel))
                    audio.Add(pcm.Span);
                audio.Complete();
            }
            catch (Exception e)
            {
                audio.Complete(e);
                throw;
            }
        }
        inHand.Complete();
    }

    private static async Task PublishAsync(
        TurnSequence turns, Turn turn, SpokenAnswer spoken, ChannelReader<SentenceAudio> inHand,
        CancellationToken cancel)
    {
        var number = 0;
        await foreach (var audio in inHand.ReadAllAsync(cancel))
        {
            var offset = 0;
            await foreach (var (pcm, isLast) in audio.Pieces.ReadAllAsync(cancel))
            {
                number += offset == 0 ? 1 : 0;
                var frame = new AudioFrame(
                    turn.Number, number, audio.TextStart, audio.TextEnd, offset, spoken.Output.Rate, pcm, pcm.Length, isLast);
                if (!await InTurnAsync(() => turns.Speak(turn, frame, audio.Sentence)))
                    return;
                offset += pcm.Length;
            }
        }
        // Until all of it is played it can be interrupted.
        await InTurnAsync(() => turns.EndSpeech(turn));

        async ValueTask<bool> InTurnAsync(Func<TimeSpan?> attempt)
        {
            while (attempt() is var wait && wait != TimeSpan.Zero)
            {
                if (wait is null)
                    return false;
                await spoken.ChangedAsync(wait.Value);
                cancel.ThrowIfCancellationRequested();
            }
            return true;
        }
    }

    [LoggerMessage(
        LogLevel.Warning, "Speech of turn {Turn} of session {Session} failed with {Code}: {Reason}; its text goes on")]
    private static partial void LogFailed(
        ILogger log, Exception? cause, string session, int turn, string code, string reason);
}
