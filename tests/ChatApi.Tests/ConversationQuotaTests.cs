using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Conversations;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.ChatApi;

public sealed class ConversationQuotaTests(PostgresFixture postgres)
{
    private static readonly CancellationToken Test = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Quota_CountsWhatIsThereAndWhatIsAdded_AndIsFreeAgainAfterDeleting()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        await replica.RecordAsync(new Question(null, new string('q', 500), false, null), replica.Lease.OwnerId);
        var time = new JumpingTime();
        var quota = new ConversationQuota(
            replica.Database, Options.Create(new ConversationOptions { MaxConversations = 3, MaxBytes = 2_000 }), time);

        await quota.CheckAsync(ChatMachinery.Caller, 1, 300, Test);
        await quota.CheckAsync(ChatMachinery.Caller, 1, 300, Test);
        (await Should.ThrowAsync<ProblemException>(quota.CheckAsync(ChatMachinery.Caller, 1, 10, Test))).Status.ShouldBe(409);
        (await Should.ThrowAsync<ProblemException>(quota.CheckAsync(ChatMachinery.Caller, 0, 3_000, Test))).Code.ShouldBe("limit_reached");
        await quota.CheckAsync(ChatMachinery.Caller with { Tenant = "other" }, 3, 2_000, Test);

        await using (var command = replica.Database.CreateCommand("DELETE FROM conversations"))
            await command.ExecuteNonQueryAsync(Test);
        time.Jump(TimeSpan.FromSeconds(2));
        await quota.CheckAsync(ChatMachinery.Caller, 3, 1_900, Test);
    }
}
