using System.Runtime.CompilerServices;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>Sockets that are opened and killed leave nothing behind.</summary>
public sealed class SocketCyclesTests
{
    private const int Sessions = 40;

    // Connections the engine keeps for its model's next request, both ends here, and what other tests have open meanwhile.
    private const int Pooled = 4 * Sessions;

    [Fact]
    public Task Sockets_OpenedAndKilledFourHundredTimes_LeaveNothingBehind() => CycleAsync(400);

    [Fact, Trait("Category", "Long")]
    public Task Sockets_OpenedAndKilledFiveThousandTimes_LeaveNothingBehind() => CycleAsync(5_000);

    [Fact, Trait("Category", "Long")]
    public async Task Session_Idle_OccupiesLittle()
    {
        const int Count = 1_000;
        await using var stub = await StubModelServer.StartAsync(cancel: TestContext.Current.CancellationToken);
        await using var engine = await EngineProcess.StartAsync(stub, ("MAX_SESSIONS", "2000"), ("Shares__Token", "1"), ("Engine__Sessions__IdleTimeout", "00:30:00"));
        var clients = new List<Client>();
        await OpenAsync(200); // what the first ones cost is the process's, not theirs
        var before = engine.ResidentBytes();
        await OpenAsync(Count);
        var each = (engine.ResidentBytes() - before) / 1024.0 / Count;
        TestContext.Current.TestOutputHelper!.WriteLine($"{each:0.0} kB of resident memory for each of {Count} idle sessions");
        each.ShouldBeLessThan(64);
        foreach (var client in clients)
        {
            await client.DisposeAsync();
        }

        async Task OpenAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                clients.Add(await Client.ConnectAsync((await engine.CreateAsync()).EngineUrl, "lyceum.v1"));
            }
        }
    }

    private static async Task CycleAsync(int cycles)
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = new List<SessionAddress>();
        for (var i = 0; i < Sessions; i++)
        {
            made.Add(await engine.CreateAsync());
        }
        await (await engine.ConnectAsync(made[0])).DisposeAsync();
        await engine.NoSocketsAsync();
        var before = OpenSockets();

        await Parallel.ForEachAsync(
            Enumerable.Range(0, Sessions),
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken },
            async (session, _) =>
            {
                for (var cycle = 0; cycle < cycles / Sessions; cycle++)
                {
                    await using var client = await engine.ConnectAsync(await engine.FreshAddressAsync(made[session].SessionId));
                    // Idle, amid an answer, after one, or in order.
                    if (cycle % 4 is 1 or 2)
                    {
                        await client.SayAsync($"[[stub tokens={(cycle % 4 == 1 ? 10_000 : 2)} rate={(cycle % 4 == 1 ? 100 : 0)}]]");
                        await client.UntilAsync(cycle % 4 == 1 ? "delta" : "text");
                    }
                    if (cycle % 4 is 3)
                    {
                        await client.CloseAsync();
                    }
                    client.Kill();
                }
            });

        await engine.NoSocketsAsync();
        engine.Store.Count.ShouldBe(Sessions);
        var sessions = await EndAsync(engine, made);
        engine.Store.Count.ShouldBe(0);
        await engine.Stub.UntilAsync(log => log.Running == 0);
        engine.Client.Dispose(); // with its pool
        var last = 0;
        try
        {
            await Eventually.TrueAsync(() => Task.FromResult((last = OpenSockets()) <= before + Pooled), "sockets are as before", seconds: 30);
        }
        catch (ShouldAssertException)
        {
            last.ShouldBeLessThanOrEqualTo(before + Pooled);
        }
        TestContext.Current.TestOutputHelper!.WriteLine($"{cycles} cycles: {before} sockets before, {last} after");
        await Eventually.TrueAsync(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                // One or two may still be in some thread's hand.
                return Task.FromResult(sessions.Count(session => session.IsAlive) <= 2);
            },
            "no session is held by anything");
    }

    // Apart, so that no local of the test holds one.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<List<WeakReference>> EndAsync(SessionEngine engine, List<SessionAddress> made)
    {
        var sessions = made.ConvertAll(address => new WeakReference(engine.Store.Find(address.SessionId)));
        foreach (var address in made)
        {
            (await engine.SendAsync(HttpMethod.Delete, $"/v1/sessions/{address.SessionId}")).Dispose();
        }
        return sessions;
    }

    /// <summary>This process holds both ends.</summary>
    private static int OpenSockets() => Directory.EnumerateFileSystemEntries("/proc/self/fd")
        .Count(fd => new FileInfo(fd).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);
}
