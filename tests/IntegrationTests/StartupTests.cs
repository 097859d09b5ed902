namespace Lyceum.Tests.IntegrationTests;

/// <summary>A system of its own, because its start is hindered.</summary>
[Trait("Category", "Long")]
public sealed class StartupTests
{
    [Fact]
    public async Task System_DatabaseCannotStartAtFirst_IsHealthyWhenItCan()
    {
        var system = new HinderedSystem();
        try
        {
            // Its end is the test: everything is healthy, including what had waited for the database.
            await system.InitializeAsync();
            _ = system.App;
            system.State("postgres").Restarts.ShouldBeGreaterThan(0);
        }
        finally
        {
            await system.DisposeAsync();
        }
    }

    private sealed class HinderedSystem : SystemFixture
    {
        protected override async Task WhileStartingAsync(CancellationToken cancellationToken)
        {
            // state.json speaks while the system is still starting; restarts have begun by then.
            await StateAsync("postgres", state => state.Restarts > 0, cancellationToken);
            File.Delete(Path.Combine(DataFolder, "postgres", "thesis.txt"));
        }

        protected override void Prepare()
        {
            // The server refuses a folder that holds something else.
            Directory.CreateDirectory(Path.Combine(DataFolder, "postgres"));
            File.WriteAllText(Path.Combine(DataFolder, "postgres", "thesis.txt"), "years of work");
            File.WriteAllText(Path.Combine(DataFolder, "secrets.json"), "{}");
        }
    }
}
