using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// Owners set what their tenant and its people may use of models, and see what was used; scope <c>budgets</c>.
/// </summary>
internal static class BudgetApi
{
    private const long MostTokens = 1_000_000_000_000_000;
    private const int MostBudgets = 1000;
    private const int MostRows = 1000;
    private const int MaxPerson = 200;

    public static void MapBudgets(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/budgets").RequireScope(Scopes.Budgets).WithTags("usage")
            .WithMetadata(FreeOfLimits.Instance);
        group.MapGet("", ListAsync);
        group.MapPut("", SetAsync).Fails(409, ErrorCodes.LimitReached);
        group.MapDelete("", RemoveAsync).Fails(404, ErrorCodes.NotFound);
        group.MapGet("use", UseAsync);
    }

    /// <summary>The budgets that the tenant's owner set, with what is used of them in the present period.</summary>
    private static async Task<Ok<SetBudgets>> ListAsync(
        Caller caller, TenantBudgets budgets, BudgetStore store, ReplicaBudgets replica, LimitStage stage, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var set = budgets.Of(caller.Tenant).OrderBy(budget => budget.Key, StringComparer.Ordinal).ToList();
        var counted = set.Where(budget => budget.Key != TenantBudget.Everyone).Select(budget => (
            Account: new BudgetAccount(TenantBudgets.AccountOf(caller.Tenant, budget.Key), BudgetUnit.ModelTokens),
            Period: BudgetSpan.Of(budget.Value.Period, time.GetUtcNow()).Name)).ToList();
        var taken = counted.Count == 0 ? [] : await store.TakenAsync(counted, cancellationToken);
        var used = counted.Zip(taken, (budget, all) => (budget.Account, Used: Math.Max(0, all - replica.Unspent(budget.Account, budget.Period))))
            .ToDictionary(budget => budget.Account.Account, budget => budget.Used);
        return TypedResults.Ok(new SetBudgets([.. set.Select(budget => new SetBudget(
            budget.Key.Length == 0 ? null : budget.Key, budget.Value.ModelTokens!.Value, budget.Value.Period,
            used.TryGetValue(TenantBudgets.AccountOf(caller.Tenant, budget.Key), out var sum) ? sum : null))],
            stage.Current.StudentRule?.ModelTokens));
    }

    /// <summary>
    /// Sets a budget of model tokens: the tenant's, a person's, or that of everybody who has none of their own.
    /// </summary>
    private static async Task<NoContent> SetAsync(
        BudgetChange change, Caller caller, TenantBudgets budgets, CancellationToken cancellationToken)
    {
        var person = PersonOf(change.Person);
        if (change.ModelTokens is not (>= 0 and <= MostTokens and var tokens))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"model_tokens must be 0 to {MostTokens}.");
        if (!await budgets.SetAsync(caller, person, tokens, change.Period, MostBudgets, cancellationToken))
            throw new ProblemException(
                409, ErrorCodes.LimitReached, $"A tenant may have {MostBudgets} budgets; delete one first.");
        return TypedResults.NoContent();
    }

    /// <summary>Removes a budget: <paramref name="person"/> as it was set, absent for the tenant's.</summary>
    private static async Task<NoContent> RemoveAsync(
        Caller caller, TenantBudgets budgets, CancellationToken cancellationToken, string? person = null) =>
        await budgets.RemoveAsync(caller.Tenant, PersonOf(person), cancellationToken)
            ? TypedResults.NoContent()
            : throw new ProblemException(404, ErrorCodes.NotFound, "There is no such budget.");

    /// <summary>
    /// What the tenant's people used of each model from one day to another (UTC, both included; absent: this month),
    /// the largest first, at most 1,000; with its price where the operator configured one.
    /// </summary>
    private static async Task<Ok<TenantUse>> UseAsync(
        Caller caller, ModelUse use, LimitStage stage, TimeProvider time, CancellationToken cancellationToken,
        DateOnly? from = null, DateOnly? to = null)
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        var (first, last) = (from ?? new DateOnly(today.Year, today.Month, 1), to ?? today);
        var prices = stage.Current.Prices;
        var rows = await use.SumAsync(caller.Tenant, first, last, MostRows, cancellationToken);
        return TypedResults.Ok(new TenantUse(first, last, prices?.Currency, [.. rows.Select(row => new PersonUse(
            row.Person, row.Model, row.Calls, row.Prompt, row.Completion, prices?.Of(row.Model, row.Prompt, row.Completion)))]));
    }

    private static string PersonOf(string? person)
    {
        if (person is null)
            return TenantBudget.Whole;
        if (person.Length is 0 or > MaxPerson || person.Any(char.IsControl) || !IsText(person))
            throw new ProblemException(
                400, ErrorCodes.InvalidRequest, $"person must have 1 to {MaxPerson} characters; * is everybody.");
        return person;
    }

    private static bool IsText(string text) => text.EnumerateRunes().All(rune => rune.Value != '\uFFFD');
}

/// <param name="Person">
/// Whose it is: a subject, <c>*</c> for everybody who has none; absent: the tenant's as a whole.
/// </param>
/// <param name="ModelTokens">Of prompts and answers, in a period; 0 lets no model be asked.</param>
internal sealed record BudgetChange(long? ModelTokens, BudgetPeriod Period = BudgetPeriod.Month, string? Person = null);

/// <param name="Used">With what running calls have reserved; null for <c>*</c>, of which everybody has one.</param>
internal sealed record SetBudget(string? Person, long ModelTokens, BudgetPeriod Period, long? Used);

/// <param name="StudentDailyTokens">What each student has a day whom no budget here is for; null: no such bound.</param>
internal sealed record SetBudgets(IReadOnlyList<SetBudget> Budgets, long? StudentDailyTokens);

/// <param name="Cost">In the currency of the list; null: no price is configured for this model.</param>
internal sealed record PersonUse(
    string Person, string Model, long Calls, long PromptTokens, long CompletionTokens, decimal? Cost);

/// <param name="Currency">Null: no prices are configured.</param>
internal sealed record TenantUse(DateOnly From, DateOnly To, string? Currency, IReadOnlyList<PersonUse> Use);
