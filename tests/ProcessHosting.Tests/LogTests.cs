namespace Lyceum.Tests.ProcessHosting;

public class LogTests
{
    [Fact]
    public async Task Output_OfAProcess_IsItsLogLineByLine()
    {
        await using var test = await TestApplication.StartAsync(builder =>
            builder.AddShell("talker", "echo one; echo zwei äöü; printf 'no end'; echo wrong >&2"));
        await test.WaitForStateAsync("talker", KnownResourceStates.Finished);

        var lines = await LinesOf(test, "talker");
        lines.Where(l => !l.IsErrorMessage).Select(l => l.Content).ShouldContain("zwei äöü");
        lines.Select(l => l.Content).ShouldContain("no end");
        lines.Single(l => l.IsErrorMessage).Content.ShouldBe("wrong");
        lines.Select(l => l.LineNumber).ShouldBe(Enumerable.Range(1, lines.Count));
    }

    [Fact]
    public async Task Output_WithoutLineEnds_IsSplit_AndManyLinesAreBounded()
    {
        await using var test = await TestApplication.StartAsync(builder =>
            builder.AddShell("flood", "head -c 100000 /dev/zero | tr '\\0' x; seq 1 20000"));
        await test.WaitForStateAsync("flood", KnownResourceStates.Finished);
        await test.WaitForLineAsync("flood", "exited with code 0");

        var lines = await LinesOf(test, "flood");
        lines.Count.ShouldBe(10_000);
        lines.ShouldAllBe(l => l.Content.Length <= 16 * 1024);
        lines.Select(l => l.Content).ShouldContain("20000");
        lines[0].LineNumber.ShouldBeGreaterThan(10_000);
    }

    [Fact]
    public async Task WatchAsync_GivesWhatWasWrittenBeforeAndAfter()
    {
        using var service = new ResourceLoggerService();
        service.Write("one", "before", isError: false);
        await using var watch = service.WatchAsync("one").GetAsyncEnumerator(TestContext.Current.CancellationToken);
        (await watch.MoveNextAsync()).ShouldBeTrue();
        watch.Current.Single().Content.ShouldBe("before");

        service.Write("one", "after", isError: true);
        (await watch.MoveNextAsync()).ShouldBeTrue();
        watch.Current.Single().ShouldBe(new LogLine(2, "after", IsErrorMessage: true));

        service.Complete("one");
        (await watch.MoveNextAsync()).ShouldBeFalse();

        List<string> later = [];
        await foreach (var lines in service.WatchAsync("one"))
            later.AddRange(lines.Select(l => l.Content));
        later.ShouldBe(["before", "after"]);
    }

    private static async Task<List<LogLine>> LinesOf(TestApplication test, string resource)
    {
        List<LogLine> all = [];
        await foreach (var lines in test.App.Services.GetRequiredService<ResourceLoggerService>().GetAllAsync(resource))
            all.AddRange(lines);
        return all.FindAll(l => !l.Content.StartsWith("Resource '", StringComparison.Ordinal) || l.Content.Contains("flood"));
    }
}
