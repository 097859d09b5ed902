using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Limits;

/// <summary>What budgets count; the names are those of the configuration and of the database.</summary>
internal static class BudgetUnit
{
    public const string Requests = "requests";
    public const string ModelTokens = "model_tokens";

    public static long? LimitOf(this BudgetRule rule, string unit) => unit == Requests ? rule.Requests : rule.ModelTokens;
}

/// <summary>Takes the units of a call from every budget that applies to it, or from none.</summary>
internal sealed class BudgetCheck(ReplicaBudgets replica, TimeProvider time)
{
    /// <returns>What was taken, empty where no budget applies; or the problem to answer, and nothing taken.</returns>
    public async ValueTask<(IReadOnlyList<Payment> Paid, ProblemException? Refused)> ReserveAsync(
        HttpContext http, IEnumerable<(string Account, BudgetRule Rule)> budgets, string unit, long units)
    {
        List<Payment>? paid = null;
        foreach (var (account, rule) in budgets)
        {
            if (rule.LimitOf(unit) is not { } limit)
                continue;
            var budget = replica.Get(new BudgetAccount(account, unit));
            Reserved answer;
            BudgetSpan period;
            try
            {
                (answer, period) = await budget.ReserveAsync(units, limit, rule.Period, http.RequestAborted);
            }
            catch (OperationCanceledException)
            {
                GiveBack(paid);
                throw;
            }
            if (answer == Reserved.Granted)
            {
                (paid ??= new(2)).Add(new Payment(budget, period, units));
                continue;
            }
            GiveBack(paid);
            return ([], Rejection(http, answer, account, unit, limit, rule.Period, period));
        }
        return (paid ?? (IReadOnlyList<Payment>)[], null);
    }

    /// <summary>
    /// After the call: gives back what was not used. What was used beyond the reservation is taken too.
    /// </summary>
    public void Settle(IReadOnlyList<Payment> paid, long used)
    {
        foreach (var payment in paid)
            replica.GiveBack(payment.Budget, payment.Units - used, payment.Period);
    }

    private void GiveBack(List<Payment>? paid) => Settle(paid ?? [], used: 0);

    private ProblemException Rejection(
        HttpContext http, Reserved answer, string account, string unit, long limit,
            BudgetPeriod kind, BudgetSpan period)
    {
        switch (answer)
        {
            case Reserved.Unavailable:
                return new ProblemException(
                    StatusCodes.Status503ServiceUnavailable, ErrorCodes.DatabaseUnavailable,
                    "Whether the budget allows this cannot be asked now; try again shortly.", Problems.DefaultRetryAfter);
            case Reserved.Overloaded:
                return new ProblemException(
                    StatusCodes.Status503ServiceUnavailable, ErrorCodes.Overloaded, "Too many requests wait for their budget.", Problems.DefaultRetryAfter);
            default:
                var remaining = period.Remaining(time.GetUtcNow());
                var window = kind == BudgetPeriod.Total ? remaining : period.End - period.Start;
                // When the response starts: an exception handler clears headers that were set before.
                http.Response.OnStarting(() =>
                {
                    LimitHeaders.Write(http.Response, [new(unit, limit, window, 0, remaining)]);
                    return Task.CompletedTask;
                });
                return new ProblemException(
                    StatusCodes.Status429TooManyRequests, ErrorCodes.BudgetExhausted,
                    $"Too little is left of the budget of {limit} {unit.Replace('_', ' ')} ({account}, {period.Name}); "
                    + "wait for the next period, or ask who set it for more.", remaining)
                {
                    Extensions = [new("budget", account), new("unit", unit), new("limit", limit), new("period", period.Name)],
                };
        }
    }
}

/// <summary>Units taken from one budget for one call.</summary>
internal sealed record Payment(Budget Budget, BudgetSpan Period, long Units);
