using Lyceum.Contracts;
using MassTransit;

namespace Lyceum.SessionApi.Transcripts;

/// <summary>
/// Stores a message's records and says so. Messages may overtake each other on the way: one that finds a gap before it is tried
/// again by the bus (what of it was stored is skipped then), and at last answered with what there is, from where the engine sends anew.
/// </summary>
internal sealed class RecordSessionTurnsConsumer(TranscriptRecorder transcripts) : IConsumer<RecordSessionTurns>
{
    private const int Attempts = 3;

    public async Task Consume(ConsumeContext<RecordSessionTurns> context)
    {
        var sessions = context.Message.Sessions;
        if (sessions.Count == 0)
            return;
        var recorded = await transcripts.RecordAsync(sessions, context.CancellationToken);
        if (context.GetRetryAttempt() < Attempts
            && sessions.Zip(recorded).FirstOrDefault(pair => pair.Second.ThroughSeq < pair.First.Records[0].Seq - 1) is ({ } early, var (_, through)))
            throw new TranscriptGapException($"{early.SessionId}: {early.Records[0].Seq} came after {through}");
        await context.Publish(new SessionTurnsRecorded(recorded), context.CancellationToken);
    }
}

/// <summary>A message came before the one it follows.</summary>
public sealed class TranscriptGapException(string message) : Exception(message);
