using System.Collections.Frozen;
using Lyceum.EngineClient;
using Lyceum.Gateway.Auth.Credentials;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// Model tokens of one call, reserved before it and settled when this is disposed. If it is not disposed, because the
/// process dies, all of them count as used.
/// </summary>
internal sealed class TokenReservation(BudgetCheck budgets, IReadOnlyList<Payment> paid, long promptBytes) : IDisposable
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
internal sealed class ModelTokens(
    LimitStage stage, BudgetCheck budgets, ReplicaBudgets replica, CredentialStore credentials, ModelUse use, Students students)
{
    /// <summary>Whether this caller has a budget of model tokens.</summary>
    public bool IsLimited(HttpContext http) => RulesOf(http).Any(budget => budget.Rule.ModelTokens is not null);

    /// <param name="http">Of the caller.</param>
    /// <param name="promptBytes">Of the prompt's text, in UTF-8.</param>
    /// <param name="maxTokens">Tokens that the answer may have; null: the default of the settings.</param>
    /// <exception cref="ProblemException">429 <c>budget_exhausted</c>; 503 if the database does not answer.</exception>
    public async ValueTask<TokenReservation> ReserveAsync(HttpContext http, long promptBytes, long? maxTokens)
    {
        var units = Units(promptBytes, maxTokens);
        var (paid, refused) = await budgets.ReserveAsync(http, RulesOf(http), BudgetUnit.ModelTokens, units);
        return refused is null ? new TokenReservation(budgets, paid, promptBytes) : throw stage.Count(refused);
    }

    /// <summary>For a call that the gateway does not see: whoever makes it settles it.</summary>
    /// <exception cref="ProblemException">As above.</exception>
    public async ValueTask<ChargeGrant> ReserveAsync(HttpContext http, ChargeRequest request)
    {
        var rules = await RulesOfAsync(request.Tenant, request.Person, http.RequestAborted);
        if (rules.Count == 0)
            return new(false, []);
        var units = Units(request.PromptBytes, request.MaxTokens);
        var (paid, refused) = await budgets.ReserveAsync(http, rules, BudgetUnit.ModelTokens, units);
        return refused is null
            ? new(true, [.. paid.Select(one => new ChargedUnits(one.Budget.Account.Account, one.Period.Name, one.Units))])
            : throw stage.Count(refused);
    }

    /// <summary>What was taken for such a call, less what it used. At any replica; at most once.</summary>
    public void Settle(ChargeSettlement settlement)
    {
        var (prompt, completion) = (Math.Max(0, settlement.PromptTokens), Math.Max(0, settlement.CompletionTokens));
        foreach (var taken in settlement.Taken)
        {
            var budget = replica.Get(new BudgetAccount(taken.Account, BudgetUnit.ModelTokens));
            var period = new BudgetSpan(taken.Period, DateTimeOffset.MinValue, DateTimeOffset.MaxValue);
            replica.GiveBack(budget, taken.Units - prompt - completion, period);
        }
        if (prompt + completion > 0)
            use.Count(settlement.Tenant, settlement.Person, settlement.Model, prompt, completion);
    }

    /// <summary>
    /// Before work that will ask a model is accepted: whether a token is left. The calls themselves are charged when
    /// they are made.
    /// </summary>
    /// <returns>The problem to answer; null: there is.</returns>
    public async ValueTask<ProblemException?> CheckAsync(HttpContext http)
    {
        if (!IsLimited(http))
            return null;
        var (paid, refused) = await budgets.ReserveAsync(http, RulesOf(http), BudgetUnit.ModelTokens, 1);
        budgets.Settle(paid, used: 0);
        return refused is null ? null : stage.Count(refused);
    }

    private long Units(long promptBytes, long? maxTokens) =>
        Math.Max(1, TokenEstimate.AtMost(Math.Max(0, promptBytes))
            + Math.Max(0, maxTokens ?? stage.Current.DefaultMaxTokens));

    /// <summary>
    /// Services know a person, not the credential that was shown: an API token is found by its subject, else it is
    /// somebody who signed in.
    /// </summary>
    private async ValueTask<List<(string Account, BudgetRule Rule)>> RulesOfAsync(
        string tenant, string person, CancellationToken cancellationToken)
    {
        if (!stage.Current.HasModelBudgets)
            return [];
        var credential = credentials.Current.Current.FirstOrDefault(
            one => one.Caller.Tenant == tenant && one.Caller.Subject == person);
        var key = credential?.Id ?? $"user:{tenant}/{person}";
        var isStudent = credential is null && stage.Current.StudentRule is not null
            && await students.IsStudentAsync(tenant, person, cancellationToken);
        var caller = new Caller(tenant, person, CallerKind.User, FrozenSet<string>.Empty) { Role = isStudent ? Role.Student : null };
        return [.. stage.Current.BudgetsFor(key, caller).Where(budget => budget.Rule.ModelTokens is not null)];
    }

    private IEnumerable<(string Account, BudgetRule Rule)> RulesOf(HttpContext http) =>
        stage.Current is { HasModelBudgets: true } limits && http.User.Identity is CallerIdentity identity
            ? limits.BudgetsFor(LimitStage.KeyOf(identity), identity.Caller) : [];
}
