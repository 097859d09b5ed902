using Lyceum.Contracts;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>
/// Sends what the log holds to the service that stores transcripts (<see cref="RecordSessionTurns"/>), and sends again
/// what was not answered (<see cref="SessionTurnsRecorded"/>) in time: messages may be lost, late or doubled. While
/// that service is unreachable no session waits for it: the log grows, up to its bound, and at most a window of it is
/// sent.
/// </summary>
internal sealed partial class TranscriptForwarder(
    TranscriptLog transcripts, ITranscriptSink sink, IOptions<TranscriptOptions> options, TimeProvider time,
    ILogger<TranscriptForwarder> log) : BackgroundService
{
    /// <summary>Bytes of the log read at once: the more, the fewer messages.</summary>
    private const int BatchBytes = 4 * 1024 * 1024;

    private static readonly TimeSpan LongestResend = TimeSpan.FromMinutes(1);

    private readonly ReaderSignal _wake = new(); // set by the log's writer and by answers; read by the one loop below
    private long _answeredAt;

    /// <summary>An answer: the log drops what it names.</summary>
    public void Answered(SessionTurnsRecorded answer)
    {
        if (transcripts.Acknowledge(answer.Sessions))
        {
            Interlocked.Exchange(ref _answeredAt, time.GetTimestamp());
            _wake.Set();
        }
    }

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        transcripts.KeepUntilAcknowledged();
        transcripts.Recorded += _wake.Set;
        return base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        transcripts.Recorded -= _wake.Set;
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var place = default(LogPlace);
        var resend = options.Value.ResendAfter;
        var (underWay, sentAt, failing) = (0, time.GetTimestamp(), false);
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
                    await sink.SendAsync(message, stoppingToken);
                if (failing)
                {
                    LogForwarding(log);
                    failing = false;
                }
                underWay += turns.Count;
                if (next != place)
                {
                    (place, sentAt) = (next, time.GetTimestamp());
                }
                else if (transcripts.HasUnacknowledged && time.GetElapsedTime(sentAt) >= resend)
                {
                    // From the beginning of the log, without what was acknowledged meanwhile.
                    (place, underWay, resend) = (default, 0, resend * 2 < LongestResend ? resend * 2 : LongestResend);
                }
                else
                {
                    await _wake.WaitAtMostAsync(options.Value.ResendAfter, stoppingToken);
                }
                // Records of a running turn come all the time: they are gathered, because a message for each would cost
                // too much.
                await Task.Delay(options.Value.Gather, time, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (!failing)
                    LogFailed(log, e.Message);
                failing = true;
                await Task.Delay(options.Value.ResendAfter, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Transcript forwarding failed, the log keeps them: {Reason}")]
    private static partial void LogFailed(ILogger log, string reason);

    [LoggerMessage(LogLevel.Information, "Transcripts are forwarded again")]
    private static partial void LogForwarding(ILogger log);
}

/// <summary>Where transcripts go.</summary>
internal interface ITranscriptSink
{
    /// <summary>Sends; only an answer shows that it arrived.</summary>
    Task SendAsync(RecordSessionTurns turns, CancellationToken cancel);
}
