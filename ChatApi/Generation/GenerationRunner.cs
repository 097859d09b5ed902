using System.Collections.Concurrent;
using System.Diagnostics;
using Lyceum.ChatApi.Data;
using Lyceum.Contracts;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Leases;
using Lyceum.ServiceDefaults.Messaging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.ChatApi.Generation;

/// <summary>What a generation needs to begin.</summary>
/// <param name="MessageId">The assistant message, already committed as <c>streaming</c> under <paramref name="Owner"/>.</param>
/// <param name="Subject">On whose behalf the engine is asked.</param>
public sealed record GenerationOrder(
    Guid MessageId, Guid ConversationId, Guid Owner, int Epoch, Uri Engine,
    IReadOnlyList<ContextMessage> Context, string Tenant, string Subject);

/// <summary>
/// Runs this replica's generations, each detached from any HTTP request, from the first token to the committed end; and
/// ends honestly those whose owner died.
/// </summary>
public sealed partial class GenerationRunner(
    EngineClient engines, GenerationJournal journal, AnswerCloser closer, NpgsqlDataSource source, IHints hints,
    IOptions<GenerationOptions> options, IOptions<AnswersOptions> answers, ChatMetrics metrics, TimeProvider time,
    ILogger<GenerationRunner> logger) : ILeasedWork, IDisposable
{
    private static readonly ActivitySource Activities = new("Lyceum.ChatApi");

    private readonly GenerationOptions _options = options.Value;
    private readonly AnswersOptions _answers = answers.Value;
    private readonly ConcurrentDictionary<Guid, RunningGeneration> _running = new();
    private readonly ConcurrentDictionary<Guid, Task> _tasks = new();
    private readonly CancellationTokenSource _shutdown = new();
    private int _admitted;

    /// <summary>The generation if it runs in this replica; null otherwise (ended, elsewhere, or unknown).</summary>
    public RunningGeneration? Find(Guid messageId) => _running.GetValueOrDefault(messageId);

    /// <summary>
    /// Takes one of <see cref="GenerationOptions.MaxRunning"/> places; false when all are taken. A place taken is given
    /// back by <see cref="Start"/>'s end or by <see cref="GiveBack"/>.
    /// </summary>
    public bool TryAdmit()
    {
        if (!_shutdown.IsCancellationRequested && Interlocked.Increment(ref _admitted) <= _options.MaxRunning)
            return true;
        Interlocked.Decrement(ref _admitted);
        return false;
    }

    public void GiveBack() => Interlocked.Decrement(ref _admitted);

    /// <summary>Begins to write. Returns at once; the caller may read the result like any other reader.</summary>
    public RunningGeneration Start(GenerationOrder order)
    {
        var generation = new RunningGeneration(order.MessageId, order.ConversationId, order.Owner, order.Epoch, new AnswerText());
        _running[generation.Id] = generation;
        metrics.Started();
        // The trace goes on with the generation, not with the request: its span may outlive the request's.
        var parent = Activity.Current?.Context ?? default;
        _tasks[generation.Id] = Task.Run(() => RunAsync(generation, order, parent), CancellationToken.None);
        return generation;
    }

    private async Task RunAsync(RunningGeneration generation, GenerationOrder order, ActivityContext parent)
    {
        using var activity = Activities.StartActivity("generation", ActivityKind.Internal, parent);
        activity?.SetTag("lyceum.message_id", generation.Id);
        activity?.SetTag("lyceum.conversation_id", generation.ConversationId);
        try
        {
            var end = await WriteAsync(generation, order);
            await CloseAsync(generation, end);
            activity?.SetTag("lyceum.finish_reason", end.FinishReason);
        }
        catch (OperationCanceledException) when (generation.Fenced.IsCancellationRequested)
        {
            LogDropped(logger, generation.Id);
        }
        catch (Exception e)
        {
            // Not ended in the database: the row stays, and with this process' death or restart the sweep ends it.
            LogBroken(logger, e, generation.Id);
        }
        finally
        {
            _running.TryRemove(generation.Id, out _);
            _tasks.TryRemove(generation.Id, out _);
            GiveBack();
            metrics.Finished();
        }
    }

    /// <summary>Reads the engine's stream into the answer until it ends, for whatever reason; says which.</summary>
    private async Task<AnswerEnd> WriteAsync(RunningGeneration generation, GenerationOrder order)
    {
        var started = time.GetTimestamp();
        using var whole = new CancellationTokenSource(_answers.MaxDuration, time);
        using var wait = new CancellationTokenSource(_answers.FirstToken, time);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(
            whole.Token, wait.Token, _shutdown.Token, generation.Fenced);
        Usage? usage = null;
        string? finish = null;
        var first = true;
        try
        {
            await foreach (var item in engines.StreamAsync(order.Engine, order.Context, order.Tenant, order.Subject, any.Token))
            {
                usage = item.Usage ?? usage;
                finish = item.FinishReason ?? finish;
                if (item.Error is { } error)
                    return Failed(error, first, usage);
                if (item.Text is not { Length: > 0 } text)
                    continue;

                if (first)
                    metrics.FirstToken(time.GetElapsedTime(started));
                first = false;
                metrics.Delta();
                wait.CancelAfter(_answers.BetweenTokens);
                generation.Text.Append(text);
                journal.Enqueue(generation);
                if (generation.Text.Written >= _options.MaxAnswerBytes)
                    return new(AnswerStatus.Complete, FinishReasons.Length, usage);
                if (generation.Text.Written - generation.Text.Committed > _options.MaxUncommittedBytes)
                {
                    // A database that is away must not make a healthy engine look stalled.
                    wait.CancelAfter(Timeout.InfiniteTimeSpan);
                    await RoomAsync(generation, _options.MaxUncommittedBytes / 2, any.Token);
                    wait.CancelAfter(_answers.BetweenTokens);
                }
            }
            return finish is null
                ? Interrupted(FinishReasons.EngineLost, usage, "The engine's stream broke off before its end.")
                : new(AnswerStatus.Complete, finish, usage);
        }
        catch (OperationCanceledException) when (any.IsCancellationRequested)
        {
            generation.Fenced.ThrowIfCancellationRequested();
            if (_shutdown.IsCancellationRequested)
                return Interrupted(FinishReasons.Shutdown, usage, "The server that wrote this answer was shut down.");
            return TimedOut(whole.IsCancellationRequested ? FinishReasons.MaxDuration
                : first ? FinishReasons.FirstTokenTimeout : FinishReasons.TokenTimeout, usage);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or System.Text.Json.JsonException or FormatException)
        {
            LogEngineLost(logger, generation.Id, order.Engine, e.Message);
            return first
                ? Failed(new(503, "engine_unavailable", "The engine cannot be reached."), first, usage)
                : Interrupted(FinishReasons.EngineLost, usage, "The connection to the engine broke.");
        }
    }

    /// <summary>Waits until no more than <paramref name="uncommitted"/> bytes wait for their commit.</summary>
    private static async Task RoomAsync(RunningGeneration generation, int uncommitted, CancellationToken cancellationToken)
    {
        while (generation.Text.Written - generation.Text.Committed > uncommitted)
            await generation.NextCommitAsync(cancellationToken);
    }

    /// <summary>Waits for the last commit, then stores the end; repeats until it is stored or somebody else owns it.</summary>
    private async Task CloseAsync(RunningGeneration generation, AnswerEnd end)
    {
        await RoomAsync(generation, 0, generation.Fenced);
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                var length = await closer.CloseAsync(generation.Id, generation.Owner, generation.Epoch, end, generation.Fenced);
                if (length is { } stored)
                {
                    Ended(generation.Id, generation.ConversationId, end, stored);
                    generation.OnEnded(end);
                    return;
                }
                // Somebody else's, or closed by an attempt whose answer was lost: the database knows, readers go there.
                generation.OnFenced();
                generation.Fenced.ThrowIfCancellationRequested();
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                if (attempt == 0)
                    LogCloseRetry(logger, generation.Id, e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(attempt < 5 ? 100 : 1000), time, generation.Fenced);
            }
        }
    }

    private void Ended(Guid id, Guid conversationId, AnswerEnd end, int length)
    {
        metrics.Ended(end);
        if (end.Status == AnswerStatus.Complete)
            LogComplete(logger, id, conversationId, length, end.FinishReason);
        else
            LogPartial(logger, id, conversationId, length, end.FinishReason);
        hints.Publish(new ResponseFinished(id, conversationId, end.Status, length));
    }

    private static AnswerEnd Failed(EngineError error, bool first, Usage? usage) => error.Code switch
    {
        FinishReasons.FirstTokenTimeout or FinishReasons.TokenTimeout or FinishReasons.MaxDuration =>
            TimedOut(error.Code, usage),
        _ when first => new(AnswerStatus.Failed, FinishReasons.EngineError, usage, new(
            "about:blank", "The answer could not be generated.", error.Status is 0 ? 502 : error.Status, error.Message, error.Code)),
        _ => Interrupted(FinishReasons.EngineError, usage, error.Message),
    };

    private static AnswerEnd Interrupted(string reason, Usage? usage, string detail) =>
        new(AnswerStatus.Interrupted, reason, usage, new("about:blank", "The answer was interrupted.", 502, detail, reason));

    private static AnswerEnd TimedOut(string reason, Usage? usage) =>
        new(AnswerStatus.TimedOut, reason, usage, new("about:blank", "The answer took too long.", 504, reason switch
        {
            FinishReasons.MaxDuration => "The answer reached the longest time an answer may take.",
            FinishReasons.FirstTokenTimeout => "The model did not begin in time.",
            _ => "The model paused for too long.",
        }, reason));

    // --- ILeasedWork -------------------------------------------------------------------------------------------------

    /// <summary>What a dead owner was writing ends as <c>interrupted</c>, with everything that was shown.</summary>
    public async Task ClaimOrphansAsync(Guid owner, CancellationToken cancellationToken)
    {
        const string claim =
            """
            UPDATE generations g SET owner = $1, epoch = epoch + 1
            WHERE g.id IN (
                SELECT r.id FROM generations r
                WHERE r.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM owners o WHERE o.id = r.owner)
                LIMIT 500 FOR UPDATE SKIP LOCKED)
            RETURNING g.id, g.epoch, (SELECT m.conversation_id FROM messages m WHERE m.id = g.id)
            """;
        var claimed = new List<(Guid Id, int Epoch, Guid ConversationId)>();
        await using (var command = source.CreateCommand(claim))
        {
            command.Parameters.Add(new() { Value = owner });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                claimed.Add((reader.GetGuid(0), reader.GetInt32(1), reader.GetGuid(2)));
        }
        // Our own that nobody writes: a question whose commit was in doubt, a task that broke.
        await using (var command = source.CreateCommand(
            """
            SELECT g.id, g.epoch, m.conversation_id FROM generations g JOIN messages m ON m.id = g.id
            WHERE g.owner = $1 AND g.ended_at IS NULL AND g.started_at < clock_timestamp() - interval '5 seconds'
            """))
        {
            command.Parameters.Add(new() { Value = owner });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                if (!_running.ContainsKey(reader.GetGuid(0)))
                    claimed.Add((reader.GetGuid(0), reader.GetInt32(1), reader.GetGuid(2)));
            }
        }

        foreach (var (id, epoch, conversationId) in claimed)
        {
            var end = Interrupted(FinishReasons.OwnerLost, null, "The server that wrote this answer died.");
            if (await closer.CloseAsync(id, owner, epoch, end, cancellationToken) is { } length)
                Ended(id, conversationId, end, length);
        }
    }

    public void OnLeaseLost(Guid owner)
    {
        foreach (var (_, generation) in _running)
        {
            if (generation.Owner == owner)
                generation.OnFenced();
        }
    }

    // --- Shutdown ----------------------------------------------------------------------------------------------------

    /// <summary>Ends every running answer as <c>interrupted</c> with its part kept; returns when all ends are committed.</summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        await _shutdown.CancelAsync();
        await Task.WhenAll(_tasks.Values).WaitAsync(cancellationToken);
    }

    public void Dispose() => _shutdown.Dispose();

    [LoggerMessage(Level = LogLevel.Information, Message =
        "Answer saved: conversation={ConversationId} message={MessageId} length={Length} reason={Reason}")]
    private static partial void LogComplete(ILogger logger, Guid messageId, Guid conversationId, int length, string reason);

    // The line that operators look for: text that was cut short is there, how much, and why.
    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Partial answer saved: conversation={ConversationId} message={MessageId} length={Length} reason={Reason}")]
    private static partial void LogPartial(ILogger logger, Guid messageId, Guid conversationId, int length, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Answer {MessageId} is somebody else's now: dropped without a write")]
    private static partial void LogDropped(ILogger logger, Guid messageId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Generation {MessageId} broke")]
    private static partial void LogBroken(ILogger logger, Exception exception, Guid messageId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Engine {Engine} lost while writing {MessageId}: {Reason}")]
    private static partial void LogEngineLost(ILogger logger, Guid messageId, Uri engine, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "End of {MessageId} not stored yet, trying until it is: {Reason}")]
    private static partial void LogCloseRetry(ILogger logger, Guid messageId, string reason);
}
