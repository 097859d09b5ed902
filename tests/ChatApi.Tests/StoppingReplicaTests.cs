using Lyceum.Durability.Leases;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.ChatApi;

/// <summary>
/// Between SIGTERM and the end of its listener a replica hands over what it has. Connections that are open meanwhile bring
/// questions, and nobody who asks one is told that there is no room, or no database.
/// </summary>
public sealed class StoppingReplicaTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Question_ToAReplicaThatHandsOver_IsAnsweredByAnother()
    {
        await using var engine = await StubEngine.StartAsync();
        var database = await postgres.CreateDatabaseAsync();
        await using var stopping = await ChatHost.StartAsync(database, engine);
        await using var other = await ChatHost.StartAsync(database, engine);
        var lease = stopping.Services.GetRequiredService<LeaseKeeper>();

        // As LeaseDrain does at SIGTERM.
        await stopping.Services.GetRequiredService<ILeasedWork>().HandOverAsync(TestContext.Current.CancellationToken);
        var before = stopping.As("ada").AskAsync("before the lease is released");
        await Eventually.TrueAsync(
            async () => (long)(await stopping.ScalarAsync("SELECT count(*) FROM generations"))! == 1, "the question is recorded");
        await lease.ReleaseAsync(TestContext.Current.CancellationToken);
        var after = await stopping.As("ada").AskAsync("after it");

        foreach (var (told, question) in new[] { (await before, "before the lease is released"), (after, "after it") })
        {
            told.Text.ShouldBe($"Answer to: {question}");
            told.End.GetProperty("status").GetString().ShouldBe("complete");
        }
        engine.Asked.Count.ShouldBe(2);
    }
}
