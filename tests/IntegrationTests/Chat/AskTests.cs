using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Lyceum.Tests.StubModel;
using Lyceum.Tests.Support;
using Npgsql;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>Asking and reading, through the whole system.</summary>
[Collection(ChatCollection.Name)]
public sealed class AskTests(SharedSystem system)
{
    [Fact]
    public async Task Ask_StreamsTheExactTextAndStoresIt()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var answer = await chat.AskAsync("[[stub tokens=40 rate=200 seed=3 unicode=1]]");
        await answer.ToEndAsync();

        var expected = StubText.Text(3, 40, unicode: true);
        answer.Text.ShouldBe(expected);
        answer.Cursor.ShouldBe(Encoding.UTF8.GetByteCount(expected));
        answer.End!.Type.ShouldBe("end");
        answer.End.Data.GetProperty("status").GetString().ShouldBe("complete");
        answer.End.Data.GetProperty("finish_reason").GetString().ShouldBe("stop");
        answer.End.Data.GetProperty("usage").GetProperty("completion_tokens").GetInt32().ShouldBe(40);

        var messages = await chat.MessagesAsync(answer.ConversationId);
        messages.EnumerateArray().Select(m => m.GetProperty("role").GetString()).ShouldBe(["user", "assistant"]);
        messages[1].GetProperty("content").GetString().ShouldBe(expected);
        messages[1].GetProperty("status").GetString().ShouldBe("complete");
    }

    [Fact]
    public async Task Ask_SecondQuestion_TheModelSeesTheFirst()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var first = await chat.AskAsync("My first question [[stub tokens=3 rate=0]]");
        await first.ToEndAsync();
        await using var second = await chat.AskAsync("My second question [[stub tokens=3 rate=0]]", first.ConversationId);
        await second.ToEndAsync();

        var asked = system.Stub.Log.Requests.Last(r => r.LastUserMessage.StartsWith("My second", StringComparison.Ordinal));
        asked.Body.ShouldContain("My first question");
        var list = await chat.Http.GetFromJsonAsync<JsonElement>("/api/conversations?limit=100");
        list.GetProperty("conversations").EnumerateArray()
            .Single(c => c.GetProperty("id").GetGuid() == first.ConversationId)
            .GetProperty("title").GetString().ShouldStartWith("My first question");
    }

    [Fact]
    public async Task Ask_LongConversation_UsageSaysWhatWasLeftOut()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var first = await chat.AskAsync("[[stub tokens=3 rate=0]]" + new string('x', 40_000)); // more than the budget alone
        await first.ToEndAsync();
        await using var second = await chat.AskAsync("short [[stub tokens=3 rate=0]]", first.ConversationId);
        await second.ToEndAsync();

        var usage = second.End!.Data.GetProperty("usage");
        usage.GetProperty("context_messages").GetInt32().ShouldBe(2); // the question, and the answer before it
        usage.GetProperty("context_messages_left_out").GetInt32().ShouldBe(1);
        usage.GetProperty("completion_tokens").GetInt32().ShouldBe(3);
        var stored = (await chat.MessagesAsync(first.ConversationId))[3].GetProperty("usage");
        JsonElement.DeepEquals(stored, usage).ShouldBeTrue();
        system.Stub.Log.Requests.Last(r => r.LastUserMessage.StartsWith("short", StringComparison.Ordinal)).MessageCount.ShouldBe(3); // and the system's
    }

    [Fact]
    public async Task Ask_PlainText_TheTextAlone()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/chat")
        {
            Content = JsonContent.Create(new { message = "[[stub tokens=20 rate=0 seed=5]]" }),
        };
        request.Headers.Accept.ParseAdd("text/plain");
        using var response = await chat.Http.SendAsync(request);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/plain");
        (await response.Content.ReadAsStringAsync()).ShouldBe(StubText.Text(5, 20, unicode: false));
    }

    /// <summary>Text is among what axios accepts, and not what it prefers.</summary>
    [Theory]
    [InlineData("application/json, text/plain, */*")]
    [InlineData("*/*")]
    [InlineData("text/html,application/xhtml+xml,*/*;q=0.8")]
    public async Task Ask_AcceptingAnything_Events(string accept)
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/chat")
        {
            Content = JsonContent.Create(new { message = "[[stub tokens=3 rate=0]]" }),
        };
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await chat.Http.SendAsync(request);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        (await response.Content.ReadAsStringAsync()).ShouldContain("event: end");
    }

    [Fact]
    public async Task Ask_WhileAnAnswerIsWritten_Conflict()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var first = await chat.AskAsync("[[stub tokens=20 rate=10]]");
        await first.UntilAsync(a => a.Text.Length > 0);
        using var second = await chat.Http.PostAsJsonAsync("/chat", new { conversation_id = first.ConversationId, message = "and?" });
        second.StatusCode.ShouldBe(HttpStatusCode.Conflict);
        (await second.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString().ShouldBe("answer_in_progress");
        await first.ToEndAsync();
        first.End!.Data.GetProperty("status").GetString().ShouldBe("complete");
    }

    [Fact]
    public async Task Client_LeavesAndComesBack_MissesNothing()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        var seen = new StringBuilder();
        Guid message;
        int cursor;
        await using (var first = await chat.AskAsync("[[stub tokens=60 rate=30 seed=8 unicode=1]]"))
        {
            await first.UntilAsync(a => a.Text.Length > 40);
            seen.Append(first.Text);
            (message, cursor) = (first.MessageId, first.Cursor);
        }
        await using (var second = await chat.ResumeAsync(message, cursor))
        {
            await second.UntilAsync(a => a.Text.Length > 40);
            seen.Append(second.Text);
            cursor = second.Cursor;
        }
        await using var third = await chat.ResumeAsync(message, cursor);
        await third.ToEndAsync();
        seen.Append(third.Text);
        seen.ToString().ShouldBe(StubText.Text(8, 60, unicode: true));
        third.End!.Data.GetProperty("status").GetString().ShouldBe("complete");

        // And once more after the end, from the start.
        await using var again = await chat.ResumeAsync(message, 0);
        (await again.ToEndAsync()).Text.ShouldBe(seen.ToString());
    }

    /// <summary>Rule 1, deterministically: what cannot be recorded is not shown.</summary>
    [Fact]
    public async Task Delta_WhileItCannotBeRecorded_IsNotShown()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var connection = await system.OpenDatabaseAsync("chatdb");
        await using var transaction = await connection.BeginTransactionAsync();
        await ExecuteAsync(connection, "LOCK TABLE generation_chunks IN ACCESS EXCLUSIVE MODE");

        await using var answer = await chat.AskAsync("[[stub tokens=30 rate=100 seed=4 unicode=1]] held");
        (await answer.NextAsync())!.Type.ShouldBe("start");
        // The whole answer has left the model, the journal stands at the lock, and still nothing is shown.
        await system.Stub.UntilAsync(log => log.Requests.Any(r => r.LastUserMessage.EndsWith("held", StringComparison.Ordinal) && r.TokensSent == 30));
        // An insert, or, where its connection had to be replaced, the look at what is in.
        await Eventually.TrueAsync(async () => (long)(await ScalarAsync(connection,
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%generation_chunks%'"))! > 0,
            "the journal stands at the lock");
        var next = answer.NextAsync();
        await Task.Delay(500);
        next.IsCompleted.ShouldBeFalse();

        await transaction.RollbackAsync();
        (await next)!.Type.ShouldBe("delta");
        await answer.ToEndAsync();
        answer.Text.ShouldBe(StubText.Text(4, 30, unicode: true));
    }

    [Fact]
    public async Task Upstream_FailsHalfway_PartKeptAndSaidSo()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var answer = await chat.AskAsync("[[stub tokens=30 rate=100 seed=2 cut_after=10]]");
        await answer.ToEndAsync();
        answer.Text.ShouldBe(StubText.Text(2, 10, unicode: false));
        answer.End!.Type.ShouldBe("end");
        answer.End.Data.GetProperty("status").GetString().ShouldBe("interrupted");
        var stored = (await chat.MessagesAsync(answer.ConversationId))[1];
        stored.GetProperty("content").GetString().ShouldBe(answer.Text);
        stored.GetProperty("status").GetString().ShouldBe("interrupted");
        stored.GetProperty("error").GetProperty("code").ValueKind.ShouldBe(JsonValueKind.String);
    }

    [Fact]
    public async Task Upstream_RefusesAtOnce_ErrorEventWithAProblem()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var answer = await chat.AskAsync("[[stub status=500]]");
        await answer.ToEndAsync();
        answer.Text.ShouldBe("");
        answer.End!.Type.ShouldBe("error");
        answer.End.Data.GetProperty("code").GetString().ShouldNotBeNullOrEmpty();
        (await chat.MessagesAsync(answer.ConversationId))[1].GetProperty("status").GetString().ShouldBe("failed");
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql) => await ScalarAsync(connection, sql);

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
