using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;

namespace Lyceum.Jobs;

/// <summary>
/// Follows one task: every event from a cursor on, in order, without a gap, read from the database; messages only make it read
/// sooner. While the database is away it pauses.
/// </summary>
public sealed class JobEvents(JobStore store, JobChanges changes, IOptions<AnswersOptions> answers, TimeProvider time)
{
    private const int Batch = 100;
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);
    private static readonly object Nothing = new { };

    /// <summary>Events of type <c>status</c> (or <c>part</c>), then the end of the stream after a terminal one; <c>ping</c> in between.</summary>
    public async IAsyncEnumerable<SseItem<object>> FollowAsync(
        Guid taskId, int after, [EnumeratorCancellation] CancellationToken clientGone)
    {
        var signal = new ReaderSignal();
        using var following = changes.Follow(taskId, signal); // before the first read, so that nothing between is missed
        yield return new(Nothing, "ping") { ReconnectionInterval = TimeSpan.FromSeconds(1) }; // headers at once
        var pinged = time.GetTimestamp();
        while (true)
        {
            var events = await ReadAsync(taskId, after, clientGone);
            foreach (var item in events)
            {
                yield return new(item, item.Part is null ? "status" : "part") { EventId = item.Seq.ToString() };
                after = item.Seq;
            }
            if (events.Count == Batch)
                continue;
            if (events is [.., var last] && last.Part is null && JobStatus.IsTerminal(last.Status))
                yield break;
            if (time.GetElapsedTime(pinged) >= answers.Value.Ping)
            {
                pinged = time.GetTimestamp();
                yield return new(Nothing, "ping");
            }
            await signal.WaitAtMostAsync(Poll, clientGone);
        }
    }

    private async Task<List<JobEvent>> ReadAsync(Guid taskId, int after, CancellationToken clientGone)
    {
        try
        {
            return await store.EventsAsync(taskId, after, Batch, clientGone);
        }
        catch (Exception e) when (Transient.IsTransient(e) || e is TimeoutException or ProblemException { Code: ErrorCodes.DatabaseUnavailable })
        {
            return []; // the next read follows
        }
    }
}
