using System.Diagnostics;

namespace Lyceum.Tests.Support;

/// <summary>Waits for what comes true by itself, at a time that no test can know.</summary>
public static class Eventually
{
    /// <summary>Polls every 10 ms until <paramref name="condition"/> holds.</summary>
    /// <exception cref="TimeoutException">It did not within <paramref name="seconds"/>.</exception>
    public static Task TrueAsync(Func<bool> condition, string what, double seconds = 15) =>
        TrueAsync(() => Task.FromResult(condition()), what, seconds);

    /// <inheritdoc cref="TrueAsync(Func{bool}, string, double)"/>
    public static async Task TrueAsync(Func<Task<bool>> condition, string what, double seconds = 15)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started).TotalSeconds > seconds)
                throw new TimeoutException($"not within {seconds} s: {what}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
