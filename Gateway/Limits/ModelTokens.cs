using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// Model tokens of one call, reserved before it and settled when this is disposed. If it is not disposed, because the
/// process dies, all of them count as used.
/// </summary>
internal sealed class TokenReservation(BudgetCheck budgets, IReadOnlyList<Payment> paid, long reserved, long promptBytes) : IDisposable
{
    private long _answerBytes;
    private long? _counted;
    private bool _answered;
    private int _settled;

    /// <summary>Counts a part of the answer, and the usage that the model reports. One thread at a time.</summary>
    /// <param name="answerBytes">Of text, in UTF-8.</param>
    /// <param name="counted">Tokens of prompt and answer; null: not reported.</param>
    public void Answered(long answerBytes, long? counted)
    {
        _answered = true;
        _answerBytes += answerBytes;
        _counted = counted ?? _counted;
    }

    /// <summary>The usage cannot be read here: the whole reservation counts as used.</summary>
    public void Unseen() => Answered(0, reserved);

    /// <summary>
    /// By the model's count, else by the length of prompt and answer; a call without an answer used none.
    /// </summary>
    public void Dispose()
    {
        if (paid.Count > 0 && Interlocked.Exchange(ref _settled, 1) == 0)
            budgets.Settle(paid, !_answered ? 0 : _counted ?? TokenEstimate.Likely(promptBytes) + TokenEstimate.Likely(_answerBytes));
    }
}

/// <summary>The budgets of model tokens, for calls to a model on behalf of a caller.</summary>
internal sealed class ModelTokens(LimitStage stage, BudgetCheck budgets)
{
    /// <summary>Whether this caller has a budget of model tokens.</summary>
    public bool IsLimited(HttpContext http) => RulesOf(http).Any(budget => budget.Rule.ModelTokens is not null);

    /// <param name="http">Of the caller.</param>
    /// <param name="promptBytes">Of the prompt's text, in UTF-8.</param>
    /// <param name="maxTokens">Tokens that the answer may have; null: the default of the settings.</param>
    /// <exception cref="ProblemException">429 <c>budget_exhausted</c>; 503 if the database does not answer.</exception>
    public async ValueTask<TokenReservation> ReserveAsync(HttpContext http, long promptBytes, long? maxTokens)
    {
        var units = Math.Max(1, TokenEstimate.AtMost(promptBytes) + (maxTokens ?? stage.Current.DefaultMaxTokens));
        var (paid, refused) = await budgets.ReserveAsync(http, RulesOf(http), BudgetUnit.ModelTokens, units);
        return refused is null ? new TokenReservation(budgets, paid, units, promptBytes) : throw stage.Count(refused);
    }

    private IEnumerable<(string Account, BudgetRule Rule)> RulesOf(HttpContext http) =>
        stage.Current is { HasBudgets: true } limits && http.User.Identity is CallerIdentity identity
            ? limits.BudgetsFor(LimitStage.KeyOf(identity), identity.Caller) : [];
}
