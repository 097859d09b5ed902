using Lyceum.ChatApi.Data;

namespace Lyceum.Tests.ChatApi;

/// <summary>The only engine is replaced by its next version: nobody's question fails for it.</summary>
public sealed class EngineRestartTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Question_ToTheOnlyEngine_WhileItDrains_IsAnsweredAfterItsRestart()
    {
        await using var engine = await ScriptedEngine.StartAsync();
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        engine.Draining = 5; // more often than a broken one is asked
        var asked = await replica.RecordAsync(new(null, "?", false, null), replica.Lease.OwnerId, null, engine.Address);

        replica.Start(asked.Order!);

        await Eventually.TrueAsync(
            async () => (await replica.MessageAsync(asked.MessageId)).Status != AnswerStatus.Streaming, "the answer has ended");
        (await replica.MessageAsync(asked.MessageId)).ShouldBe((AnswerStatus.Complete, "stop", "An answer."));
        engine.Asked.Count.ShouldBe(6);
    }
}
