using System.Collections.Frozen;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.Gateway.Limits;

/// <summary>All limits at one moment: a request sees one set from beginning to end.</summary>
internal sealed class LimitSet
{
    private readonly RouteRates[] _rates;
    private readonly FrozenDictionary<string, BudgetRule> _keys;
    private readonly FrozenDictionary<string, BudgetRule> _tenants;

    private readonly TenantBudgets _owners;

    /// <param name="owners">What owners set beside the settings; it changes by itself.</param>
    public LimitSet(LimitsSettings settings, TenantBudgets owners)
    {
        _owners = owners;
        Prices = settings.Prices;
        _rates = [.. settings.Rate.GroupBy(rule => rule.Route, StringComparer.OrdinalIgnoreCase).Select(rules => new RouteRates(rules.Key, rules))];
        _keys = settings.Budgets.Where(rule => rule.Key is not null).ToFrozenDictionary(rule => rule.Key!);
        _tenants = settings.Budgets.Where(rule => rule.Tenant is not null).ToFrozenDictionary(rule => rule.Tenant!);
        DefaultMaxTokens = settings.DefaultMaxTokens;
        StudentRule = settings.StudentDailyTokens == 0
            ? null : new BudgetRule { ModelTokens = settings.StudentDailyTokens, Period = BudgetPeriod.Day };
    }

    public bool HasRates => _rates.Length > 0;

    public bool HasBudgets => _keys.Count + _tenants.Count > 0 || _owners.HasAny;

    /// <summary>Whether anybody may have a budget of model tokens.</summary>
    public bool HasModelBudgets => HasBudgets || StudentRule is not null;

    /// <summary>Of each student whom no owner set one for; null: none.</summary>
    public BudgetRule? StudentRule { get; }

    public PriceList? Prices { get; }

    public int DefaultMaxTokens { get; }

    /// <summary>Of each route pattern that matches, the rule that names the key, else the one for every key.</summary>
    public IEnumerable<RateRule> RatesFor(string key, PathString path)
    {
        foreach (var rates in _rates)
        {
            if (rates.Matches(path) && rates.For(key) is { } rule)
                yield return rule;
        }
    }

    /// <summary>
    /// The budget of the key (or of every key), that of its tenant, and those that the tenant's owner set, or what students
    /// have by default: a call is taken from all of them.
    /// </summary>
    public IEnumerable<(string Account, BudgetRule Rule)> BudgetsFor(string key, Caller caller)
    {
        if (_keys.TryGetValue(key, out var own) || _keys.TryGetValue(RateRule.Every, out own))
            yield return ($"key:{key}", own);
        if (_tenants.TryGetValue(caller.Tenant, out var tenant))
            yield return ($"tenant:{caller.Tenant}", tenant);
        foreach (var set in _owners.For(caller))
            yield return set;
        if (caller.Role == Role.Student && StudentRule is not null && !_owners.HasOwn(caller))
            yield return (TenantBudgets.AccountOf(caller.Tenant, caller.Person), StudentRule);
    }
}

/// <summary>The rules of one route pattern.</summary>
internal sealed class RouteRates(string route, IEnumerable<RateRule> rules)
{
    private const string Below = "/**";

    private readonly FrozenDictionary<string, RateRule> _byKey = rules.ToFrozenDictionary(rule => rule.Key);
    private readonly string? _prefix = route.EndsWith(Below, StringComparison.Ordinal) ? route[..^Below.Length] : null;

    public static bool IsRoute(string route)
    {
        var path = route.EndsWith(Below, StringComparison.Ordinal) ? route[..^Below.Length] : route;
        return route == RateRule.Every
            || (path.StartsWith('/') && path.Length > 1 && !path.EndsWith('/') && path.All(c => c is > ' ' and <= '~' and not ('"' or '\\' or '*')));
    }

    public RateRule? For(string key) => _byKey.GetValueOrDefault(key) ?? _byKey.GetValueOrDefault(RateRule.Every);

    /// <summary>As routing compares: case-insensitive, a trailing slash is ignored.</summary>
    public bool Matches(PathString path)
    {
        if (route == RateRule.Every)
            return true;
        var asked = path.Value.AsSpan().TrimEnd('/');
        if (_prefix is null)
            return asked.Equals(route, StringComparison.OrdinalIgnoreCase);
        return asked.StartsWith(_prefix, StringComparison.OrdinalIgnoreCase) && (asked.Length == _prefix.Length || asked[_prefix.Length] == '/');
    }
}
