using System.Collections.Frozen;
using Lyceum.Durability.Postgres;
using Lyceum.Gateway.Data;
using Lyceum.ServiceDefaults.Auth;
using Npgsql;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// The budgets that owners set. Every replica has all of them in memory and reads them again each
/// <see cref="Interval"/>: a change made here holds at once, one made at another replica within that time.
/// </summary>
internal sealed partial class TenantBudgets(
    NpgsqlDataSource source, DatabaseReady ready, TimeProvider time, ILogger<TenantBudgets> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _loading = new(1, 1); // a load that began earlier must not end later

    // Written by the loop and by requests that change something; read by every request.
    private volatile FrozenDictionary<string, FrozenDictionary<string, BudgetRule>> _current =
        FrozenDictionary<string, FrozenDictionary<string, BudgetRule>>.Empty;

    public bool HasAny => _current.Count > 0;

    /// <summary>That of the tenant, and that of the person: their own, else everybody's.</summary>
    public IEnumerable<(string Account, BudgetRule Rule)> For(Caller caller)
    {
        if (!_current.TryGetValue(caller.Tenant, out var rules))
            yield break;
        if (rules.TryGetValue(TenantBudget.Whole, out var whole))
            yield return (AccountOf(caller.Tenant, TenantBudget.Whole), whole);
        if (rules.TryGetValue(caller.Person, out var own) || rules.TryGetValue(TenantBudget.Everyone, out own))
            yield return (AccountOf(caller.Tenant, caller.Person), own);
    }

    /// <summary>Whether an owner set one for this person, or for everybody.</summary>
    public bool HasOwn(Caller caller) => _current.TryGetValue(caller.Tenant, out var rules)
        && (rules.ContainsKey(caller.Person) || rules.ContainsKey(TenantBudget.Everyone));

    /// <summary>As the table <c>budgets</c> names it.</summary>
    public static string AccountOf(string tenant, string person) =>
        person == TenantBudget.Whole ? $"set:tenant:{tenant}" : $"set:person:{tenant}/{person}";

    public IReadOnlyDictionary<string, BudgetRule> Of(string tenant) =>
        _current.GetValueOrDefault(tenant) ?? FrozenDictionary<string, BudgetRule>.Empty;

    /// <returns>False: the tenant has <paramref name="most"/> already.</returns>
    public async Task<bool> SetAsync(
        Caller owner, string person, long tokens, BudgetPeriod period, int most, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // One at a time for a tenant, so that their number is exact.
        await connection.LockCountAsync("tenant_budgets", owner.Tenant, cancellationToken);
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO tenant_budgets (tenant, person, model_tokens, period, updated_at, updated_by)
            SELECT $1, $2, $3, $4, $5, $6
            WHERE (SELECT count(*) FROM tenant_budgets WHERE tenant = $1 AND person <> $2) < $7
            ON CONFLICT (tenant, person) DO UPDATE SET model_tokens = EXCLUDED.model_tokens, period = EXCLUDED.period,
              updated_at = EXCLUDED.updated_at, updated_by = EXCLUDED.updated_by
            """, connection);
        command.Add(owner.Tenant, person, tokens, NameOf(period), time.GetUtcNow(), owner.Person, (long)most);
        var set = await command.ExecuteNonQueryAsync(cancellationToken) == 1;
        await transaction.CommitAsync(cancellationToken);
        await LoadAsync(cancellationToken);
        return set;
    }

    /// <returns>False: there was none.</returns>
    public async Task<bool> RemoveAsync(string tenant, string person, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await using var command = source.CreateCommand("DELETE FROM tenant_budgets WHERE tenant = $1 AND person = $2");
        command.Add(tenant, person);
        var removed = await command.ExecuteNonQueryAsync(cancellationToken) == 1;
        await LoadAsync(cancellationToken);
        return removed;
    }

    public static string NameOf(BudgetPeriod period) => period.ToString().ToLowerInvariant();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await LoadAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogNotLoaded(e.Message); // those of before hold
            }
            await Task.Delay(Interval, time, stoppingToken);
        }
    }

    private async Task LoadAsync(CancellationToken cancellationToken)
    {
        await _loading.WaitAsync(cancellationToken);
        try
        {
            _current = await ReadAsync(cancellationToken);
        }
        finally
        {
            _loading.Release();
        }
    }

    private async Task<FrozenDictionary<string, FrozenDictionary<string, BudgetRule>>> ReadAsync(
        CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(
            "SELECT tenant, person, model_tokens, period FROM tenant_budgets");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<(string Tenant, string Person, BudgetRule Rule)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var (tenant, person) = (reader.GetString(0), reader.GetString(1));
            rows.Add((tenant, person, new BudgetRule
            {
                Tenant = tenant,
                ModelTokens = reader.GetInt64(2),
                // One that a later version wrote must not take all budgets away: it counts for good until that version is back.
                Period = Enum.TryParse<BudgetPeriod>(reader.GetString(3), ignoreCase: true, out var period)
                    ? period : BudgetPeriod.Total,
            }));
        }
        return rows.GroupBy(row => row.Tenant).ToFrozenDictionary(
            tenant => tenant.Key, tenant => tenant.ToFrozenDictionary(row => row.Person, row => row.Rule));
    }

    public override void Dispose()
    {
        base.Dispose();
        _loading.Dispose();
    }

    [LoggerMessage(LogLevel.Warning, "Budgets that owners set could not be read, those of before hold: {Reason}")]
    private partial void LogNotLoaded(string reason);
}
