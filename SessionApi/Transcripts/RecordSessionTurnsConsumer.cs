using Lyceum.Contracts;
using MassTransit;

namespace Lyceum.SessionApi.Transcripts;

/// <summary>
/// Stores a message's records and says so. Messages of one session may overtake each other on the way: one that finds a gap
/// before it is tried again by the bus, and at last answered with what there is, from where the engine sends anew.
/// </summary>
internal sealed class RecordSessionTurnsConsumer(TranscriptRecorder transcripts) : IConsumer<RecordSessionTurns>
{
    private const int Attempts = 3;

    public async Task Consume(ConsumeContext<RecordSessionTurns> context)
    {
        var message = context.Message;
        if (message.Records.Count == 0)
            return;
        var through = await transcripts.RecordAsync(message, context.CancellationToken);
        if (through < message.Records[0].Seq - 1 && context.GetRetryAttempt() < Attempts)
            throw new TranscriptGapException($"{message.SessionId}: {message.Records[0].Seq} came after {through}");
        await context.Publish(new SessionTurnsRecorded(message.SessionId, through), context.CancellationToken);
    }
}

/// <summary>A message came before the one it follows.</summary>
public sealed class TranscriptGapException(string message) : Exception(message);
