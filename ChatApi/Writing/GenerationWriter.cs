using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Images;
using Lyceum.ChatApi.Safety;
using Lyceum.Durability.Leases;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.Text.Moderation;
using Microsoft.Extensions.Options;

namespace Lyceum.ChatApi.Writing;

/// <summary>
/// Writes one answer from its engine's stream, until it ends for whatever reason. The engine keeps the generation too, under
/// the message's id: a broken connection is attached again behind what was written, and no token is generated twice. Only
/// while there is no text at all may the question go to another engine, or once more to the only one there is: at most
/// as often as <see cref="EngineTries"/> allows, and never before the failed engine's generation was freed and the next
/// engine recorded, so that no two write the same answer.
/// </summary>
public sealed partial class GenerationWriter(
    CompletionsClient engines, IJournal journal, GenerationRows rows, LeaseClock lease, Judges judges, ShownImages images,
    IOptions<GenerationOptions> options,
    IOptions<AnswersOptions> answers, ChatMetrics metrics, TimeProvider time, ILogger<GenerationWriter> logger)
{
    /// <summary>How long a lost engine is retried before the answer is interrupted.</summary>
    private static readonly TimeSpan EngineGrace = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Between two attempts at the only engine, while it restarts.</summary>
    private static readonly TimeSpan RestartPause = TimeSpan.FromMilliseconds(500);

    private readonly GenerationOptions _options = options.Value;
    private readonly AnswersOptions _answers = answers.Value;

    /// <summary>
    /// The answer's end, not stored yet, and everything it says is written, though perhaps not committed. Null when
    /// <paramref name="handOver"/> came first: the engine goes on.
    /// </summary>
    /// <exception cref="OperationCanceledException">Another replica owns the generation.</exception>
    public async Task<AnswerEnd?> WriteAsync(RunningGeneration generation, GenerationOrder order, CancellationToken handOver)
    {
        var left = _answers.MaxDuration - order.Elapsed;
        if (left <= TimeSpan.Zero)
            return AnswerEnd.TimedOut(FinishReasons.MaxDuration, order.Usage);
        using var whole = new CancellationTokenSource(left, time);
        using var wait = new CancellationTokenSource(order.Committed.Length == 0 ? _answers.FirstToken : _answers.BetweenTokens, time);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(
            whole.Token, wait.Token, handOver, generation.Stopped, generation.Fenced);
        var thinking = new AnswerThinking(generation, order, rows, _options.MaxThinkingBytes, time);
        var gate = order.Moderation is null
            ? null : new SentenceGate(judges.Of(order.Moderation, order.Tenant, order.Subject), order.Committed);
        var stream = new Stream(generation, order, wait, time.GetTimestamp(), thinking, gate) { Usage = order.Usage };
        try
        {
            return await WriteAsync(stream, any.Token);
        }
        catch (OperationCanceledException) when (any.IsCancellationRequested)
        {
            generation.Fenced.ThrowIfCancellationRequested();
            if (generation.Stopped.IsCancellationRequested)
                return AnswerEnd.Stopped(generation.StopReason, stream.Usage);
            if (handOver.IsCancellationRequested)
                return null;
            return AnswerEnd.TimedOut(whole.IsCancellationRequested ? FinishReasons.MaxDuration
                : stream is { IsEmpty: true, Thinking.Received: 0 } ? FinishReasons.FirstTokenTimeout
                : FinishReasons.TokenTimeout, stream.Usage);
        }
    }

    private async Task<AnswerEnd> WriteAsync(Stream stream, CancellationToken cancellationToken)
    {
        var (attach, asked, lost, restarts) = (stream.Order.Attach, false, 0L, false);
        var tries = engines.Tries(stream.Generation.Engine);
        while (true)
        {
            var before = stream.Received;
            // A replica that was suspended between recording and asking may have lost the answer: it waits until its lease is fresh.
            while (!attach && !lease.IsFresh)
                await Task.Delay(Pause, time, cancellationToken);
            asked |= !attach;
            var (end, fault) = await ReadAsync(stream, attach, cancellationToken);
            if (end is not null)
                return end;
            if (stream.Received > before)
                lost = 0;
            lost = lost == 0 ? time.GetTimestamp() : lost;
            if (fault is { Code: ErrorCodes.GenerationExists })
                fault = null; // asked already, by a request whose answer was lost
            if (fault is { Code: ErrorCodes.GenerationNotFound } && !asked && stream is { IsEmpty: true, Order.Context: not null })
            {
                (attach, lost) = (false, 0); // its former owner died before it asked: ask now, for the first time
                continue;
            }
            if (fault is null && time.GetElapsedTime(lost) > EngineGrace)
                fault = new(503, ErrorCodes.EngineUnavailable, "The engine cannot be reached.");

            if (fault is null)
            {
                // The stream broke, the generation may not have: ask the same engine for what comes next.
                attach = true;
                await Task.Delay(Pause, time, cancellationToken);
                continue;
            }
            if (!stream.IsEmpty || stream.Order.Context is null || !IsPassing(fault))
                return AnswerEnd.Failed(Explained(fault, stream.Order), stream.IsEmpty, stream.Usage);
            restarts |= fault.Code == ErrorCodes.Draining;
            if (!await MoveAsync(stream.Generation, stream.Order, tries, fault, cancellationToken))
            {
                // An engine that drained comes back, or another in its place: waited for as long as for a first token.
                if (!restarts || fault.Code is not (ErrorCodes.Draining or ErrorCodes.EngineUnavailable))
                    return AnswerEnd.Failed(Explained(fault, stream.Order), stream.IsEmpty, stream.Usage);
                await Task.Delay(RestartPause, time, cancellationToken);
                tries = engines.Tries(stream.Generation.Engine);
            }
            (attach, lost) = (false, 0);
            stream.Thinking.BeginAgain();
        }
    }

    /// <summary>Reads until the answer's end or a fault; neither where the stream broke off.</summary>
    private async Task<(AnswerEnd? End, EngineError? Fault)> ReadAsync(Stream stream, bool attach, CancellationToken cancellationToken)
    {
        var (generation, order) = (stream.Generation, stream.Order);
        stream.Gate?.Drop(); // what was held back comes again: it is not part of what was written
        string? finish = null;
        SharedBound.Held? place = null;
        try
        {
            var question = attach ? null : await QuestionAsync(order, generation.Engine, held => place = held, cancellationToken);
            if (question is null && !attach)
                return (null, new(422, ErrorCodes.VisionUnsupported, "The engine that was left to ask has a model that takes no images."));
            var events = attach
                ? engines.AttachAsync(
                    generation.Engine, generation.Id, generation.Text.Written, stream.Thinking.Received, order.Tenant, order.Subject,
                    cancellationToken)
                : engines.StreamAsync(
                    generation.Engine, generation.Id, question!, order.Tenant, order.Subject, cancellationToken);
            question = null; // it has megabytes, and the answer minutes
            await foreach (var item in events)
            {
                stream.Received++;
                if (item.Usage is { } counted)
                    stream.Usage = Usage.Of(counted).WithContextOf(order.Usage);
                finish = item.FinishReason ?? finish;
                if (item.Thinking is { } thought)
                {
                    stream.Wait.CancelAfter(_answers.BetweenTokens);
                    if (stream.Gate is null)
                        await stream.Thinking.AddAsync(thought, cancellationToken);
                    else
                        stream.Thinking.Skip(thought); // nobody judges it, so nobody sees it
                }
                if (item.Error is { } error)
                    return (null, error);
                if (item.Text is not { Length: > 0 } text)
                    continue;
                await stream.Thinking.StoreAsync(cancellationToken);
                if (stream.Gate is null)
                    await AppendAsync(stream, text, cancellationToken);
                else if (await PassAsync(stream, gate => gate.AddAsync(text, cancellationToken), cancellationToken) is { } withheld)
                    return (withheld, null);
                if (generation.Text.Written >= _options.MaxAnswerBytes)
                    return (new(AnswerStatus.Complete, FinishReasons.Length, stream.Usage), null);
            }
            await stream.Thinking.StoreAsync(cancellationToken);
            if (finish is null)
                return (null, null);
            if (stream.Gate is not null
                && await PassAsync(stream, gate => gate.FinishAsync(cancellationToken), cancellationToken) is { } rest)
                return (rest, null);
            return (new(AnswerStatus.Complete, finish, stream.Usage), null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or MalformedStreamException)
        {
            if (!attach || stream.Received > 0)
                LogEngineLost(logger, generation.Id, generation.Engine, e.Message);
            var neverAsked = !attach && EngineTries.IsUnreachable(e);
            return (null, neverAsked ? new(503, ErrorCodes.EngineUnavailable, "The engine cannot be reached.") : null);
        }
        finally
        {
            place?.Dispose();
        }
    }

    /// <summary>What the engine is asked. Its images are read now: whoever asks, before or after a takeover, shows the same.</summary>
    /// <returns>Null: the question itself has images, and the engine's model takes none. Of earlier ones it is told.</returns>
    private async Task<CompletionRequest?> QuestionAsync(
        GenerationOrder order, Uri engine, Action<SharedBound.Held> hold, CancellationToken cancellationToken)
    {
        var question = new CompletionRequest(order.Context!) { Stream = true, Passages = [.. order.Grounding?.Passages ?? []] };
        var shown = order.Context!.SelectMany(message => message.Images).ToList();
        if (shown.Count == 0)
            return question;
        if (!await images.AreTakenByAsync(engine, cancellationToken))
            return order.Context!.Last(message => message.Role == "user").Images.Count == 0 ? question : null;
        var place = await images.TakeAsync(order.Tenant, order.Subject, cancellationToken);
        hold(place);
        while (true)
        {
            try
            {
                return question with
                {
                    Images = await images.ReadAsync(order.Tenant, order.Subject, shown, cancellationToken), OnSent = place.Dispose,
                };
            }
            catch (Exception e) when (DatabaseFailures.Find(e) is not null)
            {
                await Task.Delay(Pause * 2, time, cancellationToken); // the bounds of the answer hold
            }
        }
    }

    /// <summary>
    /// Appends what the gate lets through, so that readers see nothing that was not judged. What it holds back is in no
    /// journal: whoever takes over reads it from the engine again, behind what is committed.
    /// </summary>
    /// <returns>The answer's end where the next sentence is withheld; else null.</returns>
    private async Task<AnswerEnd?> PassAsync(
        Stream stream, Func<SentenceGate, ValueTask<Passed>> next, CancellationToken cancellationToken)
    {
        stream.Wait.CancelAfter(Timeout.InfiniteTimeSpan); // a slow moderator, which has a bound of its own, is no silent engine
        var passed = await next(stream.Gate!);
        stream.Wait.CancelAfter(_answers.BetweenTokens);
        var refuses = passed.Unavailable && stream.Order.Moderation!.WhenUnavailable == WhenUnavailable.Refuse;
        if (passed.Unavailable && !refuses && !stream.Generation.Unjudged)
            await MarkUnjudgedAsync(stream.Generation, cancellationToken);
        if (passed.Text.Length > 0)
            await AppendAsync(stream, passed.Text, cancellationToken);
        return passed.Blocked is { } verdict ? AnswerEnd.Moderated(verdict, stream.Usage)
            : refuses ? AnswerEnd.Unmoderated(stream.Usage) : null;
    }

    private async Task MarkUnjudgedAsync(RunningGeneration generation, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                // Not held any more: what is appended is not committed either.
                await rows.MarkUnjudgedAsync(generation.Id, generation.Owner, generation.Epoch, cancellationToken);
                generation.Unjudged = true;
                return;
            }
            catch (Exception e) when (DatabaseFailures.Find(e) is not null)
            {
                await Task.Delay(Pause * 2, time, cancellationToken); // the bounds of the answer hold
            }
        }
    }

    private async Task AppendAsync(Stream stream, string text, CancellationToken cancellationToken)
    {
        var generation = stream.Generation;
        if (stream.IsEmpty)
            metrics.FirstToken(time.GetElapsedTime(stream.Started));
        metrics.Delta();
        stream.Wait.CancelAfter(_answers.BetweenTokens);
        generation.Text.Append(text);
        journal.Enqueue(generation);
        if (generation.Text.Written - generation.Text.Committed > _options.MaxUncommittedBytes)
        {
            // A database that is away must not make a healthy engine look stalled.
            stream.Wait.CancelAfter(Timeout.InfiniteTimeSpan);
            await generation.CommittedButAsync(_options.MaxUncommittedBytes / 2, cancellationToken);
            stream.Wait.CancelAfter(_answers.BetweenTokens);
        }
    }

    /// <summary>Frees the engine that failed and records the next one to ask; false where that makes no sense.</summary>
    private async Task<bool> MoveAsync(
        RunningGeneration generation, GenerationOrder order, EngineTries tries, EngineError fault,
        CancellationToken cancellationToken)
    {
        var failed = generation.Engine;
        if (!(fault.Status == StatusCodes.Status429TooManyRequests ? tries.MoveNext() : tries.MoveNextOrRepeat()))
            return false;
        var next = tries.Current;
        await engines.ForgetAsync(failed, generation.Id, order.Tenant, order.Subject);
        await Task.Delay(Pause, time, cancellationToken);
        while (next != failed)
        {
            try
            {
                if (!await rows.MoveAsync(generation.Id, generation.Owner, generation.Epoch, next, cancellationToken))
                    return false;
                break;
            }
            catch (Exception e) when (DatabaseFailures.Find(e) is DatabaseFailure.Data)
            {
                return false; // that engine cannot be recorded
            }
            catch (Exception e) when (DatabaseFailures.Find(e) is not null)
            {
                // A database that is away must not fail a question that an engine can still answer: the bounds of the answer hold.
                await Task.Delay(Pause * 2, time, cancellationToken);
            }
        }
        generation.Engine = next;
        metrics.Retried(fault.Code);
        LogRetried(logger, generation.Id, failed, next, fault.Code);
        return true;
    }

    /// <summary>Servers refuse images with any status and in any words: what the reader can do about it is said.</summary>
    private static EngineError Explained(EngineError fault, GenerationOrder order) =>
        fault.Status is >= 400 and not 429 && !fault.IsTimeout && order.Usage?.ContextImages > 0
        && fault.Code is not (ErrorCodes.EngineUnavailable or ErrorCodes.BudgetExhausted or ErrorCodes.GenerationNotFound)
            ? fault with
            {
                Message = $"{fault.Message} The model was shown images: if it takes none, ask without them in a new conversation, "
                    + "and have Llm:Vision set to false.",
            }
            : fault;

    /// <summary>Whether asking once more may help: not where the question itself, or a bound of time, is the reason.</summary>
    private static bool IsPassing(EngineError fault) => fault.Code == ErrorCodes.GenerationNotFound
        || (fault.Status is 0 or StatusCodes.Status429TooManyRequests or >= 500 && !fault.IsTimeout);

    /// <summary>What is known of one answer while it is written.</summary>
    /// <param name="Wait">Fires when the engine has been silent for too long.</param>
    /// <param name="Gate">Holds text back until it is judged; null: nothing is.</param>
    private sealed record Stream(
        RunningGeneration Generation, GenerationOrder Order, CancellationTokenSource Wait, long Started, AnswerThinking Thinking,
        SentenceGate? Gate)
    {
        public Usage? Usage { get; set; }
        public long Received { get; set; }
        public bool IsEmpty => Generation.Text.Written == 0;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Engine {Engine} lost while writing {MessageId}: {Reason}")]
    private static partial void LogEngineLost(ILogger logger, Guid messageId, Uri engine, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Generation {MessageId} retried at {Engine}: {Failed} failed with {Code}, nothing was shown")]
    private static partial void LogRetried(ILogger logger, Guid messageId, Uri failed, Uri engine, string code);
}
