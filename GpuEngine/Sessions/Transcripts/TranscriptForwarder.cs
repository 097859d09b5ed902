using Lyceum.Contracts;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>
/// Sends what the log holds to whoever keeps transcripts (<see cref="RecordSessionTurns"/>), and sends again what was not
/// answered (<see cref="SessionTurnsRecorded"/>) in time: messages may be lost, late or doubled. A keeper that is away
/// slows nobody: the log grows, up to its bound, and no more than a window of it is under way.
/// </summary>
internal sealed partial class TranscriptForwarder(
    TranscriptLog transcripts, ITranscriptKeeper keeper, IOptions<TranscriptOptions> options, TimeProvider time,
    ILogger<TranscriptForwarder> log) : BackgroundService
{
    /// <summary>Of the log, read at once: the more, the fewer messages for as many sessions.</summary>
    private const int BatchBytes = 4 * 1024 * 1024;

    private static readonly TimeSpan LongestResend = TimeSpan.FromMinutes(1);

    // Set by the log's writer and by answers; waited for by the one loop below.
    private readonly SemaphoreSlim _news = new(0, 1);
    private long _answeredAt;

    /// <summary>An answer: what it speaks of is forgotten here.</summary>
    public void Answered(SessionTurnsRecorded answer)
    {
        if (transcripts.Acknowledge(answer.Sessions))
        {
            Interlocked.Exchange(ref _answeredAt, time.GetTimestamp());
            Nudge();
        }
    }

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        transcripts.KeepUntilAcknowledged();
        transcripts.Recorded += Nudge;
        return base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        transcripts.Recorded -= Nudge;
        base.Dispose();
        // _news is not disposed: an answer may still come.
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var place = default(LogPlace);
        var resend = options.Value.ResendAfter;
        var (underWay, sentAt, away) = (0, time.GetTimestamp(), false);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var answered = Interlocked.Exchange(ref _answeredAt, 0) != 0;
                if (answered)
                    (underWay, resend, sentAt) = (0, options.Value.ResendAfter, time.GetTimestamp());
                var turns = new GatheredTurns();
                var next = underWay < options.Value.Window ? transcripts.Read(place, BatchBytes, turns.Add) : place;
                foreach (var message in turns.Messages())
                    await keeper.KeepAsync(message, stoppingToken);
                if (away)
                {
                    Back(log);
                    away = false;
                }
                underWay += turns.Count;
                if (next != place)
                {
                    (place, sentAt) = (next, time.GetTimestamp());
                }
                else if (transcripts.HasUnacknowledged && time.GetElapsedTime(sentAt) >= resend)
                {
                    // From the beginning: what was answered meanwhile is left out.
                    (place, underWay, resend) = (default, 0, resend * 2 < LongestResend ? resend * 2 : LongestResend);
                }
                else
                {
                    await _news.WaitAsync(options.Value.ResendAfter, stoppingToken);
                }
                // While somebody speaks there is always something new: a message for each of it would cost more than what it says,
                // and the next would overtake it.
                await Task.Delay(options.Value.Gather, time, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (!away)
                    Away(log, e.Message);
                away = true;
                await Task.Delay(options.Value.ResendAfter, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Nudge()
    {
        try
        {
            if (_news.CurrentCount == 0)
                _news.Release();
        }
        catch (SemaphoreFullException)
        {
            // Somebody else nudged in the same moment: once is enough.
        }
    }

    [LoggerMessage(LogLevel.Warning, "transcripts are not forwarded, the log keeps them: {Reason}")]
    private static partial void Away(ILogger log, string reason);

    [LoggerMessage(LogLevel.Information, "transcripts are forwarded again")]
    private static partial void Back(ILogger log);
}

/// <summary>Where transcripts go.</summary>
internal interface ITranscriptKeeper
{
    /// <summary>Sends; whether it arrived is told by an answer alone.</summary>
    Task KeepAsync(RecordSessionTurns turns, CancellationToken cancel);
}
