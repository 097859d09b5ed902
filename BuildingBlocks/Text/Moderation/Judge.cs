namespace Lyceum.Text.Moderation;

/// <summary>Who wrote the text that is judged.</summary>
public enum Side { Question, Answer }

/// <summary>Why a text is not shown, or a person needs help.</summary>
/// <param name="By">What said so.</param>
/// <param name="Category">See <see cref="Categories"/>.</param>
/// <param name="Quote">The word that was found, or the text that the model judged; bounded.</param>
public sealed record Verdict(ModerationBy By, string Category, string Quote)
{
    /// <summary>Characters of <see cref="Quote"/>, at most.</summary>
    public const int MaxQuote = 500;
}

/// <summary>What came of judging a text.</summary>
/// <param name="Blocked">Why it must not be shown; null: it may be.</param>
/// <param name="Sign">Signs of self-harm in a question; null: none.</param>
/// <param name="Unavailable">A model that should judge it could not.</param>
public readonly record struct Judgement(Verdict? Blocked = null, Verdict? Sign = null, bool Unavailable = false);

/// <summary>Asks a model for the categories that a text is flagged for.</summary>
public interface IModelJudge
{
    /// <returns>None: the text may be shown. Null: the model could not be asked, or not in time.</returns>
    Task<IReadOnlyList<string>?> FlagsAsync(ModerationBy by, Side side, string text, CancellationToken cancellationToken);
}

/// <summary>Judges texts under one policy: by the word lists first, which cost nothing, then by each model it names.</summary>
/// <param name="model">Null: none can be asked, which the policy says what to do about.</param>
public sealed class Judge(ModerationPolicy policy, IModelJudge? model)
{
    private readonly WordList? _school = policy.Words.Count == 0 ? null : WordList.Of(policy.Words.Take(ModerationPolicy.MaxWords));

    public ModerationPolicy Policy => policy;

    /// <param name="before">What stands before it and was judged: a word may begin there.</param>
    public async ValueTask<Judgement> JudgeAsync(Side side, string before, string text, CancellationToken cancellationToken)
    {
        var moderates = side == Side.Question ? policy.Questions : policy.Answers;
        var seen = Words(side, before, text, moderates);
        if (seen.Blocked is not null || (!moderates && seen.Sign is not null))
            return seen;
        if (string.IsNullOrWhiteSpace(text))
            return seen;
        var judgement = seen;
        foreach (var by in policy.By)
        {
            if (by == ModerationBy.Words)
                continue;
            var flags = model is null ? null : await model.FlagsAsync(by, side, before + text, cancellationToken);
            if (flags is null)
                judgement = judgement with { Unavailable = true };
            foreach (var category in flags ?? [])
            {
                judgement = Weigh(judgement, side, new(by, category, Quote(text)), moderates);
                if (judgement.Blocked is not null)
                    return judgement;
            }
        }
        return judgement;
    }

    private Judgement Words(Side side, string before, string text, bool moderates)
    {
        var judgement = default(Judgement);
        foreach (var match in WordList.Shipped.Find(before, text).Concat(_school?.Find(before, text) ?? []))
        {
            judgement = Weigh(judgement, side, new(ModerationBy.Words, match.Category, match.Term), moderates);
            if (judgement.Blocked is not null)
                break;
        }
        return judgement;
    }

    private Judgement Weigh(Judgement before, Side side, Verdict verdict, bool moderates)
    {
        if (side == Side.Question && Categories.IsSign(verdict.Category))
        {
            var sign = policy.Help is null && !policy.BlockSelfHarm ? null : before.Sign ?? verdict;
            return before with { Sign = sign, Blocked = policy.BlockSelfHarm ? verdict : before.Blocked };
        }
        if (!moderates || (side == Side.Answer && Categories.MayBeAnswered(verdict.Category)))
            return before;
        return before with { Blocked = before.Blocked ?? verdict };
    }

    private static string Quote(string text) => StorableText.Truncate(text.Trim(), Verdict.MaxQuote);
}
