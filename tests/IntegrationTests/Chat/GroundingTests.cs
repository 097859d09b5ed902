using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Npgsql;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>Answers from a knowledge base, through the whole system and with the model it has by itself.</summary>
[Collection(PrimerCollection.Name)]
public sealed class GroundingTests(SharedSystem system)
{
    private const string 光合作用 = "植物利用光能，把二氧化碳和水转化为糖和氧气𠀀。这个过程发生在叶绿体中。";

    private const string 生物 =
        $"""
        # 光合作用
        {光合作用}

        # 细胞呼吸
        线粒体从糖中释放能量，消耗氧气，产生二氧化碳。
        """;

    [Fact]
    public async Task ChineseQuestion_IsAnsweredFromTheKnowledgeBase_CitedAndStoredToTheByte()
    {
        _ = system.App;
        using var chat = new ChatClient(system.CreateGatewayClient());
        var kbId = await Knowledge.CreateAsync(chat.Http, "生物.md", 生物);

        await using var answer = await chat.AskAsync("植物怎么利用光能？", kbId: kbId);
        await answer.ToEndAsync();

        var end = answer.End!.Data;
        end.GetProperty("status").GetString().ShouldBe("complete");
        end.GetProperty("grounding").GetString().ShouldBe("found");
        var cited = end.GetProperty("sources").EnumerateArray().Where(source => source.GetProperty("cited").GetBoolean()).ToList();
        var source = cited.Single(s => s.GetProperty("title").GetString() == "光合作用");
        source.GetProperty("source").GetString().ShouldBe("生物.md");
        source.GetProperty("text").GetString().ShouldBe(光合作用);
        source.GetProperty("id").GetString().ShouldNotBeNullOrEmpty();
        answer.Text.ShouldContain($"> {光合作用} [{source.GetProperty("number").GetInt32()}]");

        // The same from the store, and to whoever comes back.
        var stored = (await chat.MessagesAsync(answer.ConversationId))[1];
        Encoding.UTF8.GetBytes(stored.GetProperty("content").GetString()!).ShouldBe(Encoding.UTF8.GetBytes(answer.Text));
        stored.GetProperty("kb_id").GetString().ShouldBe(kbId);
        stored.GetProperty("grounding").GetString().ShouldBe("found");
        JsonElement.DeepEquals(stored.GetProperty("sources"), end.GetProperty("sources")).ShouldBeTrue();
        await using var again = await chat.ResumeAsync(answer.MessageId, answer.Cursor);
        await again.ToEndAsync();
        JsonElement.DeepEquals(again.End!.Data.GetProperty("sources"), end.GetProperty("sources")).ShouldBeTrue();
        await using var database = await system.OpenDatabaseAsync("chatdb");
        await using var bytes = new NpgsqlCommand("SELECT convert_to(content, 'UTF8') FROM messages WHERE id = $1", database);
        bytes.Parameters.Add(new() { Value = answer.MessageId });
        ((byte[])(await bytes.ExecuteScalarAsync(TestContext.Current.CancellationToken))!).ShouldBe(Encoding.UTF8.GetBytes(answer.Text));
    }

    [Fact]
    public async Task ChineseLesson_IsAnsweredFromTheTutorsKnowledgeBase_CitedAndStoredToTheByte()
    {
        _ = system.App;
        var cancel = TestContext.Current.CancellationToken;
        var student = new SessionClient(system.CreateGatewayClient());
        var kbId = await Knowledge.CreateAsync(student.Http, "生物.md", 生物);
        var made = await student.CreateAsync(await student.TutorAsync(new { name = "诺特", subject = "生物学", kb_id = kbId }));
        using var socket = await SessionSocket.OpenAsync(made.EngineUrl, cancellationToken: cancel);
        await socket.SayAsync("植物怎么利用光能？", cancel);

        var text = (await socket.UntilAsync("text", cancel))!.Value;
        var content = text.GetProperty("content").GetString()!;
        var cited = text.GetProperty("citations").EnumerateArray().Single(c => c.GetProperty("title").GetString() == "光合作用");
        cited.GetProperty("source").GetString().ShouldBe("生物.md");
        content.ShouldContain($"> {光合作用} [{cited.GetProperty("number").GetInt32()}]");

        var stored = await Sessions.TalkTests.TurnsAsync(student, made.SessionId, 1);
        Encoding.UTF8.GetBytes(stored[0].GetProperty("answer").GetString()!).ShouldBe(Encoding.UTF8.GetBytes(content));
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task SearchOutOfReach_TheAnswerComesAllTheSame_AndSaysSo()
    {
        _ = system.App;
        using var chat = new ChatClient(system.CreateGatewayClient());
        var kbId = await Knowledge.CreateAsync(chat.Http, "生物.md", 生物);
        await using var database = await system.OpenDatabaseAsync("sessiondb");
        await using var transaction = await database.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var hold = new NpgsqlCommand("LOCK TABLE passages IN ACCESS EXCLUSIVE MODE", database))
            await hold.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        await using var answer = await chat.AskAsync("Qwxz?", kbId: kbId);
        await answer.ToEndAsync();

        answer.Text.ShouldNotBeEmpty();
        var end = answer.End!.Data;
        (end.GetProperty("status").GetString(), end.GetProperty("grounding").GetString()).ShouldBe(("complete", "unavailable"));
        end.GetProperty("sources").GetArrayLength().ShouldBe(0);
        (await chat.MessagesAsync(answer.ConversationId))[1].GetProperty("grounding").GetString().ShouldBe("unavailable");
    }

    [Fact]
    public async Task WhoIsNamedAndNotThere_IsNotAsked()
    {
        _ = system.App;
        using var chat = new ChatClient(system.CreateGatewayClient());
        foreach (var (body, code) in ((object, string)[])
                 [(new { message = "?", kb_id = "no-such-base" }, "knowledge_base_not_found"), (new { message = "?", tutor_id = int.MaxValue }, "tutor_not_found")])
        {
            using var refused = await chat.Http.PostAsJsonAsync("/chat", body, TestContext.Current.CancellationToken);
            refused.StatusCode.ShouldBe(HttpStatusCode.NotFound);
            (await refused.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("code").GetString().ShouldBe(code);
        }
    }

    [Fact]
    public async Task Retrieval_IsNotForThePublic()
    {
        _ = system.App;
        using var gateway = system.CreateGatewayClient();
        using var response = await gateway.PostAsJsonAsync("/internal/retrieval/bio", new { query = "x" }, TestContext.Current.CancellationToken);
        response.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("code").GetString().ShouldBe("route_not_found");
    }
}
