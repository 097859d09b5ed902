using System.Net;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Tutors of one tenant.</summary>
public sealed class TutorTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    [Fact]
    public async Task Tutor_IsMade_Read_Replaced_Deleted()
    {
        var sessions = await fixture.StartedAsync();
        var token = fixture.Identity.Token(tenant: $"t-{Guid.NewGuid():N}", scope: "tutors");

        var made = await sessions.PostAsync("/api/tutors", new
        {
            name = "孔夫子", subject = "论语", language = "zh-Hans", instructions = "Ask back. 🚀", voice = "alloy", kb_id = "analects",
        }, token);
        made.StatusCode.ShouldBe(HttpStatusCode.Created);
        var tutor = await made.JsonAsync();
        var path = made.Headers.Location!.ToString();
        path.ShouldBe($"/api/tutors/{tutor.GetProperty("id").GetInt32()}");
        (await (await sessions.SendAsync(HttpMethod.Get, path, token: token)).JsonAsync()).GetRawText().ShouldBe(tutor.GetRawText());
        tutor.GetProperty("name").GetString().ShouldBe("孔夫子");
        tutor.GetProperty("instructions").GetString().ShouldBe("Ask back. 🚀");
        tutor.GetProperty("kb_id").GetString().ShouldBe("analects");

        var replaced = await (await sessions.SendAsync(HttpMethod.Put, path, new { name = "Kong" }, token)).JsonAsync();
        replaced.GetProperty("id").GetInt32().ShouldBe(tutor.GetProperty("id").GetInt32());
        replaced.GetProperty("name").GetString().ShouldBe("Kong");
        replaced.GetProperty("language").GetString().ShouldBe("en");
        replaced.GetProperty("kb_id").GetString().ShouldBeNull();
        (await (await sessions.SendAsync(HttpMethod.Get, path, token: token)).JsonAsync()).GetProperty("name").GetString().ShouldBe("Kong");

        (await sessions.SendAsync(HttpMethod.Delete, path, token: token)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Delete])
            await (await sessions.SendAsync(method, path, token: token)).ShouldBeProblem(HttpStatusCode.NotFound, "tutor_not_found");
        await (await sessions.SendAsync(HttpMethod.Put, path, new { name = "Kong" }, token)).ShouldBeProblem(HttpStatusCode.NotFound, "tutor_not_found");
    }

    [Fact]
    public async Task List_PageByPage_EveryTutorOnce()
    {
        var sessions = await fixture.StartedAsync();
        var token = fixture.Identity.Token(tenant: $"t-{Guid.NewGuid():N}", scope: "tutors");
        for (var i = 0; i < 5; i++)
            await sessions.PostAsync("/api/tutors", new { name = $"tutor {i}" }, token);

        var (names, pages, cursor) = (new List<string?>(), 0, "");
        do
        {
            var page = await (await sessions.SendAsync(HttpMethod.Get, $"/api/tutors?limit=2{cursor}", token: token)).JsonAsync();
            names.AddRange(page.GetProperty("tutors").EnumerateArray().Select(tutor => tutor.GetProperty("name").GetString()));
            cursor = page.GetProperty("next_cursor").GetString() is { } next ? $"&cursor={next}" : null;
            pages++;
        }
        while (cursor is not null);

        names.ShouldBe(Enumerable.Range(0, 5).Select(i => $"tutor {i}"));
        pages.ShouldBe(3);
    }

    [Theory]
    [InlineData("?limit=0", "invalid_request")]
    [InlineData("?limit=101", "invalid_request")]
    [InlineData("?cursor=banana", "invalid_cursor")]
    [InlineData("?cursor=-1", "invalid_cursor")]
    public async Task List_BadPage_Refused(string query, string code)
    {
        var sessions = await fixture.StartedAsync();

        await (await sessions.SendAsync(HttpMethod.Get, $"/api/tutors{query}", token: fixture.Identity.Token(scope: "tutors"))).ShouldBeProblem(HttpStatusCode.BadRequest, code);
    }

    [Theory]
    [InlineData("/api/tutors?limit=banana", "limit must be a whole number.")]
    [InlineData("/api/sessions/verdicts?reported=perhaps", "reported must be true or false.")]
    public async Task Parameter_NotOfItsType_IsNamed(string path, string detail)
    {
        var sessions = await fixture.StartedAsync();

        var problem = await (await sessions.SendAsync(HttpMethod.Get, path, token: fixture.Identity.Token(scope: "tutors classes", role: "owner")))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");

        problem.GetProperty("detail").GetString().ShouldBe(detail);
    }

    [Fact]
    public async Task Tutor_ManyFaults_AllReportedTogether()
    {
        var sessions = await fixture.StartedAsync();
        var token = fixture.Identity.Token(scope: "tutors");
        var body = new
        {
            name = " ", subject = new string('s', 201), language = "not a language", instructions = "a\0b", voice = new string('v', 101), kb_id = "../etc",
        };

        foreach (var response in (HttpResponseMessage[])[await sessions.PostAsync("/api/tutors", body, token), await sessions.SendAsync(HttpMethod.Put, "/api/tutors/1", body, token)])
        {
            var problem = await response.ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
            problem.GetProperty("errors").EnumerateObject().Select(fault => fault.Name)
                .ShouldBe(["instructions", "kb_id", "language", "name", "subject", "voice"]);
        }
    }
}
