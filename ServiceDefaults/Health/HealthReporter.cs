using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Lyceum.ServiceDefaults.Health;

/// <summary>
/// Runs the health checks, one round at a time. A round is shared by all requests within half a second, so that
/// pollers, of which a public route may have many, cost the database no more than two rounds a second. Changes are
/// logged.
/// </summary>
internal sealed partial class HealthReporter(
    HealthCheckService checks, TimeProvider time, ILogger<HealthReporter> logger) : IDisposable
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromMilliseconds(500);

    // Held while a round runs; guards the two fields below.
    private readonly SemaphoreSlim _round = new(1);
    private HealthReport? _last;
    private long _lastAt;

    public async Task<HealthReport> ReportAsync(CancellationToken cancellationToken)
    {
        await _round.WaitAsync(cancellationToken);
        try
        {
            if (_last is null || time.GetElapsedTime(_lastAt) >= MaxAge)
            {
                // Not the caller's token: the round belongs to all who wait for it. Every check has its own time limit.
                var report = await checks.CheckHealthAsync(CancellationToken.None);
                LogChanges(_last, report);
                (_last, _lastAt) = (report, time.GetTimestamp());
            }

            return _last;
        }
        finally
        {
            _round.Release();
        }
    }

    /// <summary>What a person may read without a token: never an exception's text, which may name hosts and users.</summary>
    public static string? Detail(HealthReportEntry entry) =>
        entry.Exception is { } exception && (entry.Description is null || entry.Description == exception.Message)
            ? $"failed: {exception.GetType().Name}"
            : entry.Description;

    private void LogChanges(HealthReport? before, HealthReport after)
    {
        foreach (var (name, entry) in after.Entries)
        {
            var was = before is not null && before.Entries.TryGetValue(name, out var old) ? old.Status : HealthStatus.Healthy;
            if (entry.Status == was)
                continue;
            if (entry.Status == HealthStatus.Healthy)
                LogRecovered(name);
            else
                LogFailed(name, entry.Status, entry.Exception?.Message ?? entry.Description);
        }
    }

    public void Dispose() => _round.Dispose();

    [LoggerMessage(LogLevel.Warning, "health: {Check} is {Status}: {Reason}")]
    private partial void LogFailed(string check, HealthStatus status, string? reason);

    [LoggerMessage(LogLevel.Information, "health: {Check} is well again")]
    private partial void LogRecovered(string check);
}
