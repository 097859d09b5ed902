using System.Net;
using Lyceum.GpuEngine.Completions.Detached;
using Lyceum.Tests.StubModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Lyceum.Tests.GpuEngine;

/// <summary>A stopping engine finishes its answers.</summary>
public sealed class DrainTests
{
    /// <summary>Runs until its generation is deleted: while it does, the engine drains.</summary>
    private const string Endless = "[[stub tokens=5 stall_after=1 rate=0]]";

    private readonly Guid _endless = Guid.NewGuid();
    private readonly Guid _id = Guid.NewGuid();

    [Fact]
    public async Task Engine_Draining_FinishesItsAnswers_AndTakesNoNewOnes()
    {
        await using var engine = await DrainingAsync();
        await engine.DetachAndLeaveAsync(_endless, Endless);
        using var detached = await engine.DetachAsync(_id, "[[stub tokens=50 rate=50 seed=1]]");
        using var plain = await engine.AskAsync("[[stub tokens=50 rate=50 seed=2]]");

        var stopped = StopAsync(engine);
        await Eventually.TrueAsync(async () =>
        {
            using var rejected = await engine.AskAsync("[[stub tokens=1 rate=0]]");
            if (rejected.StatusCode == HttpStatusCode.OK)
                return false; // not yet
            rejected.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            rejected.Headers.RetryAfter.ShouldNotBeNull();
            (await rejected.JsonAsync()).GetProperty("error").GetProperty("code").GetString().ShouldBe("draining");
            return true;
        }, "new questions are rejected");
        using (var rejected = await engine.DetachAsync(Guid.NewGuid(), "[[stub tokens=1 rate=0]]"))
            rejected.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        using (var health = await engine.Client.GetAsync("/health", TestContext.Current.CancellationToken))
            (await health.JsonAsync()).GetProperty("status").GetString().ShouldBe("draining");

        ShouldBeWhole(await StreamedAnswer.ReadAsync(detached), StubText.Text(1, 50, false));
        ShouldBeWhole(await StreamedAnswer.ReadAsync(plain), StubText.Text(2, 50, false));
        // A reader whose connection broke comes back, also after the end.
        ShouldBeWhole(await engine.ReadAsync(_id), StubText.Text(1, 50, false));
        stopped.IsCompleted.ShouldBeFalse();
        (await engine.DeleteAsync(_endless)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await stopped.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Engine_Draining_WaitsForWhoeverReadsTheLastAnswer()
    {
        await using var engine = await DrainingAsync();
        await engine.DetachAndLeaveAsync(_id, "[[stub tokens=50 rate=50 seed=1]]");

        var stopped = StopAsync(engine);
        await engine.Stub!.UntilAsync(log => log.Requests is [{ Ended: StubEnd.Complete }]);

        ShouldBeWhole(await engine.ReadAsync(_id), StubText.Text(1, 50, false));
        await stopped.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Engine_AnswerEndedUnreadJustBeforeIt_StillKeepsItAWhile()
    {
        await using var engine = await DrainingAsync();
        await engine.DetachAndLeaveAsync(_id, "[[stub tokens=50 rate=50 seed=1]]");
        await Eventually.TrueAsync(
            () => Task.FromResult(engine.Services.GetRequiredService<GenerationStore>().Usage.Running == 0), "it has ended");

        var stopped = StopAsync(engine);

        ShouldBeWhole(await engine.ReadAsync(_id), StubText.Text(1, 50, false));
        await stopped.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Engine_DrainIsOver_InterruptsWhatRuns()
    {
        await using var engine = await Engine.BeforeStubAsync(("Drain:Answers", "00:00:00.2"), ("Drain:Notice", "00:00:00"));
        await engine.DetachAndLeaveAsync(_endless, Endless);

        await StopAsync(engine).WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);

        await engine.Stub!.UntilAsync(log => log.Running == 0);
    }

    [Fact]
    public async Task Engine_JustToldToStop_StillTakesQuestions_UntilOthersKnow()
    {
        await using var engine = await Engine.BeforeStubAsync(("Drain:Answers", "00:02:00"), ("Drain:Notice", "00:01:00"));

        using var stop = new CancellationTokenSource();
        engine.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        var stopped = engine.App.StopAsync(stop.Token);
        using (var health = await engine.Client.GetAsync("/health", TestContext.Current.CancellationToken))
            health.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);

        ShouldBeWhole(await engine.StreamAsync("[[stub tokens=3 rate=0 seed=1]]"), StubText.Text(1, 3, false));
        await stop.CancelAsync(); // as a supervisor that waits no longer
        await Task.WhenAny(stopped);
    }

    private static Task<Engine> DrainingAsync() =>
        Engine.BeforeStubAsync(("Drain:Answers", "00:02:00"), ("Drain:Notice", "00:00:00"));

    /// <summary>As on SIGTERM.</summary>
    private static Task StopAsync(Engine engine)
    {
        engine.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        return engine.App.StopAsync(TestContext.Current.CancellationToken);
    }

    private static void ShouldBeWhole(StreamedAnswer answer, string text) =>
        (answer.Text, answer.FinishReason, answer.Done).ShouldBe((text, "stop", true));
}
