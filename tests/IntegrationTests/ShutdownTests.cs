namespace Lyceum.Tests.IntegrationTests;

/// <summary>A system of its own, because it ends in the test.</summary>
[Trait("Category", "Long")]
public sealed class ShutdownTests
{
    [Fact]
    public async Task System_Disposed_LeavesNoProcess()
    {
        var system = new TwoReplicaSystem();
        await system.InitializeAsync();
        int[] pids;
        try
        {
            using var limit = new CancellationTokenSource(SystemFixture.Limit);
            await system.StateAsync("chat-api-2", state => state.IsUp, limit.Token); // the file follows the system
            pids = [.. system.Servers.SelectMany(server => system.State(server).Pids)];
        }
        finally
        {
            await system.DisposeAsync();
        }

        pids.Length.ShouldBeGreaterThan(6);
        pids.Where(IsAlive).ShouldBeEmpty();
    }

    // A zombie is dead: whoever inherited it has not looked yet.
    private static bool IsAlive(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    private sealed class TwoReplicaSystem : SystemFixture
    {
        protected override IEnumerable<string> Arguments => ["--Lyceum:Replicas:chat-api=2"];
    }
}
