using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Reading;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.ChatApi;

/// <summary>What a grounded answer rests on is recorded before the engine is asked, and stays with the answer.</summary>
public sealed class GroundedAnswerTests(PostgresFixture postgres)
{
    private static readonly AnswerGrounding Biology = new(
        3, "生物", GroundingStatus.Found,
        [new(1, "d:0", "光合作用", "生物.md", "植物利用光能。"), new(2, "d:1", "细胞呼吸", "生物.md", "线粒体释放能量。")], "I am Ms Noether.");

    [Fact]
    public async Task Takeover_BeforeTheEngineWasAsked_AsksWithTheSamePassages()
    {
        await using var engine = await EngineAsync("能量来自线粒体 [2]。");
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var dead = Guid.CreateVersion7();
        await replica.ExecuteAsync("INSERT INTO owners VALUES ($1, clock_timestamp() + interval '1 second')", dead);

        // Its owner dies right after the question was recorded.
        var asked = await replica.RecordAsync(new(null, "能量从哪里来？", false, null), dead, Biology, new Uri(engine.Address));
        await Eventually.TrueAsync(
            async () => (await replica.MessageAsync(asked.MessageId)).Status != AnswerStatus.Streaming, "another has written it");

        (await replica.MessageAsync(asked.MessageId)).ShouldBe((AnswerStatus.Complete, "stop", "能量来自线粒体 [2]。"));
        var body = engine.Asked.ShouldHaveSingleItem();
        body.GetProperty("messages").EnumerateArray().Select(m => m.GetProperty("content").GetString()).ShouldBe(["I am Ms Noether.", "能量从哪里来？"]);
        body.GetProperty("lyceum").GetProperty("passages").EnumerateArray()
            .Select(p => (p.GetProperty("id").GetString(), p.GetProperty("title").GetString(), p.GetProperty("text").GetString(), p.GetProperty("source").GetString()))
            .ShouldBe([("d:0", "光合作用", "植物利用光能。", "生物.md"), ("d:1", "细胞呼吸", "线粒体释放能量。", "生物.md")]);

        // What readers are told, from now on.
        AnswerSource[] sources = [Biology.Sources[0] with { Text = null }, Biology.Sources[1] with { Cited = true }];
        var end = (await new StoredAnswers(replica.Database).ReadAsync(ChatMachinery.Caller, asked.MessageId, 0, default))!.End!;
        end.Grounding.ShouldBe(GroundingStatus.Found);
        end.Sources.ShouldBe(sources);
        var messages = await replica.MessagesAsync(asked.ConversationId);
        (messages[1].TutorId, messages[1].KbId, messages[1].Grounding).ShouldBe((3, "生物", GroundingStatus.Found));
        messages[1].Sources!.Value.EnumerateArray().Select(s => s.GetProperty("cited").GetBoolean()).ShouldBe([false, true]);
        (messages[0].TutorId, messages[0].Grounding, messages[0].Sources).ShouldBe((null, null, null));
    }

    [Fact]
    public async Task Question_OfTheModelAlone_StoresNothingOfTheKind_AndSendsNoPassages()
    {
        await using var engine = await EngineAsync("As [1] says.");
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var asked = await replica.RecordAsync(new(null, "?", false, null), replica.Lease.OwnerId, null, new Uri(engine.Address));
        replica.Start(asked.Order!);
        await Eventually.TrueAsync(() => replica.Runner.Find(asked.MessageId) is null, "it has ended");

        engine.Asked.ShouldHaveSingleItem().TryGetProperty("lyceum", out _).ShouldBeFalse();
        var end = (await new StoredAnswers(replica.Database).ReadAsync(ChatMachinery.Caller, asked.MessageId, 0, default))!.End!;
        (end.Status, end.Grounding, end.Sources).ShouldBe((AnswerStatus.Complete, null, null));
    }

    [Fact]
    public async Task Answer_BeingWritten_SaysWhatItWasAskedOf_ButNotYetWhatItCites()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var asked = await replica.RecordAsync(new(null, "?", false, null), replica.Lease.OwnerId, Biology);
        var answer = (await replica.MessagesAsync(asked.ConversationId))[1];
        (answer.Status, answer.KbId, answer.Grounding, answer.Sources).ShouldBe((AnswerStatus.Streaming, "生物", GroundingStatus.Found, null));
    }

    [Fact]
    public async Task EarlierQuestions_NewestFirst_OfTheCallersOwnConversationAlone()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        Guid? conversation = null;
        foreach (var text in (string[])["one", "two", "three", "four", "five"])
        {
            conversation = (await replica.RecordAsync(new(conversation, text, false, null), replica.Lease.OwnerId)).ConversationId;
            await replica.ExecuteAsync("UPDATE generations SET ended_at = now()");
            await replica.ExecuteAsync("UPDATE messages SET status = 'complete', content = 'answer' WHERE role = 'assistant'");
        }

        Task<List<string>> Earlier(Caller caller, Guid? id) => replica.WithQuestionsAsync(store => store.EarlierQuestionsAsync(caller, id));
        (await Earlier(ChatMachinery.Caller, conversation)).ShouldBe(["five", "four", "three", "two"]);
        (await Earlier(ChatMachinery.Caller with { Subject = "somebody else" }, conversation)).ShouldBeEmpty();
        (await Earlier(ChatMachinery.Caller, null)).ShouldBeEmpty();
    }

    [Fact]
    public async Task IdempotencyKey_WithAnotherKnowledgeBaseOrTutor_IsAnotherQuestion()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var question = new Question(null, "Why?", false, "key", 3, "bio");
        (await replica.WithQuestionsAsync(store => store.FindAskedAsync(ChatMachinery.Caller, question))).ShouldBeNull();
        var asked = await replica.RecordAsync(question, replica.Lease.OwnerId, Biology);

        var found = await replica.WithQuestionsAsync(store => store.FindAskedAsync(ChatMachinery.Caller, question));
        found.ShouldBe(new RecordedQuestion(asked.ConversationId, asked.MessageId, null));
        foreach (var other in (Question[])[question with { KbId = "chem" }, question with { TutorId = 4 }, question with { TutorId = null, KbId = null }])
        {
            var refused = await Should.ThrowAsync<ProblemException>(
                () => replica.WithQuestionsAsync(store => store.FindAskedAsync(ChatMachinery.Caller, other)));
            refused.Code.ShouldBe(ErrorCodes.IdempotencyKeyReused);
        }
    }

    /// <summary>Knows no generation until it is asked for one, and then answers <paramref name="text"/>.</summary>
    private static async Task<Engine> EngineAsync(string text)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var asked = new List<JsonElement>();
        app.MapGet("/v1/generations/{id}", () => Results.Json(
            new { error = new { code = "generation_not_found", message = "not here" } }, statusCode: 404));
        app.MapDelete("/v1/generations/{id}", () => Results.NoContent());
        app.MapPost("/v1/chat/completions", (JsonElement body) =>
        {
            asked.Add(body.Clone());
            var chunk = JsonSerializer.Serialize(new { choices = new[] { new { delta = new { content = text }, finish_reason = "stop" } } });
            return Results.Text($"data: {chunk}\n\ndata: [DONE]\n\n", "text/event-stream");
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new Engine(app, asked);
    }

    private sealed record Engine(WebApplication App, List<JsonElement> Asked) : IAsyncDisposable
    {
        public string Address => App.Urls.First();

        public ValueTask DisposeAsync() => App.DisposeAsync();
    }
}
