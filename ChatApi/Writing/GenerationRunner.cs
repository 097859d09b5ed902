using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.Contracts;
using Lyceum.Durability.Work;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.Text;
using Microsoft.Extensions.Options;

namespace Lyceum.ChatApi.Writing;

/// <summary>
/// Runs this replica's generations, each detached from any HTTP request, from the first token to the committed end.
/// The engine keeps the generation too, under the message's id: a broken connection is attached again at the committed
/// offset, by this replica or by the one that takes over, and no token is generated twice.
/// </summary>
public sealed partial class GenerationRunner : IDisposable
{
    private static readonly ActivitySource Activities = new("Lyceum.ChatApi");

    private readonly GenerationWriter _writer;
    private readonly CompletionsClient _engines;
    private readonly GenerationRows _rows;
    private readonly IHints _hints;
    private readonly ReplicaSignals _signals;
    private readonly LoopProgress _progress;
    private readonly GenerationOptions _options;
    private readonly ChatMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger<GenerationRunner> _logger;
    private readonly ConcurrentDictionary<Guid, RunningGeneration> _running = new();
    private readonly ConcurrentDictionary<RunningGeneration, Task> _tasks = new();
    private readonly CancellationTokenSource _handOver = new();
    private readonly SharedBound _places;

    public GenerationRunner(
        GenerationWriter writer, CompletionsClient engines, IJournal journal, GenerationRows rows, IHints hints,
        ReplicaSignals signals, LoopProgress progress, IOptions<GenerationOptions> options, IOptions<ShareOptions> shares,
        ChatMetrics metrics, TimeProvider time, ILogger<GenerationRunner> logger)
    {
        _places = new SharedBound(options.Value.MaxRunning, shares.Value);
        (_writer, _engines, _rows, _hints, _signals, _progress) = (writer, engines, rows, hints, signals, progress);
        (_options, _metrics, _time, _logger) = (options.Value, metrics, time, logger);
        signals.Received += OnSignal;
        journal.Committed += generation =>
        {
            if (generation.IsWatched(time.GetTimestamp()))
                signals.Send(SignalKind.Grown, generation.Id);
        };
    }

    /// <summary>The generation if it runs in this replica; null otherwise (ended, elsewhere, or unknown).</summary>
    public RunningGeneration? Find(Guid messageId) => _running.GetValueOrDefault(messageId);

    /// <summary>Whether this replica is giving its generations to others, because it stops.</summary>
    public bool IsDraining => _handOver.IsCancellationRequested;

    /// <summary>What runs in this replica.</summary>
    public IEnumerable<Guid> Running => _running.Keys;

    /// <summary>
    /// Takes one of <see cref="GenerationOptions.MaxRunning"/> places, which <see cref="Start"/>'s end frees, or its
    /// disposal; null when all are taken, or as many by this caller as it may. While this replica stops too: what is begun then
    /// is another's at once, as what was running is.
    /// </summary>
    public SharedBound.Held? TryAdmit(Sharer who) => _places.TryTake(who);

    /// <summary>Begins to write, in a place admitted before. Returns at once; the caller may read like any other reader.</summary>
    public RunningGeneration Start(GenerationOrder order, SharedBound.Held place)
    {
        var generation = new RunningGeneration(
            order.MessageId, order.ConversationId, order.Owner, order.Epoch, new AnswerText(order.Committed))
        {
            Engine = order.Engine,
            StopsOnDisconnect = order.StopsOnDisconnect,
            Unjudged = order.Unjudged,
        };
        generation.OnThought(order.Thought);
        // A former one of this process, under a lease it has lost, may still be on its way out.
        if (Find(generation.Id) is { } former)
            former.OnFenced();
        _running[generation.Id] = generation;
        _metrics.Started();
        _tasks[generation] = Task.CompletedTask; // there before the task can remove it
        _tasks.TryUpdate(generation, Task.Run(() => RunAsync(generation, order, place), CancellationToken.None), Task.CompletedTask);
        return generation;
    }

    /// <summary>Goes on with what another owner began. It needs no free place: it was admitted once.</summary>
    public void TakeOver(GenerationOrder order)
    {
        Start(order, _places.Take(new Sharer(order.Tenant, order.Subject)));
        _metrics.TakenOver();
        LogTakenOver(_logger, order.MessageId, order.Epoch, order.Committed.Length);
    }

    /// <summary>Ends an answer that runs here, with its text so far kept; false if it does not run here.</summary>
    public bool Stop(Guid messageId, string reason)
    {
        if (Find(messageId) is not { } generation)
            return false;
        generation.Stop(reason);
        return true;
    }

    /// <summary>Ends answers that are to end without readers and have had none for the grace period. Called every second.</summary>
    public void StopAbandoned()
    {
        var now = _time.GetTimestamp();
        var grace = (long)(_options.DisconnectGrace.TotalSeconds * _time.TimestampFrequency);
        foreach (var (_, generation) in _running)
        {
            if (generation.StopsOnDisconnect && generation.IsAbandoned(now, grace))
                generation.Stop(FinishReasons.ClientGone);
        }
    }

    /// <summary>The lease of <paramref name="owner"/> is gone: other replicas may own its answers.</summary>
    public void DropAllOf(Guid owner)
    {
        foreach (var (_, generation) in _running)
        {
            if (generation.Owner == owner)
                generation.OnFenced();
        }
    }

    /// <summary>
    /// Lets go of every running answer, with everything committed and nothing ended: the engines go on, and the next owner
    /// attaches to them. Returns when nothing more will be written.
    /// </summary>
    public async Task HandOverAsync(CancellationToken cancellationToken)
    {
        await _handOver.CancelAsync();
        await Task.WhenAll(_tasks.Values).WaitAsync(cancellationToken);
    }

    private async Task RunAsync(RunningGeneration generation, GenerationOrder order, SharedBound.Held place)
    {
        using var activity = Activities.StartActivity("generation", ActivityKind.Internal, order.Trace);
        activity?.SetTag("lyceum.message_id", generation.Id);
        activity?.SetTag("lyceum.conversation_id", generation.ConversationId);
        activity?.SetTag("lyceum.epoch", generation.Epoch);
        try
        {
            if (await WriteAsync(generation, order) is { } end)
            {
                await CloseAsync(generation, end, order);
                activity?.SetTag("lyceum.finish_reason", end.FinishReason);
                await _engines.ForgetAsync(generation.Engine, generation.Id, order.Tenant, order.Subject);
            }
            else
            {
                await generation.CommittedButAsync(0, generation.Fenced);
            }
        }
        catch (OperationCanceledException) when (generation.Fenced.IsCancellationRequested)
        {
            LogDropped(_logger, generation.Id);
            if (await IsOverAsync(generation.Id))
                await _engines.ForgetAsync(generation.Engine, generation.Id, order.Tenant, order.Subject);
        }
        finally
        {
            if (generation.End is null)
                generation.OnFenced(); // readers go on at the database, and from there at the next owner
            _running.TryRemove(new(generation.Id, generation)); // not the one that has come after it
            _tasks.TryRemove(generation, out _);
            place.Dispose();
            _metrics.Finished();
        }
    }

    /// <summary>The answer's end, whatever happens; null when handed over.</summary>
    private async Task<AnswerEnd?> WriteAsync(RunningGeneration generation, GenerationOrder order)
    {
        try
        {
            return await _writer.WriteAsync(generation, order, _handOver.Token);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogFailed(_logger, e, generation.Id);
            return AnswerEnd.Interrupted(FinishReasons.OwnerLost, order.Usage, "Writing this answer failed.");
        }
    }

    /// <summary>Ended or deleted from elsewhere, so that the engine need not go on; if in doubt, it may.</summary>
    private async Task<bool> IsOverAsync(Guid id)
    {
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(2), _time);
        try
        {
            return await _rows.IsOverAsync(id, bound.Token);
        }
        catch (Exception e) when (e is OperationCanceledException || DatabaseFailures.Find(e) is not null)
        {
            return false;
        }
    }

    /// <summary>Waits for the last commit, then stores the end; repeats until it is stored or another replica owns it.</summary>
    private async Task CloseAsync(RunningGeneration generation, AnswerEnd end, GenerationOrder order)
    {
        await generation.CommittedButAsync(0, generation.Fenced);
        if (generation.Text.IsCut)
            end = AnswerEnd.NotStored(end.Usage);
        if (generation.Unjudged && end.Moderation is null)
            end = end with { Moderation = ModerationStatus.Unavailable };
        var text = Encoding.UTF8.GetString(generation.Text.Read(0, int.MaxValue).Span);
        if (order.Grounding is { } grounding)
            end = grounding.Close(end, text);
        var terms = PersonTerms.Vector(order.Tenant, order.Subject, text);
        using var progress = _progress.Follow("AnswerEnds");
        progress.Begin();
        for (var (attempt, refused) = (0, 0); ; attempt++)
        {
            try
            {
                var length = refused < 2
                    ? await _rows.CloseAsync(
                        generation.Id, generation.Owner, generation.Epoch, end, refused == 0 ? terms : null, generation.Fenced)
                    : await _rows.CloseWithoutTextAsync(
                        generation.Id, generation.Owner, generation.Epoch, end, generation.Fenced);
                if (length is { } stored)
                {
                    _metrics.Stored(generation.Text.Committed, stored);
                    generation.OnEnded(end);
                    Ended(generation.Id, generation.ConversationId, end, stored);
                    return;
                }
                // Another owner's, or closed by an attempt whose result was lost: readers go on at the database.
                generation.OnFenced();
                generation.Fenced.ThrowIfCancellationRequested();
            }
            catch (Exception e) when (refused < 2 && DatabaseFailures.Of(e) is DatabaseFailure.Data)
            {
                // Refused for its data: first what the model and the sources said of it goes, then its text.
                LogEndRefused(_logger, e, generation.Id);
                progress.Rejected();
                end = AnswerEnd.NotStored(usage: null);
                refused++;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                progress.Failed(e);
                if (attempt == 0)
                {
                    LogCloseRetry(_logger, generation.Id, e.Message);
                    // Another replica may be able to.
                    _hints.Publish(new SavePartialResponse(
                        generation.Id, generation.ConversationId, generation.Owner, generation.Epoch, end.Status,
                        end.FinishReason, AnswerJson.Write(end.Usage), AnswerJson.Write(end.Error), AnswerJson.Write(end.Sources),
                        end.Moderation, AnswerJson.Write(end.Verdict)));
                }
                await Task.Delay(TimeSpan.FromMilliseconds(attempt < 5 ? 100 : 1000), _time, generation.Fenced);
            }
        }
    }

    /// <summary>Says that an end is stored: to the log, to the metrics, and to readers elsewhere.</summary>
    public void Ended(Guid id, Guid conversationId, AnswerEnd end, int length)
    {
        _metrics.Ended(end, length);
        if (end.Status == AnswerStatus.Complete)
            LogComplete(_logger, id, conversationId, length, end.FinishReason);
        else
            LogPartial(_logger, id, conversationId, length, end.FinishReason);
        _signals.Send(SignalKind.Grown, id);
        _hints.Publish(new ResponseFinished(id, conversationId, end.Status, length));
    }

    private void OnSignal(SignalKind kind, Guid id)
    {
        if (Find(id) is not { } generation)
            return;
        if (kind == SignalKind.Stop)
            generation.Stop(FinishReasons.Stopped);
        if (kind == SignalKind.Watch)
        {
            generation.Watch(_time.GetTimestamp() + (long)(ReplicaSignals.WatchFor.TotalSeconds * _time.TimestampFrequency));
            _signals.Send(SignalKind.Grown, id); // what was committed before the watch is there to be read
        }
    }

    public void Dispose() => _handOver.Dispose();

    [LoggerMessage(Level = LogLevel.Information, Message =
        "Answer saved: conversation={ConversationId} message={MessageId} length={Length} reason={Reason}")]
    private static partial void LogComplete(ILogger logger, Guid messageId, Guid conversationId, int length, string reason);

    // Operators search for this line: how much text of a partial answer is saved, and why it ended.
    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Partial answer saved: conversation={ConversationId} message={MessageId} length={Length} reason={Reason}")]
    private static partial void LogPartial(ILogger logger, Guid messageId, Guid conversationId, int length, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Answer taken over: message={MessageId} epoch={Epoch} from={Length}")]
    private static partial void LogTakenOver(ILogger logger, Guid messageId, int epoch, int length);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Generation {MessageId} dropped: another replica owns it")]
    private static partial void LogDropped(ILogger logger, Guid messageId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Generation {MessageId} failed: owner lost")]
    private static partial void LogFailed(ILogger logger, Exception exception, Guid messageId);

    [LoggerMessage(Level = LogLevel.Error, Message =
        "End of generation {MessageId} refused by the database for its data: the answer ends as not stored")]
    private static partial void LogEndRefused(ILogger logger, Exception reason, Guid messageId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "End of generation {MessageId} not stored, retrying until it is: {Reason}")]
    private static partial void LogCloseRetry(ILogger logger, Guid messageId, string reason);
}
