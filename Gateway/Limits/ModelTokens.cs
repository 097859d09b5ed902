using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Limits;

/// <summary>Model tokens of one call, reserved before it and settled after it. Disposed unsettled, all of them count as used.</summary>
internal sealed class TokenReservation(BudgetCheck budgets, IReadOnlyList<Payment> paid, long reserved)
{
    private int _settled;

    /// <summary>Whether any budget is about this call; if not, its tokens need not be counted.</summary>
    public bool Counts => paid.Count > 0;

    /// <summary>Tokens that the call may use.</summary>
    public long Reserved => reserved;

    /// <summary>Once; later calls change nothing. Never called, as when the process dies: all that was reserved counts as used.</summary>
    /// <param name="used">Tokens of prompt and answer; 0 for a call that never came about.</param>
    public void Settle(long used)
    {
        if (Interlocked.Exchange(ref _settled, 1) == 0)
            budgets.Settle(paid, Math.Max(0, used));
    }
}

/// <summary>The budgets of model tokens, for what asks a model on a caller's account.</summary>
internal sealed class ModelTokens(LimitStage stage, BudgetCheck budgets)
{
    /// <summary>Tokens reserved for an answer whose request sets no bound.</summary>
    public int DefaultMaxTokens => stage.Current.DefaultMaxTokens;

    /// <summary>Whether this caller has a budget of model tokens.</summary>
    public bool IsLimited(HttpContext http) => RulesOf(http).Any(budget => budget.Rule.ModelTokens is not null);

    /// <param name="http">Of the caller.</param>
    /// <param name="upperBound">Tokens: <see cref="TokenEstimate"/> of the prompt, and as many as the answer may have.</param>
    /// <exception cref="ProblemException">429 <c>budget_exhausted</c>; 503 where that cannot be known.</exception>
    public async ValueTask<TokenReservation> ReserveAsync(HttpContext http, long upperBound)
    {
        var units = Math.Max(1, upperBound);
        var (paid, refused) = await budgets.ReserveAsync(http, RulesOf(http), BudgetUnit.ModelTokens, units);
        return refused is null ? new TokenReservation(budgets, paid, units) : throw stage.Count(refused);
    }

    private IEnumerable<(string Account, BudgetRule Rule)> RulesOf(HttpContext http) =>
        stage.Current is { HasBudgets: true } limits && http.User.Identity is CallerIdentity identity
            ? limits.BudgetsFor(LimitStage.KeyOf(identity), identity.Caller) : [];
}
