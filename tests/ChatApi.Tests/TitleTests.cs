using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Titles;
using Lyceum.EngineClient;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.ChatApi;

/// <summary>Titles that a model makes after the first answer: never over a person's own, and never at a question's cost.</summary>
public sealed class TitleTests(PostgresFixture postgres)
{
    [Fact]
    public async Task FirstAnswer_GetsATitleOfTheModel_OnThePersonsBehalf()
    {
        await using var engine = await StubEngine.StartAsync();
        engine.Reply = asked => IsTitle(asked) ? "\n**Title: “光合作用入门”**\n" : "植物利用光能。";
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine, ("Titles:Enabled", "true"));
        var ada = host.As("ada");
        var told = await ada.AskAsync("植物怎么利用光能？");
        await Eventually.TrueAsync(async () => (await TitleAsync(ada, told)).Source == "model", "it has a title");
        (await TitleAsync(ada, told)).ShouldBe(("光合作用入门", "model"));
        (await ada.GetAsync("/api/search?q=入门")).GetProperty("hits").GetArrayLength().ShouldBe(1);

        // Once.
        await ada.AskAsync("继续", told.Conversation);
        (await host.ScalarAsync("SELECT title_due_at FROM conversations")).ShouldBe(DBNull.Value);
        engine.Asked.Count(IsTitle).ShouldBe(1);
    }

    [Fact]
    public async Task APersonsTitle_Stays_AlsoWhileTheModelIsAsked()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(
            await postgres.CreateDatabaseAsync(), engine, ("Titles:Enabled", "true"));
        var ada = host.As("ada");
        using var renamed = new ManualResetEventSlim();
        var asked = new TaskCompletionSource();
        engine.Reply = body =>
        {
            if (!IsTitle(body))
                return "said";
            asked.TrySetResult();
            renamed.Wait(TimeSpan.FromSeconds(20));
            return "The model's";
        };
        var told = await ada.AskAsync("one");
        await asked.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
        await ada.JsonAsync(HttpMethod.Patch, $"/api/conversations/{told.Conversation}", new { title = "Mine" });
        renamed.Set();
        await Eventually.TrueAsync(() => engine.Asked.Count(IsTitle) == 1, "it was asked");
        await ada.AskAsync("two", told.Conversation);
        (await TitleAsync(ada, told)).ShouldBe(("Mine", "person"));
        (await host.ScalarAsync("SELECT title_due_at FROM conversations")).ShouldBe(DBNull.Value);
    }

    [Fact]
    public async Task WithoutAModel_NothingIsAsked_AndLaterItIs()
    {
        await using var engine = await StubEngine.StartAsync();
        engine.Kind = "primer";
        engine.Reply = asked => IsTitle(asked) ? "Made" : "said";
        await using var replica = await ReplicaAsync(engine);
        var maker = Maker(replica);
        var asked = await AskAsync(replica, engine, null);
        (await maker.MakeAsync(default)).ShouldBe(1);
        (await maker.MakeAsync(default)).ShouldBe(0);
        (engine.Asked.Count(IsTitle), await TitleAsync(replica)).ShouldBe((0, "one"));

        engine.Kind = "openai";
        await AskAsync(replica, engine, asked.ConversationId);
        (await maker.MakeAsync(default)).ShouldBe(1);
        (await TitleAsync(replica)).ShouldBe("Made");
    }

    [Fact]
    public async Task AModelThatFails_IsAskedThreeTimes_FiveMinutesApart()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var replica = await ReplicaAsync(engine);
        var maker = Maker(replica);
        await AskAsync(replica, engine, null);
        string?[] replies = [null, new string('x', 5000), " ** \n"];
        for (var i = 0; i < 3; i++)
        {
            engine.Reply = _ => replies[i];
            (await maker.MakeAsync(default)).ShouldBe(1);
            (await maker.MakeAsync(default)).ShouldBe(0); // later
            await replica.ExecuteAsync("UPDATE conversations SET title_due_at = title_due_at - interval '6 minutes'");
        }
        (await maker.MakeAsync(default)).ShouldBe(0);
        (await TitleAsync(replica)).ShouldBe("one");
        (await replica.ScalarAsync("SELECT title_due_at FROM conversations")).ShouldBe(DBNull.Value);
    }

    /// <summary>Killed while the model was asked: another asks again once the attempt is over, and a late writer writes nothing.</summary>
    [Fact]
    public async Task AReplicaThatDied_CostsALaterAttempt()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var replica = await ReplicaAsync(engine);
        engine.Reply = asked => IsTitle(asked) ? "Made" : "said";
        await AskAsync(replica, engine, null);
        await replica.ExecuteAsync("UPDATE conversations SET title_due_at = now() + interval '5 minutes', title_tries = 1"); // its claim
        var maker = Maker(replica);
        (await maker.MakeAsync(default)).ShouldBe(0);
        await replica.ExecuteAsync("UPDATE conversations SET title_due_at = title_due_at - interval '6 minutes'");
        (await maker.MakeAsync(default)).ShouldBe(1);
        (await TitleAsync(replica)).ShouldBe("Made");
    }

    [Fact]
    public async Task WhileAnAnswerIsWritten_NothingIsDue_AndOfAFailedOneNoTitleIsMade()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var replica = await ReplicaAsync(engine);
        await replica.RecordAsync(new(null, "one", false, null), replica.Lease.OwnerId);
        var maker = Maker(replica);
        (await maker.MakeAsync(default)).ShouldBe(0);
        await replica.ExecuteAsync("UPDATE messages SET status = 'failed', finish_reason = 'engine_error' WHERE status = 'streaming'");
        (await maker.MakeAsync(default)).ShouldBe(1);
        (engine.Asked.Count, await TitleAsync(replica)).ShouldBe((0, "one"));
    }

    [Theory]
    [InlineData("Why leaves fall", "Why leaves fall")]
    [InlineData("\n# \"Why leaves fall.\"\n\nBecause …", "Why leaves fall")]
    [InlineData("标题：《光合作用》", "光合作用")]
    [InlineData("", null)]
    [InlineData("***", null)]
    [InlineData("a\0b", "a\ufffdb")]
    public void Title_IsTheFirstLine_WithoutItsDress(string answer, string? title) => TitlePrompt.Read(answer).ShouldBe(title);

    private static bool IsTitle(System.Text.Json.JsonElement asked)
    {
        var system = StubEngine.Messages(asked).First().Content;
        return system.Contains("标题", StringComparison.Ordinal) || system.Contains("a title", StringComparison.Ordinal);
    }

    private async Task<ChatMachinery> ReplicaAsync(StubEngine engine) => await ChatMachinery.StartAsync(
        await postgres.CreateDatabaseAsync(), ("services:gpu-engine:http:0", engine.Address));

    private static TitleMaker Maker(ChatMachinery replica) => ActivatorUtilities.CreateInstance<TitleMaker>(
        replica.Services, Options.Create(new TitleOptions()));

    private static async Task<RecordedQuestion> AskAsync(ChatMachinery replica, StubEngine engine, Guid? conversation)
    {
        var asked = await replica.RecordAsync(new(conversation, "one", false, null), replica.Lease.OwnerId, null, new Uri(engine.Address));
        replica.Start(asked.Order!);
        await Eventually.TrueAsync(() => replica.Runner.Find(asked.MessageId) is null, "it is answered");
        return asked;
    }

    private static async Task<string> TitleAsync(ChatMachinery replica) => (string)(await replica.ScalarAsync("SELECT title FROM conversations"))!;

    private static async Task<(string Title, string Source)> TitleAsync(Person person, Told told)
    {
        var conversation = await person.GetAsync($"/api/conversations/{told.Conversation}");
        return (conversation.GetProperty("title").GetString()!, conversation.GetProperty("title_source").GetString()!);
    }
}
