using System.Diagnostics.Metrics;
using Lyceum.Durability.Postgres;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Lyceum.Durability.Retention;

/// <summary>
/// Deletes what tenants do not want to keep any longer: at start and every hour, in small statements. Every replica does
/// it; the statements skip each other's rows. Where the settings cannot be read nothing is deleted.
/// </summary>
public sealed partial class RetentionSweep : BackgroundService
{
    private const int Batch = 100;
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);
    private static readonly TimeSpan Retry = TimeSpan.FromMinutes(1);

    private readonly IRetentionSource _source;
    private readonly IReadOnlyList<IRetained> _retained;
    private readonly DatabaseReady _ready;
    private readonly TimeProvider _time;
    private readonly ILogger<RetentionSweep> _logger;
    private readonly Counter<long> _deleted;

    public RetentionSweep(
        IRetentionSource source, IEnumerable<IRetained> retained, DatabaseReady ready, IMeterFactory meters,
        TimeProvider time, ILogger<RetentionSweep> logger)
    {
        (_source, _retained, _ready, _time, _logger) = (source, [.. retained], ready, time, logger);
        _deleted = meters.Create("Lyceum.Durability").CreateCounter<long>(
            "lyceum.retention.deleted", "{item}", "What was deleted because its tenant keeps it no longer, by kind");
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await _ready.WaitAsync(stoppingToken);
        while (true)
        {
            var pause = Interval;
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogRetry(e.Message);
                pause = Retry;
            }
            await Task.Delay(pause, _time, stoppingToken);
        }
    }

    internal async Task SweepAsync(CancellationToken cancellationToken)
    {
        for (var after = ""; after is not null;)
        {
            var page = await _source.ReadAsync(after, cancellationToken);
            foreach (var tenant in page.Tenants)
            {
                foreach (var kind in _retained)
                    await SweepAsync(tenant, kind, cancellationToken);
            }
            after = page.Next;
        }
    }

    private async Task SweepAsync(TenantRetention tenant, IRetained kind, CancellationToken cancellationToken)
    {
        if (kind.DaysOf(tenant) is not { } days)
            return;
        var before = _time.GetUtcNow() - TimeSpan.FromDays(days);
        long all = 0;
        int deleted;
        do
        {
            deleted = await kind.DeleteAsync(tenant.Tenant, before, Batch, cancellationToken);
            all += deleted;
        }
        while (deleted >= Batch);
        if (all == 0)
            return;
        _deleted.Add(all, new KeyValuePair<string, object?>("kind", kind.Name));
        LogDeleted(all, kind.Name, tenant.Tenant, days);
    }

    [LoggerMessage(LogLevel.Information, "{Count} {Kind} of tenant {Tenant} deleted: kept for {Days} days")]
    private partial void LogDeleted(long count, string kind, string tenant, int days);

    [LoggerMessage(LogLevel.Warning, "Retention not carried out, trying again: {Reason}")]
    private partial void LogRetry(string reason);
}
