using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>What engines and ChatApi ask for passages, and who may.</summary>
public sealed class RetrievalTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    private readonly string _tenant = $"t-{Guid.NewGuid():N}";

    [Fact]
    public async Task Retrieval_ByAService_ThePassageWithAllThatNamesIt()
    {
        var sessions = await BiologyAsync("bio");

        using var response = await AskAsync(sessions, "bio", "植物怎么利用光能？", ServiceToken(_tenant));
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        var passage = (await response.JsonAsync()).GetProperty("passages")[0];
        passage.EnumerateObject().Select(member => member.Name).ShouldBe(
            ["id", "title", "text", "source", "kb_id", "document_id", "section", "page", "offset", "length"]);
        passage.GetProperty("title").GetString().ShouldBe("光合作用");
        passage.GetProperty("text").GetString().ShouldBe("植物利用光能，把二氧化碳和水转化为糖和氧气。");
        passage.GetProperty("source").GetString().ShouldBe("生物.md");
        passage.GetProperty("id").GetString()!.ShouldMatch("^[0-9a-f-]{36}:0$");

        (await Texts(await AskAsync(sessions, "bio", "加冰吗", ServiceToken(_tenant)))).ShouldBeEmpty();
        (await Texts(await AskAsync(sessions, "bio", "plain heron", ServiceToken(_tenant)))).ShouldBe(["plain heron"]);
    }

    [Fact]
    public async Task Retrieval_OfAPassageWithoutHeading_IsTitledAsItsDocument()
    {
        var sessions = await BiologyAsync("bio");
        using var response = await AskAsync(sessions, "bio", "heron", ServiceToken(_tenant));
        (await response.JsonAsync()).GetProperty("passages")[0].GetProperty("title").GetString().ShouldBe("birds.txt");
    }

    [Fact]
    public async Task Retrieval_Limit_IsKept()
    {
        var sessions = await BiologyAsync("bio");
        foreach (var (limit, expected) in ((int, int)[])[(1, 1), (2, 2)])
            (await Texts(await AskAsync(sessions, "bio", "植物 线粒体", ServiceToken(_tenant), limit))).Count.ShouldBe(expected);
        foreach (var limit in (int[])[0, 51])
            await (await AskAsync(sessions, "bio", "x", ServiceToken(_tenant), limit)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        await (await AskAsync(sessions, "bio", " ", ServiceToken(_tenant))).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task Retrieval_ForALongText_LooksForItsBeginning()
    {
        var sessions = await BiologyAsync("bio");
        (await Texts(await AskAsync(sessions, "bio", "heron " + new string('学', 20_000), ServiceToken(_tenant)))).ShouldBe(["plain heron"]);
    }

    [Fact]
    public async Task Ticket_AsBearer_SearchesItsKnowledgeBaseOfItsTenant()
    {
        var sessions = await BiologyAsync("bio");
        (await Texts(await AskAsync(sessions, "bio", "heron", Ticket(sessions, "bio", _tenant)))).ShouldBe(["plain heron"]);
    }

    [Fact]
    public async Task Ticket_OfAnotherKnowledgeBase_OrScope_OrTime_IsRefused()
    {
        var sessions = await BiologyAsync("bio");
        await BiologyAsync("other");
        string[] tickets =
        [
            Ticket(sessions, "other", _tenant), Ticket(sessions, "bio", _tenant, lifetime: TimeSpan.FromSeconds(-6)),
            Ticket(sessions, "bio", _tenant)[..^4],
            // Another service's, for this very path.
            fixture.Identity.Token("chat-api", aud: "ticket:/internal/retrieval/bio", tenant: _tenant, scope: "tutors", kind: "service", sub: "chat-api"),
        ];
        foreach (var ticket in tickets)
            await (await AskAsync(sessions, "bio", "heron", ticket)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        await (await AskAsync(sessions, "bio", "heron", Ticket(sessions, "bio", _tenant, Scopes.Chat))).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
    }

    [Fact]
    public async Task Ticket_OpensNoOtherRoute()
    {
        var sessions = await BiologyAsync("bio");
        foreach (var path in (string[])["/api/kb/bio", "/api/kb/bio/search?q=heron", "/api/tutors"])
            await (await sessions.SendAsync(HttpMethod.Get, path, token: Ticket(sessions, "bio", _tenant))).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Fact]
    public async Task AnotherTenant_ByTicketOrService_FindsNothingOfOurs()
    {
        var sessions = await BiologyAsync("bio");
        var other = $"t-{Guid.NewGuid():N}";
        foreach (var token in (string[])[Ticket(sessions, "bio", other), ServiceToken(other)])
            await (await AskAsync(sessions, "bio", "heron", token)).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");

        // Even where they have one of that name.
        await sessions.SendAsync(HttpMethod.Put, "/api/kb/bio", new { }, fixture.Identity.Token(tenant: other, scope: "tutors"));
        (await Texts(await AskAsync(sessions, "bio", "heron", Ticket(sessions, "bio", other)))).ShouldBeEmpty();
    }

    private string ServiceToken(string tenant) =>
        fixture.Identity.Token("chat-api", tenant: tenant, sub: "chat-api", kind: "service", scope: "tutors", act: "ada");

    private static string Ticket(TestSessions sessions, string kbId, string tenant, string scope = Scopes.Tutors, TimeSpan? lifetime = null) =>
        sessions.Services.GetRequiredService<Tickets>().IssueToken(
            $"/internal/retrieval/{kbId}", new Caller(tenant, "ada", CallerKind.User, new HashSet<string>()), scope, lifetime ?? TimeSpan.FromHours(2));

    private static Task<HttpResponseMessage> AskAsync(TestSessions sessions, string kbId, string query, string token, int limit = 6) =>
        sessions.PostAsync($"/internal/retrieval/{kbId}", new { query, limit }, token);

    private static async Task<List<string?>> Texts(HttpResponseMessage response)
    {
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        return [.. (await response.JsonAsync()).GetProperty("passages").EnumerateArray().Select(p => p.GetProperty("text").GetString())];
    }

    private async Task<TestSessions> BiologyAsync(string kbId)
    {
        var sessions = await fixture.StartedAsync();
        var token = fixture.Identity.Token(tenant: _tenant, scope: "tutors");
        await sessions.SendAsync(HttpMethod.Put, $"/api/kb/{kbId}", new { }, token);
        foreach (var (name, text) in ((string, string)[])
                 [("生物.md", "# 光合作用\n植物利用光能，把二氧化碳和水转化为糖和氧气。\n\n# 细胞呼吸\n线粒体从糖中释放能量。"), ("birds.txt", "plain heron")])
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/kb/{kbId}/documents?name={Uri.EscapeDataString(name)}");
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(text));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            using var response = await sessions.Client.SendAsync(request, TestContext.Current.CancellationToken);
            response.StatusCode.ShouldBe(HttpStatusCode.Created);
        }
        return sessions;
    }
}
