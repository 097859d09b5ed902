using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Speech;

namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>Makes messages of what is said.</summary>
internal sealed partial class Listener(Transcriber transcriber, TimeProvider time, ILogger<Listener> log)
{
    public bool IsAvailable => transcriber.IsAvailable;

    /// <summary>Recognizes one utterance and submits what it says; never fails.</summary>
    public async Task HearAsync(Session session, Utterance utterance, CancellationToken cancel)
    {
        try
        {
            var text = await transcriber.TranscribeAsync(Wav.File(utterance.Pcm, utterance.Rate), session.Setup.Language, cancel);
            if (string.IsNullOrWhiteSpace(text))
            {
                session.Warn(new SessionWarning("nothing_heard", null));
                return;
            }
            session.Submit(new UserMessage(
                text.Replace('\0', '\uFFFD'), utterance.Id, Heard: new Recognition(utterance.EndedAt, time.GetElapsedTime(utterance.EndedAt))));
        }
        catch (Exception) when (cancel.IsCancellationRequested)
        {
            // The session ended.
        }
        catch (Exception e)
        {
            var error = ApiError.From(e);
            Failed(log, e is ApiException ? e.InnerException : e, session.Id, error.Code, error.Message);
            session.Tell(new SpeechRefused(utterance.Id, error.Code, error.Message));
        }
    }

    [LoggerMessage(LogLevel.Warning, "What was said in session {Session} could not be recognized ({Code}): {Reason}")]
    private static partial void Failed(ILogger log, Exception? cause, string session, string code, string reason);
}
