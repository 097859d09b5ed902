using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Lyceum.EngineClient;
using Lyceum.Knowledge;
using Lyceum.Text;
using Lyceum.Text.Moderation;
using Microsoft.Extensions.Options;
using Microsoft.SemanticKernel;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>
/// Judges what a model writes for a person whose organisation or class has answers moderated, before anything is stored
/// or shown: by the same lists and models as a chat's answers. What is withheld is no answer to the question, so that
/// the model is asked again as for any other fault, and in the end whatever is made without a model takes its place.
/// </summary>
public sealed partial class ModelModeration(
    SafetyClient policies, ModerationClient engines, IOptions<ModelOptions> options, TimeProvider time,
    ILogger<ModelModeration> logger)
{
    /// <summary>Stands for what was withheld.</summary>
    public const string Withheld =
        "This was withheld: it is against the rules of your school. 这段内容违反学校的规定，已被拦截。";

    /// <summary>Persons whose policy is remembered; when there are more, all are forgotten.</summary>
    private const int MaxRemembered = 1000;

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(10);
    private readonly ConcurrentDictionary<(string Tenant, string Subject), (ModerationPolicy? Policy, long At)> _remembered = new();

    /// <returns>The answer, or one that says that it was withheld.</returns>
    /// <exception cref="ModelException">
    /// What holds for the person is not known, or a model that should judge cannot, and nothing unjudged is wanted.
    /// </exception>
    public async Task<ChatMessageContent> PassAsync(
        string tenant, string subject, ChatMessageContent answer, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(answer.Content)
            || await PolicyAsync(tenant, subject, cancellationToken) is not { Answers: true } policy)
            return answer;
        var gate = new SentenceGate(new Judge(policy, new EngineJudge(this, tenant, subject)));
        // Sentence by sentence, as a model judges no more at once.
        var (first, rest) = (
            await gate.AddAsync(Decoded(answer.Content), cancellationToken), await gate.FinishAsync(cancellationToken));
        if ((first.Blocked ?? rest.Blocked) is { } verdict)
        {
            LogWithheld(logger, subject, verdict.Category, verdict.By);
            return new(answer.Role, Withheld, answer.ModelId, metadata: answer.Metadata);
        }
        return (first.Unavailable || rest.Unavailable) && policy.WhenUnavailable == WhenUnavailable.Refuse
            ? throw new ModelException("What the model wrote is to be checked, and the check is not available.")
            : answer;
    }

    private async ValueTask<ModerationPolicy?> PolicyAsync(string tenant, string subject, CancellationToken cancellationToken)
    {
        if (_remembered.TryGetValue((tenant, subject), out var known) && time.GetElapsedTime(known.At) < Fresh)
            return known.Policy;
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(options.Value.PolicyTimeout);
        try
        {
            var policy = await policies.IsThereAsync(bound.Token)
                ? (await policies.PolicyOfAsync(tenant, subject, null, bound.Token)).Moderation
                : null; // no SessionApi, so nobody has a policy
            if (_remembered.Count >= MaxRemembered)
                _remembered.Clear();
            _remembered[(tenant, subject)] = (policy, time.GetTimestamp());
            return policy;
        }
        catch (Exception e) when (e is HttpRequestException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new ModelException("The rules of the person's school cannot be looked up at the moment.", e);
        }
    }

    /// <summary>With the characters that JSON writes as escapes: a word must not hide in them.</summary>
    private static string Decoded(string text) => text.Contains("\\u", StringComparison.Ordinal)
        ? StorableText.Of(Escape().Replace(text, match => ((char)int.Parse(
            match.Groups["code"].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToString()))
        : text;

    private async Task<IReadOnlyList<string>?> FlagsAsync(
        ModerationBy by, string text, string tenant, string subject, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(options.Value.JudgeTimeout);
        var flags = await engines.FlagsAsync(
            by == ModerationBy.Guard ? ModerationClient.Guard : null, text, tenant, subject, bound.Token);
        cancellationToken.ThrowIfCancellationRequested();
        return flags;
    }

    private sealed class EngineJudge(ModelModeration moderation, string tenant, string subject) : IModelJudge
    {
        public Task<IReadOnlyList<string>?> FlagsAsync(
            ModerationBy by, Side side, string text, CancellationToken cancellationToken) =>
            moderation.FlagsAsync(by, text, tenant, subject, cancellationToken);
    }

    [GeneratedRegex(@"\\u(?<code>[0-9A-Fa-f]{4})", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Escape();

    [LoggerMessage(Level = LogLevel.Information, Message = "What a model wrote for {Subject} was withheld: {Category}, by {By}")]
    private static partial void LogWithheld(ILogger logger, string subject, string category, ModerationBy by);
}
