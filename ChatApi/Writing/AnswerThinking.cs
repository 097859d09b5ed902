using System.Text;
using Lyceum.ServiceDefaults.Errors;
using Npgsql;

namespace Lyceum.ChatApi.Writing;

/// <summary>
/// The model's reasoning before an answer: kept with the message, apart from its text, and readers are told its length
/// once that is durable. Once a second at most, outside of the journal: nobody reads it token by token. Used by the
/// generation's own task.
/// </summary>
/// <param name="most">UTF-8 bytes; what comes after them is neither kept nor counted.</param>
internal sealed class AnswerThinking(
    RunningGeneration generation, GenerationOrder order, GenerationRows rows, int most, TimeProvider time)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly StringBuilder _pending = new();
    private int _stored = order.Thought;
    private int _kept = order.Thought; // with what is pending
    private long? _storedAt;

    /// <summary>UTF-8 bytes that the engine which generates has sent: where to go on at it.</summary>
    public int Received { get; private set; } = order.Thought;

    /// <summary>Another engine is asked, which reasons from the beginning.</summary>
    public void BeginAgain() => Received = 0;

    /// <summary>Received, and neither kept nor told.</summary>
    public void Skip(string thought) => Received += Encoding.UTF8.GetByteCount(thought);

    public async ValueTask AddAsync(string thought, CancellationToken cancellationToken)
    {
        var size = Encoding.UTF8.GetByteCount(thought);
        Received += size;
        if (_kept + size > most)
        {
            _kept = most; // nothing after it either, or there would be a hole
            return;
        }
        _kept += size;
        _pending.Append(thought);
        if (_storedAt is not { } at || time.GetElapsedTime(at) >= Every)
            await StoreAsync(cancellationToken);
    }

    /// <summary>Keeps and tells what came since the last time.</summary>
    public async ValueTask StoreAsync(CancellationToken cancellationToken)
    {
        if (_pending.Length == 0)
            return;
        var thought = _pending.ToString();
        for (var again = false; ; again = true)
        {
            try
            {
                var isKept = await rows.ThinkAsync(
                    generation.Id, generation.Owner, generation.Epoch, _stored, thought, cancellationToken);
                if (!isKept && !again)
                    return; // another owner's, as this one will learn
                break;
            }
            catch (PostgresException e) when (DatabaseFailures.Of(e) is DatabaseFailure.Data)
            {
                // The database refuses it for itself: the answer is worth more than its reasoning.
                _kept = most;
                _pending.Clear();
                return;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                await Task.Delay(Pause, time, cancellationToken); // the bounds of the answer hold
            }
        }
        _pending.Clear();
        _stored += Encoding.UTF8.GetByteCount(thought);
        _storedAt = time.GetTimestamp();
        generation.OnThought(_stored);
    }
}
