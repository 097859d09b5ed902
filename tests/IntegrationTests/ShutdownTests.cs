namespace Lyceum.Tests.IntegrationTests;

/// <summary>A house of its own, because it ends in the test.</summary>
[Trait("Category", "Long")]
public sealed class ShutdownTests
{
    [Fact]
    public async Task House_Disposed_LeavesNoProcess()
    {
        var house = new ReplicatedHouse();
        await house.InitializeAsync();
        int[] pids;
        try
        {
            using var limit = new CancellationTokenSource(HouseFixture.Limit);
            await house.StateAsync("chat-api-2", state => state.IsUp, limit.Token); // the file follows the system
            pids = [.. house.Servers.SelectMany(server => house.State(server).Pids)];
        }
        finally
        {
            await house.DisposeAsync();
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

    private sealed class ReplicatedHouse : HouseFixture
    {
        protected override IEnumerable<string> Arguments => ["--Lyceum:Replicas:chat-api=2"];
    }
}
