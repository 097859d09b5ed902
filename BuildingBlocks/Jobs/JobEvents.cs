using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;

namespace Lyceum.Jobs;

/// <summary>
/// Follows one task: every event from a cursor on, in order, without a gap, read from the database; messages only make it read
/// sooner. All readers of a task share one poll. While the database is away it pauses.
/// </summary>
public sealed class JobEvents
{
    private const int Batch = 100;
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);
    private static readonly object Nothing = new { };

    private readonly JobStore _store;
    private readonly IOptions<AnswersOptions> _answers;
    private readonly TimeProvider _time;
    private readonly SharedReads<Guid, JobEvent, object> _followed;
    private readonly SharedBound _readers;

    public JobEvents(
        JobStore store, JobChanges changes, IOptions<JobOptions> options, IOptions<ShareOptions> shares,
        IOptions<AnswersOptions> answers, TimeProvider time)
    {
        (_store, _answers, _time) = (store, answers, time);
        _readers = new SharedBound(options.Value.MaxReaders, shares.Value);
        _followed = new(PageAsync, changes.Follow, Poll);
    }

    /// <summary>A place among the readers, until disposed.</summary>
    /// <exception cref="ProblemException">429 <c>overloaded</c>.</exception>
    public IDisposable Admit(Sharer who) => _readers.TryTake(who) ?? throw new ProblemException(
        StatusCodes.Status429TooManyRequests, ErrorCodes.Overloaded,
        "As many readers follow tasks as this server takes on, or as many of yours while others wait. "
        + "Try again shortly.", TimeSpan.FromSeconds(5));

    /// <summary>Events of type <c>status</c> (or <c>part</c>), then the end of the stream after a terminal one; <c>ping</c> in between.</summary>
    public async IAsyncEnumerable<SseItem<object>> FollowAsync(
        Guid taskId, int after, [EnumeratorCancellation] CancellationToken clientGone)
    {
        var signal = new ReaderSignal();
        yield return new(Nothing, "ping") { ReconnectionInterval = TimeSpan.FromSeconds(1) }; // headers at once
        var pinged = _time.GetTimestamp();
        SharedReads<Guid, JobEvent, object>.Reader? reader = null;
        try
        {
            while (true)
            {
                JobEvent? last = null;
                if (reader is null || reader.Next(after, out var part) == Next.Behind)
                {
                    var events = await ReadAsync(taskId, after, clientGone);
                    foreach (var item in events)
                    {
                        yield return Item(item);
                        after = item.Seq;
                    }
                    if (events.Count == Batch)
                        continue;
                    last = events.LastOrDefault();
                }
                else if (part.Value is { } happened)
                {
                    yield return Item(happened);
                    after = happened.Seq;
                    if (reader.Next(after, out _) == Next.Part)
                        continue;
                    last = happened;
                }
                if (last is { Part: null } && JobStatus.IsTerminal(last.Status))
                    yield break;
                reader ??= _followed.Follow(taskId, after, signal);
                if (last is not null)
                    continue;
                var silent = _time.GetElapsedTime(pinged);
                if (silent >= _answers.Value.Ping)
                {
                    (pinged, silent) = (_time.GetTimestamp(), TimeSpan.Zero);
                    yield return new(Nothing, "ping");
                }
                await signal.WaitAtMostAsync(_answers.Value.Ping - silent, clientGone);
            }
        }
        finally
        {
            reader?.Dispose();
        }
    }

    private static SseItem<object> Item(JobEvent happened) =>
        new(happened, happened.Part is null ? "status" : "part") { EventId = happened.Seq.ToString() };

    private async Task<Page<JobEvent, object>> PageAsync(Guid taskId, long after, CancellationToken cancellationToken)
    {
        var events = await ReadAsync(taskId, (int)after, cancellationToken);
        return new([.. events.Select(happened => new Part<JobEvent>(happened.Seq - 1, happened.Seq, happened))],
            events.Count == Batch);
    }

    private async Task<List<JobEvent>> ReadAsync(Guid taskId, int after, CancellationToken clientGone)
    {
        try
        {
            return await _store.EventsAsync(taskId, after, Batch, clientGone);
        }
        catch (Exception e) when (Transient.IsTransient(e) || e is TimeoutException or ProblemException { Code: ErrorCodes.DatabaseUnavailable })
        {
            return []; // the next read follows
        }
    }
}
