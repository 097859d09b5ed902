using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Lyceum.GpuEngine.Charging;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.Moderation;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.Text;
using Lyceum.Text.Moderation;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions.Turns;

/// <summary>
/// Writes turns, each in a task of its own: finds passages, then asks the model; the session records each piece.
/// </summary>
internal sealed partial class TurnWriter(
    IChatModel model, CompletionSlots slots, IRetrieval retrieval, ModelCharges charges, Moderators moderators,
    SessionPolicies policies, TurnMetrics metrics, EngineMetrics engine, IOptions<LiveSessionOptions> options,
    IOptions<AnswersOptions> answers, TimeProvider time, ILogger<TurnWriter> log)
{
    /// <summary>Begins; the task ends when the turn has freed what it occupied, and never fails.</summary>
    public Task Start(TurnSequence turns, Turn turn)
    {
        // Without the execution context of the request or socket that brought the message.
        using (ExecutionContext.SuppressFlow())
            return Task.Run(() => RunAsync(turns, turn), CancellationToken.None);
    }

    private async Task RunAsync(TurnSequence turns, Turn turn)
    {
        using var activity = EngineMetrics.Activities.StartActivity("session turn");
        activity?.SetTag("lyceum.session_id", turns.Setup.Id).SetTag("lyceum.turn", turn.Number);
        using var bounds = new AnswerBounds(answers.Value, time, turn.Token);
        var outcome = "complete";
        try
        {
            await WriteAsync(turns, turn, bounds);
        }
        catch (Exception) when (turn.Token.IsCancellationRequested)
        {
            outcome = "interrupted"; // its end was published by what cancelled it
        }
        catch (Exception e)
        {
            var error = bounds.Explain(e);
            outcome = error.Code;
            activity?.SetStatus(ActivityStatusCode.Error, error.Code);
            LogFailed(log, ApiException.CauseOf(e), turns.Setup.Id, turn.Number, error.Code, error.Message);
            turns.Fail(turn, error.Code, error.Message);
        }
        metrics.Ended(outcome);
    }

    private async Task WriteAsync(TurnSequence turns, Turn turn, AnswerBounds bounds)
    {
        using var slot = slots.Take(turns.Setup.Sharer, isOfSession: true);
        var payer = new Payer(turns.Setup.Tenant, turns.Setup.Owner);
        var judge = await policies.CurrentAsync(turns.Setup.Policy, bounds.Token) is { } policy
            ? new Judge(policy, moderators.For(payer, turns.Setup.Sharer))
            : null;
        if (judge is not null && !await MayBeAskedAsync(turns, turn, judge, bounds.Token))
            return;
        var passages = await SearchAsync(turns, turn, bounds);
        var searched = bounds.Elapsed;
        var request = Request(turns.Prompt(), passages);
        var id = await model.ResolveAsync(null, bounds.Token);

        using var charge = await charges.ReserveAsync(payer, request, bounds.Token);
        charge.Model = id;

        TimeSpan? firstToken = null;
        var last = default(ChatDelta);
        var thoughts = new Thoughts(turns, turn, time, options.Value.MaxAnswerBytes);
        var answer = new Spoken(turns, turn, judge is { Policy.Answers: true } ? new SentenceGate(judge) : null, judge?.Policy);
        await using var deltas = model.AnswerAsync(request, id, bounds.Token).GetAsyncEnumerator(bounds.Token);
        while (await bounds.WaitAsync(deltas.MoveNextAsync()))
        {
            last = deltas.Current;
            if (last.Text.Length == 0 && last.Thinking is null)
                continue;
            if (bounds.TokenArrived())
            {
                firstToken = bounds.Elapsed;
                engine.FirstToken(bounds.Elapsed);
            }
            engine.Tokens(1);
            charge.Answered(1);
            if (answer.IsOpen)
                thoughts.Add(last.Thinking); // else nobody judges it, so nobody sees it
            if (last.Text.Length == 0)
                continue;
            thoughts.Show();
            if (await answer.SayAsync(last.Text, options.Value.MaxAnswerBytes, bounds.Token) is { } ended)
            {
                last = last with { FinishReason = ended };
                break;
            }
        }
        if (!answer.IsEnded && await answer.FinishAsync(options.Value.MaxAnswerBytes, bounds.Token) is { } withheld)
            last = last with { FinishReason = withheld };
        thoughts.Show();
        charge.Usage = last.Usage;
        var citations = Citations.In(turn.Said, passages);
        turns.Finish(turn, new TurnEnd(last.FinishReason ?? "stop", citations, searched, firstToken, last.Usage));
    }

    /// <summary>Judges the question, and shows the help where it has signs of self-harm; false: no model is asked.</summary>
    private static async Task<bool> MayBeAskedAsync(TurnSequence turns, Turn turn, Judge judge, CancellationToken cancel)
    {
        if (!judge.Policy.JudgesQuestions)
            return true;
        var judgement = await judge.JudgeAsync(Side.Question, "", turn.Asked.Text, cancel);
        if (judgement.Sign is { } sign && judge.Policy.Help is { } help)
            turns.Help(turn, help, sign);
        if (judgement.Blocked is { } verdict)
        {
            turns.Withhold(turn, "refused", verdict);
            turns.Refuse(turn, ErrorCodes.QuestionRefused, "The question is against the rules of your school, and no model was asked.");
            return false;
        }
        if (!judgement.Unavailable || !judge.Policy.Questions)
            return true;
        if (judge.Policy.WhenUnavailable == WhenUnavailable.Refuse)
        {
            turns.Refuse(turn, ErrorCodes.ModerationUnavailable,
                "Your school has questions checked before they are asked, and the check is not available. Try again later.");
            return false;
        }
        turns.Warn(ErrorCodes.ModerationUnavailable);
        return true;
    }

    /// <summary>What of an answer is said, so recorded, shown and spoken: what its gate lets through, where it has one.</summary>
    private sealed class Spoken(TurnSequence turns, Turn turn, SentenceGate? gate, ModerationPolicy? policy)
    {
        private bool _warned;

        /// <summary>Nothing is judged.</summary>
        public bool IsOpen => gate is null;

        /// <summary>Nothing more may be said.</summary>
        public bool IsEnded { get; private set; }

        /// <returns>The answer's finish reason where it ends here; else null.</returns>
        public async ValueTask<string?> SayAsync(string text, int mostBytes, CancellationToken cancel) =>
            await PassAsync(gate is null ? new Passed(text) : await gate.AddAsync(text, cancel), mostBytes, cancel);

        /// <inheritdoc cref="SayAsync"/>
        public async ValueTask<string?> FinishAsync(int mostBytes, CancellationToken cancel) =>
            gate is null ? null : await PassAsync(await gate.FinishAsync(cancel), mostBytes, cancel);

        private async ValueTask<string?> PassAsync(Passed passed, int mostBytes, CancellationToken cancel)
        {
            var refuses = passed.Unavailable && policy!.WhenUnavailable == WhenUnavailable.Refuse;
            if (passed.Unavailable && !_warned)
            {
                turns.Warn(ErrorCodes.ModerationUnavailable); // before what nobody judged
                _warned = true;
            }
            // A piece may be as large as a whole answer.
            var text = Utf8Text.Truncate(passed.Text, mostBytes - turn.SaidBytes);
            if (text.Length > 0)
            {
                await turn.Room.WaitAsync(cancel); // a slow disk slows the model
                turns.Say(turn, text);
            }
            if (passed.Blocked is { } verdict)
                turns.Withhold(turn, "blocked", verdict);
            var reason = text.Length < passed.Text.Length ? "length" : passed.Blocked is not null ? "moderated"
                : refuses ? ErrorCodes.ModerationUnavailable : null;
            IsEnded = reason is not null;
            return reason;
        }
    }

    /// <summary>A turn's reasoning, recorded and shown once a second at most: nobody reads it token by token.</summary>
    private sealed class Thoughts(TurnSequence turns, Turn turn, TimeProvider time, int most)
    {
        private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

        private readonly StringBuilder _pending = new();
        private long? _shown;
        private int _length;

        public void Add(string? thought)
        {
            // What is beyond the bound is neither kept nor counted.
            if (string.IsNullOrEmpty(thought) || (_length += Encoding.UTF8.GetByteCount(thought)) > most)
                return;
            _pending.Append(thought);
            if (_shown is not { } at || time.GetElapsedTime(at) >= Every)
                Show();
        }

        public void Show()
        {
            if (_pending.Length == 0)
                return;
            turns.Think(turn, _pending.ToString());
            _pending.Clear();
            _shown = time.GetTimestamp();
        }
    }

    private async Task<IReadOnlyList<GivenPassage>> SearchAsync(TurnSequence turns, Turn turn, AnswerBounds bounds)
    {
        if (turns.Setup.Retrieval is not { } source)
            return [];
        var found = await retrieval.SearchAsync(source, turn.Asked.Text, bounds.Token);
        if (found is null)
            turns.Warn("retrieval_unavailable");
        return found ?? [];
    }

    private static ChatRequest Request(IReadOnlyList<ChatMessage> messages, IReadOnlyList<GivenPassage> passages)
    {
        var body = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteBoolean("stream", true);
            json.WriteStartObject("stream_options");
            json.WriteBoolean("include_usage", true);
            json.WriteEndObject();
            json.WriteStartArray("messages");
            foreach (var message in messages)
            {
                json.WriteStartObject();
                json.WriteString("role", message.Role);
                json.WriteString("content", message.Text);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return new ChatRequest { Messages = messages, Stream = true, IncludeUsage = true, Passages = passages, Body = body.WrittenMemory };
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Turn {Turn} of session {Session} failed with {Code}: {Reason}")]
    private static partial void LogFailed(
        ILogger log, Exception? cause, string session, int turn, string code, string reason);
}
