using Lyceum.AppHost.Supervision;
using Microsoft.Extensions.Time.Testing;

namespace Lyceum.Tests.AppHost;

public sealed class BackoffTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public void Delay_WhileItKeepsDying_DoublesTo15Seconds()
    {
        var backoff = new Backoff(time);
        var delays = Enumerable.Range(0, 7).Select(_ =>
        {
            backoff.Running();
            time.Advance(TimeSpan.FromSeconds(59));
            return backoff.Died().TotalSeconds;
        });
        delays.ShouldBe([0.5, 1, 2, 4, 8, 15, 15]);
    }

    [Fact]
    public void Delay_AfterAMinuteOfRunning_BeginsAgain()
    {
        var backoff = new Backoff(time);
        backoff.Died();
        backoff.Died().TotalSeconds.ShouldBe(1);

        backoff.Running();
        time.Advance(TimeSpan.FromSeconds(40));
        backoff.Running(); // a health report while running is no new start
        time.Advance(TimeSpan.FromSeconds(20));

        backoff.Died().TotalSeconds.ShouldBe(0.5);
    }

    [Fact]
    public void Delay_AfterRunningAsLongAsConfigured_BeginsAgain()
    {
        var backoff = new Backoff(time, settled: TimeSpan.FromSeconds(2));
        backoff.Died();
        backoff.Died();

        backoff.Running();
        time.Advance(TimeSpan.FromSeconds(2));

        backoff.Died().TotalSeconds.ShouldBe(0.5);
    }
}
