using System.Diagnostics;

namespace Lyceum.Tests.Support;

/// <summary>
/// Waits for what comes true by itself, at a time that no test can know. One bound for all: it is there to end a test that hangs,
/// and says nothing about how fast a thing must be, so that a busy machine keeps it.
/// </summary>
public static class Eventually
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Polls every 10 ms until <paramref name="condition"/> holds.</summary>
    /// <param name="seconds">Null: <see cref="Limit"/>.</param>
    /// <exception cref="TimeoutException">It did not in time.</exception>
    public static Task TrueAsync(Func<bool> condition, string what, double? seconds = null) =>
        TrueAsync(() => Task.FromResult(condition()), what, seconds);

    /// <inheritdoc cref="TrueAsync(Func{bool}, string, double)"/>
    public static async Task TrueAsync(Func<Task<bool>> condition, string what, double? seconds = null)
    {
        var started = Stopwatch.GetTimestamp();
        var limit = seconds is { } given ? TimeSpan.FromSeconds(given) : Limit;
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started) > limit)
                throw new TimeoutException($"not within {limit.TotalSeconds} s: {what}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
