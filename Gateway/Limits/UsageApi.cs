using Lyceum.ServiceDefaults.Auth;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Gateway.Limits;

/// <summary>The usage of budgets. These requests count towards no limit.</summary>
internal static class UsageApi
{
    private const string Own = "/api/usage";
    private const int MostRows = 1000;

    public static void MapUsage(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Own, OfCaller).RequireAuthorization().WithTags("usage").WithMetadata(FreeOfLimits.Instance);
        routes.MapGet("/api/usage/all", OfAll).RequireScope(Scopes.Ops).WithTags("usage")
            .WithMetadata(FreeOfLimits.Instance);
    }

    /// <summary>The budgets that apply to the caller, as they are now.</summary>
    private static async Task<Ok<UsageList>> OfCaller(
        HttpContext http, LimitStage stage, BudgetStore store, ReplicaBudgets replica,
            TimeProvider time, CancellationToken cancellationToken)
    {
        var identity = (CallerIdentity)http.User.Identity!;
        var now = time.GetUtcNow();
        var budgets = stage.Current.BudgetsFor(LimitStage.KeyOf(identity), identity.Caller)
            .SelectMany(budget => new[] { BudgetUnit.Requests, BudgetUnit.ModelTokens }
                .Where(unit => budget.Rule.LimitOf(unit) is not null)
                .Select(unit => (Account: new BudgetAccount(budget.Account, unit), Limit: budget.Rule.LimitOf(unit)!.Value, Period: BudgetSpan.Of(budget.Rule.Period, now))))
            .ToList();
        if (budgets.Count == 0)
            return TypedResults.Ok(new UsageList([]));
        var taken = await store.TakenAsync([.. budgets.Select(budget => (budget.Account, budget.Period.Name))], cancellationToken);
        return TypedResults.Ok(new UsageList([.. budgets.Zip(taken, (budget, all) =>
        {
            var used = Math.Max(0, all - replica.Unspent(budget.Account, budget.Period.Name));
            return new Usage(
                budget.Account.Account, budget.Account.Unit, budget.Period.Name, used, budget.Limit, Math.Max(0, budget.Limit - used),
                budget.Period.End == DateTimeOffset.MaxValue ? null : budget.Period.End);
        })]));
    }

    /// <summary>All budgets of the current periods, in order of account, at most 1,000.</summary>
    private static async Task<Ok<UsageList>> OfAll(
        BudgetStore store, ReplicaBudgets replica, TimeProvider time, CancellationToken cancellationToken)
    {
        var rows = await store.ListAsync(time.GetUtcNow(), MostRows, cancellationToken);
        return TypedResults.Ok(new UsageList([.. rows.Select(row => new Usage(
            row.Account.Account, row.Account.Unit, row.Period,
                Math.Max(0, row.Taken - replica.Unspent(row.Account, row.Period)), null, null, null))]));
    }

    internal sealed record UsageList(IReadOnlyList<Usage> Budgets);

    /// <param name="Budget"><c>key:ci</c> or <c>tenant:acme</c>.</param>
    /// <param name="Unit"><c>requests</c> or <c>model_tokens</c>.</param>
    /// <param name="Period"><c>2026-11-22T09</c>, <c>2026-11-22</c>, <c>2026-11</c> or <c>total</c>, UTC.</param>
    /// <param name="Used">With what other replicas hold ready for their next requests, and what running calls have reserved.</param>
    /// <param name="ResetsAt">End of the period; null: never.</param>
    internal sealed record Usage(string Budget, string Unit, string Period, long Used, long? Limit, long? Remaining, DateTimeOffset? ResetsAt);
}

/// <summary>Marks endpoints that count towards no limit.</summary>
internal sealed class FreeOfLimits
{
    public static readonly FreeOfLimits Instance = new();
}
