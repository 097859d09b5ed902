using System.Text;
using System.Threading.Channels;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Speech;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>
/// Speaks answers while they are written, each in a task of its own: sentence after sentence goes to the synthesizer, one ahead
/// of the one that is being published, in order. It publishes no faster than the client plays, but for a few seconds, so
/// that little is lost when the answer is broken off.
/// </summary>
internal sealed partial class Speaker(ISynthesizer synthesizer, IOptions<SessionOptions> options, ILogger<Speaker> log)
{
    private const int PiecesPerSecond = 5;

    public bool IsAvailable => synthesizer.IsAvailable;

    /// <summary>Begins; the task ends when the speech occupies nothing any more, and never fails.</summary>
    public Task Start(Session session, Turn turn, SpokenAnswer spoken)
    {
        using (ExecutionContext.SuppressFlow())
            return Task.Run(() => RunAsync(session, turn, spoken), CancellationToken.None);
    }

    private async Task RunAsync(Session session, Turn turn, SpokenAnswer spoken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(turn.Token, spoken.Stopped);
        await using var registration = stop.Token.UnsafeRegister(static answer => ((SpokenAnswer)answer!).Signal(), spoken);
        // One waits while another is published: two sentences in hand.
        var inHand = Channel.CreateBounded<SentenceAudio>(1);
        var synthesizing = SynthesizeAsync(session, spoken, inHand.Writer, stop.Token);
        try
        {
            await PublishAsync(session, turn, spoken, inHand.Reader, stop.Token);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            var error = ApiError.From(e);
            Failed(log, e is ApiException ? e.InnerException : e, session.Id, turn.Number, error.Code, error.Message);
            session.LoseSpeech(turn);
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // Whoever stopped it has said so.
        }
        await stop.CancelAsync();
        await synthesizing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // its failure went the way of its audio
        spoken.Dispose();
    }

    private async Task SynthesizeAsync(Session session, SpokenAnswer spoken, ChannelWriter<SentenceAudio> inHand, CancellationToken cancel)
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
                var request = new SpeechRequest(text, output.Rate, output.Voice ?? session.Setup.Voice, session.Setup.Language);
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
        Session session, Turn turn, SpokenAnswer spoken, ChannelReader<SentenceAudio> inHand, CancellationToken cancel)
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
                if (!await InTurnAsync(() => session.Speak(turn, frame, audio.Sentence)))
                    return;
                offset += pcm.Length;
            }
        }
        // What was published is yet to be played: until then it can be broken off.
        await InTurnAsync(() => session.EndSpeech(turn));

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

    [LoggerMessage(LogLevel.Warning, "The speech of turn {Turn} of session {Session} failed with {Code}: {Reason}; its text goes on")]
    private static partial void Failed(ILogger log, Exception? cause, string session, int turn, string code, string reason);
}
