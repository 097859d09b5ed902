using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Npgsql;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>Rubbish gets a clear refusal, never a 5xx, and harms nobody.</summary>
[Collection(ChatCollection.Name)]
public sealed class BadInputTests(SharedSystem system)
{
    private static readonly Guid Unknown = Guid.Parse("00000000-0000-7000-8000-000000000000");

    public static TheoryData<string, string, int, string> Questions => new()
    {
        { "no body", "", 400, "invalid_json" },
        { "no JSON", "hello", 400, "invalid_json" },
        { "cut short", """{"message":"a""", 400, "invalid_json" },
        { "null", "null", 400, "invalid_json" },
        { "an array", "[]", 400, "invalid_json" },
        { "no message", "{}", 400, "invalid_request" },
        { "empty message", """{"message":""}""", 400, "invalid_request" },
        { "blank message", """{"message":" \n"}""", 400, "invalid_request" },
        { "a number for a message", """{"message":5}""", 400, "invalid_json" },
        { "an object for a message", """{"message":{"a":1}}""", 400, "invalid_json" },
        { "no UUID", """{"conversation_id":"banana","message":"a"}""", 400, "invalid_json" },
        { "unknown conversation", """{"conversation_id":"00000000-0000-7000-8000-000000000000","message":"a"}""", 404, "conversation_not_found" },
        { "NUL", """{"message":"a\u0000b"}""", 400, "invalid_request" },
        { "half a character", """{"message":"\ud83d"}""", 400, "invalid_json" },
    };

    [Theory]
    [MemberData(nameof(Questions))]
    public async Task Ask_Rubbish_Refused(string what, string body, int status, string code)
    {
        _ = system.App;
        using var http = system.CreateGatewayClient();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await http.PostAsync("/chat", content);
        await ShouldBeProblemAsync(response, status, code, what);
        await ServiceIsUnharmedAsync();
    }

    [Fact]
    public async Task Ask_InvalidUtf8_Refused()
    {
        _ = system.App;
        using var http = system.CreateGatewayClient();
        using var content = new ByteArrayContent([.. "{\"message\":\""u8, 0xff, 0xfe, 0xc3, .. "\"}"u8]);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await http.PostAsync("/chat", content);
        await ShouldBeProblemAsync(response, 400, "invalid_json");
    }

    [Fact]
    public async Task Ask_TenMegabytes_Refused()
    {
        _ = system.App;
        using var http = system.CreateGatewayClient();
        // With its length announced, as browsers and curl do, and sent without asking first.
        using var content = new StringContent($$"""{"message":"{{new string('a', 10_000_000)}}"}""", Encoding.UTF8, "application/json");
        using var response = await http.PostAsync("/chat", content);
        await ShouldBeProblemAsync(response, 413, "payload_too_large");
        await ServiceIsUnharmedAsync();
    }

    [Fact]
    public async Task Ask_Form_Refused()
    {
        _ = system.App;
        using var http = system.CreateGatewayClient();
        using var content = new FormUrlEncodedContent([new("message", "a")]);
        using var response = await http.PostAsync("/chat", content);
        await ShouldBeProblemAsync(response, 415, "unsupported_media_type");
    }

    [Fact]
    public async Task SomeoneElsesConversation_IsNotThere()
    {
        _ = system.App;
        var (conversation, message) = await SomeoneElsesAsync();
        using var http = system.CreateGatewayClient();
        using var ask = await http.PostAsJsonAsync("/chat", new { conversation_id = conversation, message = "a" });
        await ShouldBeProblemAsync(ask, 404, "conversation_not_found");
        using var read = await http.GetAsync($"/api/conversations/{conversation}/messages");
        await ShouldBeProblemAsync(read, 404, "conversation_not_found");
        using var stream = await http.GetAsync($"/chat/{message}/stream");
        await ShouldBeProblemAsync(stream, 404, "message_not_found");
        var list = await http.GetFromJsonAsync<JsonElement>("/api/conversations?limit=100");
        list.GetProperty("conversations").EnumerateArray().ShouldNotContain(c => c.GetProperty("id").GetGuid() == conversation);
    }

    [Theory]
    [InlineData("banana")]
    [InlineData("-1")]
    [InlineData("99999999999999999999")]
    [InlineData("1e3")]
    [InlineData("7")] // beyond the end
    [InlineData("1")] // inside a character
    public async Task Resume_CursorThatIsNone_Refused(string cursor)
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        var message = await StoredAsync("学习", "dev");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/chat/{message}/stream");
        request.Headers.TryAddWithoutValidation("Last-Event-ID", cursor);
        using var response = await chat.Http.SendAsync(request);
        await ShouldBeProblemAsync(response, 400, "invalid_cursor");
    }

    [Theory]
    [InlineData("GET", "/chat/00000000-0000-7000-8000-000000000000/stream", 404, "message_not_found")]
    [InlineData("GET", "/chat/banana/stream", 404, "route_not_found")]
    [InlineData("GET", "/api/conversations/00000000-0000-7000-8000-000000000000/messages", 404, "conversation_not_found")]
    [InlineData("GET", "/api/conversations?limit=0", 400, "invalid_request")]
    [InlineData("GET", "/api/conversations?limit=many", 400, "invalid_request")]
    [InlineData("GET", "/api/conversations?cursor=banana", 400, "invalid_cursor")]
    [InlineData("DELETE", "/chat", 405, "method_not_allowed")]
    [InlineData("GET", "/nowhere", 404, "route_not_found")]
    public async Task Request_ToNothing_Refused(string method, string path, int status, string code)
    {
        _ = system.App;
        using var http = system.CreateGatewayClient();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await http.SendAsync(request);
        await ShouldBeProblemAsync(response, status, code);
    }

    [Fact]
    public async Task Ask_WithoutOrWithAWrongToken_Unauthorized()
    {
        _ = system.App;
        using var http = system.CreateAnonymousClient();
        using var none = await http.PostAsJsonAsync("/chat", new { message = "a" });
        await ShouldBeProblemAsync(none, 401, "unauthorized");
        http.DefaultRequestHeaders.Authorization = new("Bearer", "lyceum_dev_wrong");
        using var wrong = await http.PostAsJsonAsync("/chat", new { message = "a" });
        await ShouldBeProblemAsync(wrong, 401, "unauthorized");
    }

    [Fact]
    public async Task Service_AskedPastTheDoor_WantsAnIdentity()
    {
        _ = system.App;
        using var http = system.CreateServiceClient("chat-api");
        using var none = await http.PostAsJsonAsync("/chat", new { message = "a" });
        await ShouldBeProblemAsync(none, 401, "unauthorized");
        http.DefaultRequestHeaders.Authorization = new("Bearer", system.DevelopmentToken);
        using var outside = await http.PostAsJsonAsync("/chat", new { message = "a" });
        await ShouldBeProblemAsync(outside, 401, "unauthorized");
    }

    private async Task ServiceIsUnharmedAsync()
    {
        using var chat = system.CreateChatClient();
        await using var answer = await chat.AskAsync("[[stub tokens=2 rate=0]]");
        (await answer.ToEndAsync()).End!.Data.GetProperty("status").GetString().ShouldBe("complete");
    }

    private static async Task ShouldBeProblemAsync(HttpResponseMessage response, int status, string code, string what = "")
    {
        var body = await response.Content.ReadAsStringAsync();
        ((int)response.StatusCode).ShouldBe(status, $"{what}: {body}");
        response.Content.Headers.ContentType?.MediaType.ShouldBe("application/problem+json", what);
        var problem = JsonElement.Parse(body);
        problem.GetProperty("code").GetString().ShouldBe(code, what);
        problem.GetProperty("status").GetInt32().ShouldBe(status, what);
        problem.GetProperty("detail").GetString().ShouldNotBeNullOrWhiteSpace(what);
    }

    private async Task<(Guid Conversation, Guid Message)> SomeoneElsesAsync()
    {
        var message = await StoredAsync("secret", "someone-else");
        await using var connection = await system.OpenDatabaseAsync("chatdb");
        await using var find = new NpgsqlCommand("SELECT conversation_id FROM messages WHERE id = $1", connection);
        find.Parameters.Add(new() { Value = message });
        return ((Guid)(await find.ExecuteScalarAsync())!, message);
    }

    /// <summary>A finished answer of <paramref name="tenant"/>, owned as the development token owns.</summary>
    private async Task<Guid> StoredAsync(string content, string tenant)
    {
        using var chat = system.CreateChatClient();
        await using var answer = await chat.AskAsync("[[stub tokens=1 rate=0]]");
        await answer.ToEndAsync();
        await using var connection = await system.OpenDatabaseAsync("chatdb");
        await using var change = new NpgsqlCommand(
            "WITH m AS (UPDATE messages SET content = $2 WHERE id = $1 RETURNING conversation_id) "
            + "UPDATE conversations c SET tenant = $3 FROM m WHERE c.id = m.conversation_id", connection);
        change.Parameters.Add(new() { Value = answer.MessageId });
        change.Parameters.Add(new() { Value = content });
        change.Parameters.Add(new() { Value = tenant });
        await change.ExecuteNonQueryAsync();
        return answer.MessageId;
    }
}
