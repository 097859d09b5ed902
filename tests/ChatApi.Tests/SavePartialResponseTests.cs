using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Writing;
using Lyceum.Contracts;

namespace Lyceum.Tests.ChatApi;

/// <summary>An end that its writer could not store: asked of every replica, stored once.</summary>
public sealed class SavePartialResponseTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Command_DeliveredTwice_EndsTheAnswerOnceWithItsPart()
    {
        var connectionString = await postgres.CreateDatabaseAsync();
        await using var writer = await ChatMachinery.StartAsync(connectionString);
        await using var other = await ChatMachinery.StartAsync(connectionString);
        var generation = await writer.BeginAsync();
        await writer.WriteAsync(generation, "one two 三");

        await DeliverAsync(other, Save(generation) with
        {
            Usage = """{"completion_tokens":3}""", Sources = """[{"number":1,"title":"光合作用","cited":true}]""",
        });
        await DeliverAsync(other, Save(generation) with { Status = AnswerStatus.Failed, FinishReason = "later" });

        (await writer.MessageAsync(generation.Id)).ShouldBe((AnswerStatus.Interrupted, FinishReasons.EngineLost, "one two 三"));
        (await writer.ScalarAsync("SELECT usage->>'completion_tokens' FROM messages WHERE id = $1", generation.Id)).ShouldBe("3");
        (await writer.ScalarAsync("SELECT sources->0->>'title' FROM messages WHERE id = $1", generation.Id)).ShouldBe("光合作用");
        (await writer.ChunksAsync(generation.Id)).ShouldBe("");
    }

    [Fact]
    public async Task Command_OfAFormerEpochOrOwner_ChangesNothing()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var generation = await replica.BeginAsync();
        await replica.WriteAsync(generation, "still going");

        await DeliverAsync(replica, Save(generation) with { Epoch = 0 });
        await DeliverAsync(replica, Save(generation) with { Owner = Guid.NewGuid() });
        await DeliverAsync(replica, Save(generation) with { MessageId = Guid.NewGuid() });

        (await replica.MessageAsync(generation.Id)).ShouldBe((AnswerStatus.Streaming, null, ""));
        (await replica.ChunksAsync(generation.Id)).ShouldBe("still going");
    }

    [Fact]
    public async Task Writer_ThatCannotStoreTheEnd_AsksTheOthersAndGoesOnTrying()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var generation = await replica.BeginAsync();
        // Every end fails; the text before it does not.
        await replica.ExecuteAsync("ALTER TABLE messages RENAME COLUMN finish_reason TO out_of_reach");

        // Its engine is unreachable, so it ends at once.
        replica.Start(new GenerationOrder(
            generation.Id, generation.ConversationId, generation.Owner, 1, generation.Engine, [new("user", "?")], "t", "o", false));
        await Eventually.TrueAsync(() => replica.Hints.Published.OfType<SavePartialResponse>().Any(), "the others are asked");
        var asked = replica.Hints.Published.OfType<SavePartialResponse>().Single();
        (asked.MessageId, asked.Owner, asked.Epoch, asked.Status).ShouldBe((generation.Id, generation.Owner, 1, AnswerStatus.Failed));

        await replica.ExecuteAsync("ALTER TABLE messages RENAME COLUMN out_of_reach TO finish_reason");
        await Eventually.TrueAsync(() => replica.Runner.Find(generation.Id) is null, "its own attempts succeed as well");
        (await replica.MessageAsync(generation.Id)).ShouldBe((AnswerStatus.Failed, FinishReasons.EngineError, ""));
    }

    private static SavePartialResponse Save(RunningGeneration generation) => new(
        generation.Id, generation.ConversationId, generation.Owner, generation.Epoch, AnswerStatus.Interrupted,
        FinishReasons.EngineLost, null, null);

    private static Task DeliverAsync(ChatMachinery replica, SavePartialResponse message) =>
        new SavePartialResponseConsumer(replica.Rows, replica.Runner).SaveAsync(message, TestContext.Current.CancellationToken);
}
