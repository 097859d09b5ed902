using System.Collections.Concurrent;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Lyceum.Jobs;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.RoadmapWorker.Collabs;

/// <summary>One event of a collaboration.</summary>
/// <param name="Turn">The turn whose end the event tells; null where it tells something else.</param>
public sealed record CollabEvent(
    int Seq, string Status, string Stage, int Progress, CollabTurn? Turn, string? ErrorMessage, DateTimeOffset At);

/// <summary>
/// A task's events with what was said in them. A turn is committed with the event that moves the task to the next stage, so that event
/// has it: a reader who follows the events, from wherever, has every turn once.
/// </summary>
public sealed class CollabEvents(JobStore store, JobEvents events, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // Being read: all readers of a task want the same turn at the same moment.
    private readonly ConcurrentDictionary<(Guid TaskId, string Stage), Task<CollabTurn>> _turns = new();

    /// <summary>As <see cref="JobEvents.FollowAsync"/>.</summary>
    /// <param name="after">The last event the reader has.</param>
    public async IAsyncEnumerable<SseItem<object>> FollowAsync(
        Guid taskId, int after, [EnumeratorCancellation] CancellationToken clientGone)
    {
        // The stage before the first event to come. Of a task that is just recorded there is none.
        string? stage = null;
        if (after > 0)
            stage = (await ReadAsync(() => store.EventsAsync(taskId, after - 1, 1, clientGone), clientGone)).FirstOrDefault()?.Stage;
        await foreach (var item in events.FollowAsync(taskId, after, clientGone))
        {
            if (item.Data is not JobEvent e)
            {
                yield return item;
                continue;
            }
            CollabTurn? turn = null;
            if (stage is not null && stage != e.Stage && CollabKind.TurnOf(stage) is not null)
            {
                turn = await TurnAsync(taskId, stage).WaitAsync(clientGone);
            }
            stage = e.Stage;
            yield return new(
                new CollabEvent(e.Seq, CollabStatus.Of(e.Status), e.Stage, e.Progress, turn, e.ErrorMessage, e.At), turn is null ? "status" : "turn")
            {
                EventId = item.EventId,
            };
        }
    }

    private async Task<CollabTurn> TurnAsync(Guid taskId, string stage)
    {
        var key = (taskId, stage);
        try
        {
            return await _turns.GetOrAdd(key, one => ReadTurnAsync(one.TaskId, one.Stage));
        }
        finally
        {
            _turns.TryRemove(key, out _);
        }
    }

    private async Task<CollabTurn> ReadTurnAsync(Guid taskId, string stage)
    {
        var finished = await ReadAsync(
            () => store.StagesAsync(taskId, stage, CancellationToken.None), CancellationToken.None);
        return JobJson.Read<CollabTurn>(finished[0].Body);
    }

    /// <summary>A database that is away is a pause, not the end of the stream.</summary>
    private async Task<T> ReadAsync<T>(Func<Task<T>> read, CancellationToken clientGone)
    {
        while (true)
        {
            try
            {
                return await read();
            }
            catch (Exception e) when (Transient.IsTransient(e) || e is TimeoutException or ProblemException { Code: ErrorCodes.DatabaseUnavailable })
            {
                await Task.Delay(Pause, time, clientGone);
            }
        }
    }
}
