using System.Net;
using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Data;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Tests.ChatApi;

/// <summary>A conversation is a tree: questions are edited and answers given anew beside what is there.</summary>
public sealed class BranchTests(PostgresFixture postgres)
{
    [Fact]
    public async Task EditedQuestion_BeginsABranch_WhoseContextIsItsOwn()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var one = await ada.AskAsync("one");
        var two = await ada.AskAsync("two", one.Conversation);
        var edited = await ada.AskAsync("two, edited", one.Conversation, one.Answer);

        engine.LastShown.ShouldBe(["one", "Answer to: one", "two, edited"]);
        var branch = await ada.MessagesAsync(one.Conversation);
        branch.ConvertAll(Content).ShouldBe(["one", "Answer to: one", "two, edited", "Answer to: two, edited"]);
        branch.ConvertAll(Parent).ShouldBe([null, one.Question, one.Answer, edited.Question]);
        Siblings(branch[2]).ShouldBe([two.Question, edited.Question]);
        Siblings(branch[3]).ShouldBe([edited.Answer]);
        (await ada.MessagesAsync(one.Conversation, "?all=true")).ConvertAll(Id)
            .ShouldBe([one.Question, one.Answer, two.Question, two.Answer, edited.Question, edited.Answer]);

        // What comes next goes on with the branch that was asked on last.
        await ada.AskAsync("three", one.Conversation);
        engine.LastShown.ShouldBe(["one", "Answer to: one", "two, edited", "Answer to: two, edited", "three"]);
    }

    [Fact]
    public async Task FirstQuestion_Edited_IsAnotherRoot()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var one = await ada.AskAsync("one");
        var other = await ada.AskAsync("another one", one.Conversation, one.Conversation);

        engine.LastShown.ShouldBe(["another one"]);
        var branch = await ada.MessagesAsync(one.Conversation);
        branch.ConvertAll(Parent).ShouldBe([null, other.Question]);
        Siblings(branch[0]).ShouldBe([one.Question, other.Question]);
    }

    [Fact]
    public async Task Regenerated_TheSameQuestionIsAnsweredBeside()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var one = await ada.AskAsync("one");
        var two = await ada.AskAsync("two", one.Conversation);
        engine.Reply = _ => "otherwise";
        var again = await ada.AskAsync(new { regenerate_of = two.Answer, reading_level = "simple" });

        (again.Conversation, again.Question, again.Text).ShouldBe((one.Conversation, two.Question, "otherwise"));
        engine.LastShown.ShouldBe(["one", "Answer to: one", "two"]);
        var branch = await ada.MessagesAsync(one.Conversation);
        branch.ConvertAll(Content).ShouldBe(["one", "Answer to: one", "two", "otherwise"]);
        Siblings(branch[3]).ShouldBe([two.Answer, again.Answer]);
        branch[3].GetProperty("reading_level").GetString().ShouldBe("simple");
        (await ada.ReadAsync(two.Answer)).Text.ShouldBe("Answer to: two");

        // It is answered as it was asked, where the request does not say.
        var third = await ada.AskAsync(new { regenerate_of = again.Answer, mode = "guide" });
        var last = (await ada.MessagesAsync(one.Conversation))[3];
        (Id(last), last.GetProperty("reading_level").GetString(), last.GetProperty("mode").GetString()).ShouldBe((third.Answer, "simple", "guide"));
        third.Start.GetProperty("mode").GetString().ShouldBe("guide");
    }

    [Fact]
    public async Task BranchesTenDeep_EachKeepsItsPath_WithoutCircles()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var path = new List<Told> { await ada.AskAsync("0") };
        for (var i = 1; i <= 10; i++)
        {
            // Each level is asked twice and goes on with the first.
            path.Add(await ada.AskAsync($"{i}", path[0].Conversation, path[^1].Answer));
            await ada.AskAsync($"{i} otherwise", path[0].Conversation, path[^2].Answer);
        }
        var last = await ada.AskAsync("last", path[0].Conversation, path[^1].Answer);

        engine.LastShown.ShouldBe(
            [.. Enumerable.Range(0, 11).SelectMany(i => new[] { $"{i}", $"Answer to: {i}" }), "last"]);
        (await ada.MessagesAsync(last.Conversation)).Count.ShouldBe(24);
        (await host.ScalarAsync(
            "SELECT count(*) FROM messages m LEFT JOIN messages p ON p.id = m.parent_id WHERE m.parent_id IS NOT NULL AND (p.position >= m.position OR p.depth + 1 <> m.depth OR p.id IS NULL)"))
            .ShouldBe(0L);

        // From a leaf that is not shown, and back.
        foreach (var told in (Told[])[path[5], last])
        {
            var shown = await ada.JsonAsync(
                HttpMethod.Patch, $"/api/conversations/{last.Conversation}", new { active_leaf_id = told.Question });
            shown.GetProperty("active_leaf_id").GetGuid().ShouldBe(last.Answer); // the newest end below it
        }
    }

    [Fact]
    public async Task ActiveBranch_Switched_IsShownAndGoneOnWith()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var one = await ada.AskAsync("one");
        await ada.AskAsync("one, edited", one.Conversation, one.Conversation);
        var path = $"/api/conversations/{one.Conversation}";
        (await ada.JsonAsync(HttpMethod.Patch, path, new { active_leaf_id = one.Question })).GetProperty("active_leaf_id")
            .GetGuid().ShouldBe(one.Answer);
        (await ada.MessagesAsync(one.Conversation)).ConvertAll(Content).ShouldBe(["one", "Answer to: one"]);
        await ada.AskAsync("two", one.Conversation);
        engine.LastShown.ShouldBe(["one", "Answer to: one", "two"]);

        var elsewhere = await ada.AskAsync("elsewhere");
        await ada.RefusedAsync(HttpMethod.Patch, path, new { active_leaf_id = elsewhere.Answer, pinned = true }, 404, "message_not_found");
        (await ada.GetAsync(path)).GetProperty("pinned").GetBoolean().ShouldBeFalse(); // all of it or nothing
        await ada.RefusedAsync(HttpMethod.Patch, path, new { }, 400, "invalid_request");
    }

    [Fact]
    public async Task Branch_AskedForWrongly_IsRefused_AndNothingIsRecorded()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(
            await postgres.CreateDatabaseAsync(), engine, ("Conversations:MaxBranches", "2"));
        var (ada, bob) = (host.As("ada"), host.As("bob"));
        var mine = await ada.AskAsync("one");
        var other = await ada.AskAsync("other");
        var (conversation, theirs) = (mine.Conversation, await bob.AskAsync("bob's"));
        await ada.AskAsync("two", conversation, mine.Answer);
        await ada.AskAsync("two again", conversation, mine.Answer);
        var before = await host.ScalarAsync("SELECT count(*) FROM messages");

        foreach (var (body, status, code) in new (object, int, string)[]
        {
            (new { message = "x", conversation_id = conversation, parent_id = theirs.Answer }, 404, "message_not_found"),
            (new { message = "x", conversation_id = conversation, parent_id = other.Answer }, 404, "message_not_found"),
            (new { message = "x", conversation_id = conversation, parent_id = Guid.NewGuid() }, 404, "message_not_found"),
            (new { message = "x", conversation_id = theirs.Conversation, parent_id = theirs.Answer }, 404, "conversation_not_found"),
            (new { message = "x", conversation_id = theirs.Conversation, parent_id = theirs.Conversation }, 404, "conversation_not_found"),
            (new { message = "x", conversation_id = conversation, parent_id = mine.Question }, 400, "invalid_request"),
            (new { message = "x", parent_id = mine.Answer }, 400, "invalid_request"),
            (new { message = "x", regenerate_of = mine.Answer }, 400, "invalid_request"),
            (new { parent_id = mine.Answer, regenerate_of = mine.Answer }, 400, "invalid_request"),
            (new { regenerate_of = theirs.Answer }, 404, "message_not_found"),
            (new { regenerate_of = mine.Question }, 404, "message_not_found"),
            (new { conversation_id = other.Conversation, regenerate_of = mine.Answer }, 404, "message_not_found"),
            (new { message = "x", conversation_id = conversation, parent_id = mine.Answer }, 409, "limit_reached"),
            (new { message = "x", mode = "solve" }, 400, "invalid_request"),
            (new { message = "x", reading_level = "12" }, 400, "invalid_request"),
            (new { message = "x", language = "no such!" }, 400, "invalid_request"),
            (new { message = "x", concept_id = "a\u0000b" }, 400, "invalid_request"),
        })
            await ada.RefusedAsync(HttpMethod.Post, "/chat", body, status, code);
        (await host.ScalarAsync("SELECT count(*) FROM messages")).ShouldBe(before);
    }

    [Fact]
    public async Task Branch_WhileAnAnswerIsWritten_IsRefused()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var asked = await replica.RecordAsync(new(null, "one", false, null), replica.Lease.OwnerId);
        var again = await replica.WithQuestionsAsync(store => store.FindAnsweredAsync(
            ChatMachinery.Caller, new Question(null, "", false, null) { RegenerateOf = asked.MessageId }));
        Question[] questions =
        [
            again, new(asked.ConversationId, "x", false, null) { ParentId = asked.MessageId },
            new(asked.ConversationId, "x", false, null) { ParentId = asked.ConversationId }, new(asked.ConversationId, "x", false, null),
        ];
        foreach (var question in questions)
        {
            (await Should.ThrowAsync<ProblemException>(() => replica.RecordAsync(question, replica.Lease.OwnerId))).Code
                .ShouldBe(ErrorCodes.AnswerInProgress);
        }
        (await replica.ScalarAsync("SELECT count(*) FROM messages")).ShouldBe(2L);
    }

    [Fact]
    public async Task TwentyEditsAtOnce_OnTwoReplicas_OneIsAsked()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var one = await ChatMachinery.StartAsync(database);
        await using var two = await ChatMachinery.StartAsync(database);
        var first = await one.RecordAsync(new(null, "one", false, null), one.Lease.OwnerId);
        await EndAllAsync(one);
        var again = await one.WithQuestionsAsync(store => store.FindAnsweredAsync(
            ChatMachinery.Caller, new Question(null, "", false, null) { RegenerateOf = first.MessageId }));

        var codes = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            var replica = i % 2 == 0 ? one : two;
            try
            {
                await replica.RecordAsync(
                    i % 4 < 2 ? new(first.ConversationId, $"{i}", false, null) { ParentId = first.MessageId } : again, replica.Lease.OwnerId);
                return "asked";
            }
            catch (ProblemException e)
            {
                return e.Code;
            }
        }));

        codes.Count(code => code == "asked").ShouldBe(1);
        codes.Count(code => code == ErrorCodes.AnswerInProgress).ShouldBe(19);
    }

    [Fact]
    public async Task IdempotencyKey_OfAnEdit_IsOfThatPlaceAlone()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var one = await ada.AskAsync("one");
        var body = new { message = "two", conversation_id = one.Conversation, parent_id = one.Answer };
        var two = await ada.AskAsync(body, "key");
        var again = await ada.AskAsync(body, "key");
        (again.Answer, again.Question, again.Text).ShouldBe((two.Answer, two.Question, "Answer to: two"));
        using var other = await ada.SendAsync(
            HttpMethod.Post, "/chat", new { message = "two", conversation_id = one.Conversation, parent_id = two.Answer }, "key");
        other.StatusCode.ShouldBe(HttpStatusCode.UnprocessableEntity);

        var anew = await ada.AskAsync(new { regenerate_of = one.Answer }, "anew");
        (await ada.AskAsync(new { regenerate_of = one.Answer }, "anew")).Answer.ShouldBe(anew.Answer);
        (await host.ScalarAsync("SELECT count(*) FROM messages")).ShouldBe(5L);
    }

    /// <summary>Killed between recording and asking: whoever takes it over shows the engine the branch, not the conversation.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Takeover_OfABranchThatWasNeverAsked_ShowsTheEngineThatBranch(bool regenerates)
    {
        await using var engine = await StubEngine.StartAsync();
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var one = await replica.RecordAsync(new(null, "one", false, null), replica.Lease.OwnerId);
        await EndAllAsync(replica);
        var two = await replica.RecordAsync(new(one.ConversationId, "two", false, null), replica.Lease.OwnerId);
        await EndAllAsync(replica);
        await replica.RecordAsync(new(one.ConversationId, "three", false, null), replica.Lease.OwnerId);
        await EndAllAsync(replica);

        var dead = Guid.CreateVersion7();
        await replica.ExecuteAsync("INSERT INTO owners VALUES ($1, clock_timestamp() + interval '1 second')", dead);
        var question = regenerates
            ? await replica.WithQuestionsAsync(store => store.FindAnsweredAsync(
                ChatMachinery.Caller, new Question(null, "", false, null) { RegenerateOf = two.MessageId }))
            : new(one.ConversationId, "two, edited", false, null) { ParentId = one.MessageId };
        var teaching = new AnswerGrounding(null, null, null, [], "Guide them.") { Teaching = new("guide", null, null, null) };
        var asked = await replica.RecordAsync(question, dead, teaching, new Uri(engine.Address));

        await Eventually.TrueAsync(
            async () => (await replica.MessageAsync(asked.MessageId)).Status != AnswerStatus.Streaming, "another has written it", 10);
        var last = regenerates ? "two" : "two, edited";
        engine.LastShown.ShouldBe(["one", "said", last]);
        StubEngine.Messages(engine.Asked.Single()).First().ShouldBe(("system", "Guide them."));
        (await replica.MessageAsync(asked.MessageId)).ShouldBe((AnswerStatus.Complete, "stop", $"Answer to: {last}"));
        (await replica.MessagesAsync(one.ConversationId)).Select(m => m.Content).ShouldBe(["one", "said", last, $"Answer to: {last}"]);
    }

    /// <summary>Killed in the middle: what was shown of the branch is in it, and the other branch is as it was.</summary>
    [Fact]
    public async Task Takeover_OfABranchInTheMiddle_KeepsWhatWasShown_AndTheOtherBranch()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var one = await replica.RecordAsync(new(null, "one", false, null), replica.Lease.OwnerId);
        await EndAllAsync(replica);
        var dead = Guid.CreateVersion7();
        await replica.ExecuteAsync("INSERT INTO owners VALUES ($1, clock_timestamp() + interval '1 second')", dead);
        var again = await replica.WithQuestionsAsync(store => store.FindAnsweredAsync(
            ChatMachinery.Caller, new Question(null, "", false, null) { RegenerateOf = one.MessageId }));
        var asked = await replica.RecordAsync(again, dead);
        await replica.ExecuteAsync("INSERT INTO generation_chunks VALUES ($1, 0, 'what was '), ($1, 9, 'shown')", asked.MessageId);

        await Eventually.TrueAsync(
            async () => (await replica.MessageAsync(asked.MessageId)).Status != AnswerStatus.Streaming, "it is ended", 10);
        var all = await replica.MessagesAsync(one.ConversationId, all: true);
        all.Select(m => (m.Content, m.Status)).ShouldBe(
            [("one", AnswerStatus.Complete), ("said", AnswerStatus.Complete), ("what was shown", AnswerStatus.Interrupted)]);
        all[2].SiblingIds.ShouldBe([one.MessageId, asked.MessageId]);
    }

    /// <summary>While both versions run, the one before appends to what it takes for the only branch.</summary>
    [Fact]
    public async Task MessagesOfTheVersionBefore_AreTheEndOfTheBranch()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var one = await replica.RecordAsync(new(null, "one", false, null), replica.Lease.OwnerId);
        await EndAllAsync(replica);
        await replica.ExecuteAsync(
            """
            INSERT INTO messages (id, conversation_id, position, role, content, status, created_at) VALUES
                (gen_random_uuid(), $1, 2, 'user', 'two', 'complete', now()), (gen_random_uuid(), $1, 3, 'assistant', 'said', 'complete', now())
            """, one.ConversationId);
        string[] before = ["one", "said", "two", "said"];
        var seen = await replica.MessagesAsync(one.ConversationId);
        seen.Select(m => m.Content).ShouldBe(before);
        seen.Select(m => m.ParentId).ShouldBe([null, .. seen.Take(3).Select(m => (Guid?)m.Id)]);
        (await replica.WithQuestionsAsync(store => store.EarlierQuestionsAsync(ChatMachinery.Caller, one.ConversationId))).ShouldBe(["two", "one"]);

        var next = await replica.RecordAsync(new(one.ConversationId, "three", false, null), replica.Lease.OwnerId);
        next.Order!.Context!.Where(m => m.Role != "system").Select(m => m.Content).ShouldBe([.. before, "three"]);
        (await replica.ScalarAsync("SELECT string_agg(depth::text, ' ' ORDER BY position) FROM messages")).ShouldBe("0 1 2 3 4 5");
        (await replica.MessagesAsync(one.ConversationId)).Count.ShouldBe(6);
    }

    [Fact]
    public async Task Messages_PagedFromTheEnd_MeetAtTheBeginning()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var (ada, bob) = (host.As("ada"), host.As("bob"));
        var one = await ada.AskAsync("0");
        for (var i = 1; i < 5; i++)
            await ada.AskAsync($"{i}", one.Conversation);
        await ada.AskAsync("0 edited", one.Conversation, one.Conversation);
        await ada.JsonAsync(HttpMethod.Patch, $"/api/conversations/{one.Conversation}", new { active_leaf_id = one.Question });

        foreach (var (query, expected) in new[] { ("limit=3", 10), ("limit=3&all=true", 12) })
        {
            var (read, before) = (new List<JsonElement>(), "");
            for (var pages = 0; ; pages++)
            {
                var page = await ada.GetAsync($"/api/conversations/{one.Conversation}/messages?{query}{before}");
                read.InsertRange(0, page.GetProperty("messages").EnumerateArray());
                if (page.GetProperty("previous_cursor").ValueKind == JsonValueKind.Null)
                    break;
                before = $"&before={page.GetProperty("previous_cursor").GetGuid()}";
                pages.ShouldBeLessThan(5);
            }
            read.Count.ShouldBe(expected);
            read.Select(Id).Distinct().Count().ShouldBe(expected);
            Content(read[0]).ShouldBe("0");
        }
        var path = $"/api/conversations/{one.Conversation}/messages";
        await ada.RefusedAsync(HttpMethod.Get, $"{path}?before={Guid.NewGuid()}", null, 400, "invalid_cursor");
        await ada.RefusedAsync(HttpMethod.Get, $"{path}?limit=0", null, 400, "invalid_request");
        await bob.RefusedAsync(HttpMethod.Get, path, null, 404, "conversation_not_found");
    }

    private static async Task EndAllAsync(ChatMachinery replica)
    {
        await replica.ExecuteAsync("UPDATE generations SET ended_at = now() WHERE ended_at IS NULL");
        await replica.ExecuteAsync("UPDATE messages SET status = 'complete', finish_reason = 'stop', content = 'said' WHERE status = 'streaming'");
    }

    private static Guid Id(JsonElement message) => message.GetProperty("id").GetGuid();
    private static string Content(JsonElement message) => message.GetProperty("content").GetString()!;
    private static Guid? Parent(JsonElement message) =>
        message.GetProperty("parent_id") is { ValueKind: JsonValueKind.String } parent ? parent.GetGuid() : null;
    private static List<Guid> Siblings(JsonElement message) =>
        [.. message.GetProperty("sibling_ids").EnumerateArray().Select(id => id.GetGuid())];
}
