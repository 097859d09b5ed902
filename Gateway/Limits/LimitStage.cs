using System.Diagnostics.Metrics;
using Lyceum.Gateway.Settings;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// Rejects requests over a limit, after authentication and before any work: first the rates, then the budget of
/// requests. An admitted request counts, whatever its outcome. Requests without an identity (sign-in, tickets) have no
/// limits here.
/// </summary>
internal sealed class LimitStage
{
    private readonly RateLimits _rates;
    private readonly BudgetCheck _budgets;
    private readonly Students _students;
    private readonly Counter<long> _refused;

    // Written by the settings monitor's loop only; read by every request.
    private volatile LimitSet _current;

    public LimitStage(
        SettingsMonitor settings, RateLimits rates, BudgetCheck budgets, TenantBudgets owners, Students students,
        IMeterFactory meters)
    {
        (_rates, _budgets, _students) = (rates, budgets, students);
        _refused = meters.Create("Lyceum.Gateway").CreateCounter<long>(
            "lyceum.gateway.limits.refused", "{request}", "Requests that were over a limit, by the code they were answered.");
        settings.Changed += () => _current = new LimitSet(settings.Get<LimitsSettings>(), owners);
        _current = new LimitSet(settings.Get<LimitsSettings>(), owners);
    }

    public LimitSet Current => _current;

    /// <summary>The problem to answer; null: the request may go on.</summary>
    public ValueTask<ProblemException?> AdmitAsync(HttpContext http, CallerIdentity identity)
    {
        var noted = _current.StudentRule is null ? default : _students.NoteAsync(identity.Caller, http.RequestAborted);
        return noted.IsCompletedSuccessfully ? LimitAsync(http, identity) : NoteThenLimitAsync(noted, http, identity);
    }

    private async ValueTask<ProblemException?> NoteThenLimitAsync(ValueTask noted, HttpContext http, CallerIdentity identity)
    {
        await noted;
        return await LimitAsync(http, identity);
    }

    private ValueTask<ProblemException?> LimitAsync(HttpContext http, CallerIdentity identity)
    {
        var limits = _current;
        if (!limits.HasRates && !limits.HasBudgets)
            return default;
        var key = KeyOf(identity);
        if (limits.HasRates && Rate(http, limits, key) is { } refused)
            return ValueTask.FromResult<ProblemException?>(Count(refused));
        return limits.HasBudgets ? BudgetAsync(http, limits, key, identity.Caller) : default;
    }

    /// <summary>The key that limits are counted by: the id of an API token or HMAC key, else the person.</summary>
    public static string KeyOf(CallerIdentity identity) =>
        identity.KeyId ?? $"user:{identity.Caller.Tenant}/{identity.Caller.Person}";

    public ProblemException Count(ProblemException refused)
    {
        _refused.Add(1, new KeyValuePair<string, object?>("code", refused.Code));
        return refused;
    }

    private ProblemException? Rate(HttpContext http, LimitSet limits, string key)
    {
        var levels = new List<(RateRule Rule, BucketLevel Level)>(2);
        var refused = _rates.Take(limits.RatesFor(key, http.Request.Path), key, levels);
        if (levels.Count > 0)
            LimitHeaders.Write(http.Response, levels.ConvertAll(asked => LimitHeaders.Of(asked.Rule, asked.Level)));
        return refused is not var (rule, level) ? null : new ProblemException(
            StatusCodes.Status429TooManyRequests, ErrorCodes.RateLimited,
            $"More than {rule.Rate} requests a second on {rule.Route}, after {rule.Size} at once.", level.Wait);
    }

    private async ValueTask<ProblemException?> BudgetAsync(HttpContext http, LimitSet limits, string key, Caller caller)
    {
        var (_, refused) = await _budgets.ReserveAsync(http, limits.BudgetsFor(key, caller), BudgetUnit.Requests, 1);
        return refused is null ? null : Count(refused);
    }
}
