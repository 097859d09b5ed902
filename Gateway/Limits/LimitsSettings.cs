using Lyceum.Gateway.Settings;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// Rates and budgets of callers (section <c>limits</c>). Nothing is limited unless it is named here, but what students use of models.
/// </summary>
internal sealed record LimitsSettings : ISectionSettings
{
    private const int MostTokens = 10_000_000;

    /// <summary>Token buckets, separate on each replica.</summary>
    public IReadOnlyList<RateRule> Rate { get; init; } = [];

    /// <summary>Budgets, exact over all replicas.</summary>
    public IReadOnlyList<BudgetRule> Budgets { get; init; } = [];

    /// <summary>Model tokens reserved for an answer whose request names no <c>max_tokens</c>.</summary>
    public int DefaultMaxTokens { get; init; } = 2048;

    /// <summary>
    /// Model tokens that each student has a day (UTC), unless the tenant's owner sets a budget for them or for everybody; 0: no
    /// such budget.
    /// </summary>
    public long StudentDailyTokens { get; init; } = 500_000;

    /// <summary>What tokens cost, for owners to see; null: not shown.</summary>
    public PriceList? Prices { get; init; }

    public void Check(string path, SettingsCheck check)
    {
        foreach (var (index, rule) in Rate.Index())
            rule.Check($"{path}.rate[{index}]", check);
        foreach (var same in Rate.GroupBy(rule => (rule.Key, rule.Route.ToUpperInvariant())).Where(same => same.Count() > 1))
            check.Error($"{path}.rate", $"two rules for the key {same.First().Key} on {same.First().Route}");
        foreach (var (index, rule) in Budgets.Index())
            rule.Check($"{path}.budgets[{index}]", check);
        foreach (var same in Budgets.GroupBy(rule => (rule.Key, rule.Tenant)).Where(same => same.Count() > 1))
            check.Error($"{path}.budgets",
                $"two budgets for the {(same.Key.Key is { } key ? $"key {key}" : $"tenant {same.Key.Tenant}")}");
        check.ErrorIf(StudentDailyTokens is < 0 or > 1_000_000_000_000, $"{path}.student_daily_tokens", "must be 0 to 1000000000000");
        Prices?.Check($"{path}.prices", check);
        check.ErrorIf(DefaultMaxTokens is < 1 or > MostTokens, $"{path}.default_max_tokens",
            $"must be 1 to {MostTokens}");
    }
}

/// <summary>Prices of models. Nothing is paid by them: they are shown beside the use.</summary>
internal sealed record PriceList
{
    private const string Others = "*";
    private const decimal Million = 1_000_000;
    private const decimal Most = 1_000_000;

    /// <summary>Shown as it is: <c>EUR</c>.</summary>
    public required string Currency { get; init; }

    /// <summary>By the model's name; <c>*</c> for every other.</summary>
    public required IReadOnlyDictionary<string, ModelPrice> Models { get; init; }

    /// <returns>Null: it has no price.</returns>
    public decimal? Of(string model, long promptTokens, long completionTokens) =>
        Models.TryGetValue(model, out var price) || Models.TryGetValue(Others, out price)
            ? (promptTokens * price.Prompt + completionTokens * price.Completion) / Million
            : null;

    public void Check(string path, SettingsCheck check)
    {
        check.ErrorIf(string.IsNullOrWhiteSpace(Currency), $"{path}.currency", "must not be empty");
        foreach (var (model, price) in Models)
        {
            check.ErrorIf(
                price is not { Prompt: >= 0 and <= Most, Completion: >= 0 and <= Most }, $"{path}.models.{model}",
                $"must be 0 to {Most}");
        }
    }
}

/// <summary>Of a million tokens.</summary>
internal sealed record ModelPrice
{
    public required decimal Prompt { get; init; }
    public required decimal Completion { get; init; }
}

/// <summary>
/// A token bucket for each key that it applies to. When it is empty: 429 <c>rate_limited</c> with <c>Retry-After</c>.
/// </summary>
internal sealed record RateRule
{
    public const string Every = "*";
    private const int Most = 1_000_000;

    /// <summary>Id of an API token or HMAC key; <c>*</c> gives every caller a bucket of its own, people included.</summary>
    public string Key { get; init; } = Every;

    /// <summary><c>/api/tools/execute</c>; <c>/v1/**</c> with <c>/v1</c> itself; or <c>*</c>: one bucket for all routes together.</summary>
    public string Route { get; init; } = Every;

    /// <summary>Requests a second, in the long run.</summary>
    public required double Rate { get; init; }

    /// <summary>Requests at once after a pause; null: as many as a second brings, at least one.</summary>
    public int? Burst { get; init; }

    /// <summary>Requests; at least 1.</summary>
    public int Size => Burst ?? Math.Max(1, (int)Math.Ceiling(Rate));

    public void Check(string path, SettingsCheck check)
    {
        check.ErrorIf(Key.Length == 0, $"{path}.key", "must not be empty; * is every caller");
        check.ErrorIf(!RouteRates.IsRoute(Route), $"{path}.route",
            "must be a path (/api/tools/execute), a path with all below it (/v1/**), or *");
        check.ErrorIf(!(Rate is > 0 and <= Most), $"{path}.rate",
            $"must be above 0 and at most {Most} requests a second");
        check.ErrorIf(Burst is < 1 or > Most, $"{path}.burst", $"must be 1 to {Most}");
    }
}

/// <summary>
/// What may be used in a period. When it is used up: 429 <c>budget_exhausted</c>, with <c>Retry-After</c> to the
/// period's end.
/// </summary>
internal sealed record BudgetRule
{
    private const long Most = 1_000_000_000_000_000;

    /// <summary>Id of an API token or HMAC key; <c>*</c>: each caller for itself. Exactly one of this and <see cref="Tenant"/>.</summary>
    public string? Key { get; init; }

    /// <summary>All callers of this tenant together.</summary>
    public string? Tenant { get; init; }

    /// <summary>Requests, whatever their outcome; null: not limited.</summary>
    public long? Requests { get; init; }

    /// <summary>Tokens of models, of prompts and answers; null: not limited.</summary>
    public long? ModelTokens { get; init; }

    public BudgetPeriod Period { get; init; } = BudgetPeriod.Month;

    public void Check(string path, SettingsCheck check)
    {
        check.ErrorIf(string.IsNullOrEmpty(Key) == string.IsNullOrEmpty(Tenant),
            path, "needs exactly one of key, tenant");
        check.ErrorIf(this is { Requests: null, ModelTokens: null }, path, "limits neither requests nor model_tokens");
        check.ErrorIf(Requests is < 0 or > Most, $"{path}.requests", $"must be 0 to {Most}");
        check.ErrorIf(ModelTokens is < 0 or > Most, $"{path}.model_tokens", $"must be 0 to {Most}");
    }
}
