namespace Lyceum.Tests.IntegrationTests.Clients;

/// <summary>The job of docs/examples.md, on a machine without a language model.</summary>
[Collection(PrimerCollection.Name)]
public sealed class RoadmapExampleTests(SharedSystem system)
{
    [Fact]
    public async Task Roadmap_OfThePage_IsMadeAndShown()
    {
        _ = system.App;
        using var anonymous = system.CreateAnonymousClient();
        using var limit = new CancellationTokenSource(SystemFixture.Limit);

        var said = await ExamplePage.RunAsync("python3", "roadmap.py", anonymous.BaseAddress!,
            new Dictionary<string, string> { ["TOKEN"] = system.DevelopmentToken }, limit.Token);

        said.Split('\n')[0].ShouldBe("completed");
        said.Split('\n')[1].ShouldStartWith("1 ");
    }
}
