using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Speech;

namespace Lyceum.GpuEngine.Sessions.Hearing;

/// <summary>
/// What became of an utterance: its text, or the event that says why there is none; neither if it was cancelled.
/// </summary>
internal readonly record struct Heard(string? Text, SessionEvent? Failure);

/// <summary>Recognizes speech.</summary>
internal sealed partial class Listener(Transcriber transcriber, ILogger<Listener> log)
{
    public bool IsAvailable => transcriber.IsAvailable;

    /// <summary>Recognizes one utterance; never fails.</summary>
    public async Task<Heard> HearAsync(SessionSetup session, Utterance utterance, CancellationToken cancel)
    {
        try
        {
            var wav = Wav.File(utterance.Pcm, utterance.Rate);
            var text = await transcriber.TranscribeAsync(wav, session.Language, cancel);
            return string.IsNullOrWhiteSpace(text)
                ? new Heard(null, new SessionWarning("nothing_heard", null))
                : new Heard(text.Replace('\0', '\uFFFD'), null);
        }
        catch (Exception) when (cancel.IsCancellationRequested)
        {
            return default;
        }
        catch (Exception e)
        {
            var error = ApiError.From(e);
            LogFailed(log, ApiException.CauseOf(e), session.Id, error.Code, error.Message);
            return new Heard(null, new RecognitionFailed(utterance.Id, error.Code, error.Message));
        }
    }

    [LoggerMessage(LogLevel.Warning, "Speech recognition failed in session {Session} with {Code}: {Reason}")]
    private static partial void LogFailed(ILogger log, Exception? cause, string session, string code, string reason);
}
