using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lyceum.AppHost.Infrastructure;

/// <summary>
/// Health checks are polled ever more slowly while they fail, so a server that comes up between two polls is noticed
/// seconds late. Each poll therefore goes on trying for a while: a start is seen within a moment, a failure is
/// reported a little later.
/// </summary>
internal static class Patience
{
    /// <summary>A health check's own time limit; longer than it keeps trying, for the last attempt to end.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan Tries = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Healthy as soon as <paramref name="attempt"/> succeeds; otherwise its last failure.</summary>
    public static async Task<HealthCheckResult> TryAsync(
        Func<CancellationToken, Task> attempt, TimeProvider time, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        while (true)
        {
            try
            {
                await attempt(cancellationToken);
                return HealthCheckResult.Healthy();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                if (time.GetElapsedTime(begun) >= Tries)
                    return HealthCheckResult.Unhealthy(e.Message, e);
            }
            await Task.Delay(Pause, time, cancellationToken);
        }
    }
}
