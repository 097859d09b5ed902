using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.ChatApi.Conversations;

namespace Lyceum.Tests.ChatApi;

/// <summary>Keeping conversations: the list, what is pinned and archived, what was thought of answers, and files of them.</summary>
public sealed class ConversationsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task List_PinnedFirst_WithoutTheArchived_PageByPage()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var ids = new List<Guid>();
        for (var i = 0; i < 6; i++)
            ids.Add((await ada.JsonAsync(HttpMethod.Post, "/api/conversations", new { title = $"{i}" })).GetProperty("id").GetGuid());
        foreach (var i in (int[])[1, 3])
            (await ada.JsonAsync(HttpMethod.Patch, $"/api/conversations/{ids[i]}", new { pinned = true })).GetProperty("pinned").GetBoolean().ShouldBeTrue();
        await ada.JsonAsync(HttpMethod.Patch, $"/api/conversations/{ids[2]}", new { archived = true });

        (await ListAsync(ada, "limit=2")).ShouldBe(["3", "1", "5", "4", "0"]);
        (await ListAsync(ada, "limit=1&archived=true")).ShouldBe(["2"]);
        (await ListAsync(host.As("bob"), "limit=2")).ShouldBeEmpty();
        await ada.JsonAsync(HttpMethod.Patch, $"/api/conversations/{ids[3]}", new { pinned = false, archived = true });
        (await ListAsync(ada, "limit=2&archived=true")).ShouldBe(["3", "2"]);
        foreach (var cursor in (string[])["x", "p", "p1_x", "1_2_3", "99999999999999999999_1"])
            await ada.RefusedAsync(HttpMethod.Get, $"/api/conversations?cursor={cursor}", null, 400, "invalid_cursor");
        await host.As("bob").RefusedAsync(
            HttpMethod.Patch, $"/api/conversations/{ids[0]}", new { pinned = true }, 404, "conversation_not_found");
    }

    [Fact]
    public async Task Running_IsTheAnswerThatIsBeingWritten()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(database, engine);
        await using var replica = await ChatMachinery.StartAsync(database);
        var asked = await replica.RecordAsync(new(null, "one", false, null), replica.Lease.OwnerId);
        var owner = host.As("o");
        (await owner.GetAsync("/api/conversations")).GetProperty("conversations")[0].GetProperty("running").GetGuid().ShouldBe(asked.MessageId);
        await replica.ExecuteAsync("UPDATE generations SET ended_at = now()");
        await replica.ExecuteAsync("UPDATE messages SET status = 'complete' WHERE status = 'streaming'");
        (await owner.GetAsync($"/api/conversations/{asked.ConversationId}")).GetProperty("running").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task Feedback_IsKeptWithTheAnswer_AndReplaced()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var told = await ada.AskAsync("one");
        var path = $"/api/conversations/{told.Conversation}/messages";
        await ada.JsonAsync(HttpMethod.Put, $"{path}/{told.Answer}/feedback", new { rating = "down", comment = "太难了" });
        var feedback = (await ada.MessagesAsync(told.Conversation))[1].GetProperty("feedback");
        (feedback.GetProperty("rating").GetString(), feedback.GetProperty("comment").GetString()).ShouldBe(("down", "太难了"));
        await ada.JsonAsync(HttpMethod.Put, $"{path}/{told.Answer}/feedback", new { rating = (string?)null });
        (await ada.MessagesAsync(told.Conversation))[1].GetProperty("feedback").ValueKind.ShouldBe(JsonValueKind.Null);

        await ada.RefusedAsync(HttpMethod.Put, $"{path}/{told.Answer}/feedback", new { rating = "meh" }, 400, "invalid_request");
        await ada.RefusedAsync(HttpMethod.Put, $"{path}/{told.Answer}/feedback", new { rating = "up", comment = "a\0" }, 400, "invalid_request");
        await ada.RefusedAsync(HttpMethod.Put, $"{path}/{told.Question}/feedback", new { rating = "up" }, 404, "message_not_found");
        await host.As("bob").RefusedAsync(HttpMethod.Put, $"{path}/{told.Answer}/feedback", new { rating = "up" }, 404, "message_not_found");
        await host.As("ada", tenant: "other").RefusedAsync(
            HttpMethod.Put, $"{path}/{told.Answer}/feedback", new { rating = "up" }, 404, "message_not_found");
    }

    [Fact]
    public async Task Export_MarkdownOfTheActiveBranch_JsonOfAll()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var one = await ada.AskAsync("光合作用：植物/怎么\"利用\"光能？");
        for (var i = 0; i < 30; i++)
            await ada.AskAsync($"more {i}", one.Conversation);
        await ada.AskAsync("instead", one.Conversation, one.Answer);
        var path = $"/api/conversations/{one.Conversation}/export";

        using var markdown = await ada.SendAsync(HttpMethod.Get, path);
        markdown.Content.Headers.ContentType.ShouldBe(MediaTypeHeaderValue.Parse("text/markdown; charset=utf-8"));
        markdown.Content.Headers.ContentDisposition!.FileNameStar.ShouldBe("光合作用 植物 怎么 利用 光能.md");
        var text = await markdown.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        text.ShouldStartWith("# 光合作用：植物/怎么\"利用\"光能？\n");
        text.ShouldContain("\nAnswer to: instead\n");
        text.ShouldNotContain("more 1");

        var all = await ada.GetAsync($"{path}?format=json");
        var messages = all.GetProperty("messages").EnumerateArray().ToList();
        messages.Count.ShouldBe(64);
        messages[63].GetProperty("content").GetString().ShouldBe("Answer to: instead");
        messages[62].GetProperty("sibling_ids").GetArrayLength().ShouldBe(2);
        all.GetProperty("conversation").GetProperty("id").GetGuid().ShouldBe(one.Conversation);

        await ada.RefusedAsync(HttpMethod.Get, $"{path}?format=pdf", null, 400, "invalid_request");
        await host.As("bob").RefusedAsync(HttpMethod.Get, path, null, 404, "conversation_not_found");
        var empty = (await ada.JsonAsync(HttpMethod.Post, "/api/conversations", new { })).GetProperty("id").GetGuid();
        (await ada.GetAsync($"/api/conversations/{empty}/export?format=json")).GetProperty("messages").GetArrayLength().ShouldBe(0);
    }

    [Theory]
    [InlineData("Why do leaves fall?", "Why do leaves fall")]
    [InlineData("../../etc/passwd", "etc passwd")]
    [InlineData("a\"; filename=x.exe\r\nSet-Cookie: b", "a filename x exe Set-Cookie b")]
    [InlineData("…", "conversation")]
    [InlineData("", "conversation")]
    [InlineData("หลักการ 光合作用 🚀 العربية", "หลักการ 光合作用 العربية")]
    public void FileName_HasLettersAlone(string title, string name) => ConversationExport.FileName(title).ShouldBe(name);

    private static async Task<List<string>> ListAsync(Person person, string query)
    {
        var (titles, cursor) = (new List<string>(), "");
        while (true)
        {
            var page = await person.GetAsync($"/api/conversations?{query}{cursor}");
            titles.AddRange(page.GetProperty("conversations").EnumerateArray().Select(c => c.GetProperty("title").GetString()!));
            if (page.GetProperty("next_cursor").GetString() is not { } next)
                return titles;
            cursor = $"&cursor={WebUtility.UrlEncode(next)}";
        }
    }
}
