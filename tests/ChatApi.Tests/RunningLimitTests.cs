using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Tests.ChatApi;

public sealed class RunningLimitTests(PostgresFixture postgres)
{
    /// <summary>Half of them in new conversations, half each in one of its own that is there.</summary>
    [Fact]
    public async Task Answers_FiftyAskedForAtOnce_AreNoMoreThanTheLimit()
    {
        const int Limit = 20;
        var database = await postgres.CreateDatabaseAsync();
        await using var one = await ChatMachinery.StartAsync(database, ("Generation:MaxRunningPerUser", $"{Limit}"));
        await using var two = await ChatMachinery.StartAsync(database, ("Generation:MaxRunningPerUser", $"{Limit}"));
        var conversations = await Task.WhenAll(Enumerable.Range(0, 25).Select(_ => one.WithStoreAsync(
            store => store.CreateAsync(ChatMachinery.Caller, "t", CancellationToken.None))));

        var asked = await Task.WhenAll(Enumerable.Range(0, 50).Select(async i =>
        {
            var replica = i % 2 == 0 ? one : two;
            try
            {
                await replica.RecordAsync(
                    new(i < 25 ? conversations[i].Id : null, "?", false, null), replica.Lease.OwnerId);
                return true;
            }
            catch (ProblemException e) when (e is { Status: 429, Code: ErrorCodes.Overloaded })
            {
                return false;
            }
        }));

        asked.Count(recorded => recorded).ShouldBe(Limit);
    }
}
