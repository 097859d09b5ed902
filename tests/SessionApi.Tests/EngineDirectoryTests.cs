using System.Net;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Sessions;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Who keeps the list of engines, and what becomes of sessions when one of them goes.</summary>
public sealed class EngineDirectoryTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    [Fact]
    public async Task Engine_AnnouncesItself_IsListed_AndIsForgottenWhenSilent()
    {
        var sessions = await fixture.StartedAsync();
        var (id, run) = (NewEngine(), Guid.CreateVersion7());
        (await AnnounceAsync(sessions, id, run)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        var listed = (await ListAsync(sessions)).Single(engine => engine.GetProperty("id").GetString() == id);
        listed.GetProperty("url").GetString().ShouldBe("http://127.0.0.1:1/");
        listed.GetProperty("capacity").GetInt32().ShouldBe(10);

        await AgeAsync(sessions, id, seconds: 6);
        (await ListAsync(sessions)).ShouldNotContain(engine => engine.GetProperty("id").GetString() == id);
    }

    [Fact]
    public async Task EngineId_IsTheLaterProcess_AndTheEarlierOneIsTold()
    {
        var sessions = await fixture.StartedAsync();
        var now = DateTimeOffset.UtcNow;
        var (id, before, after) = (NewEngine(), Guid.CreateVersion7(now), Guid.CreateVersion7(now.AddMilliseconds(1)));
        await AnnounceAsync(sessions, id, before);
        (await AnnounceAsync(sessions, id, after)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await (await AnnounceAsync(sessions, id, before)).ShouldBeProblem(HttpStatusCode.Conflict, "engine_id_taken");
    }

    [Fact]
    public async Task Engine_ThatDrains_IsListedAsSuch_AndItsNextRunIsNot()
    {
        var sessions = await fixture.StartedAsync();
        var now = DateTimeOffset.UtcNow;
        var (id, before, after) = (NewEngine(), Guid.CreateVersion7(now), Guid.CreateVersion7(now.AddMilliseconds(1)));
        await AnnounceAsync(sessions, id, before);
        (await IsDrainingAsync()).ShouldBeFalse();
        await AnnounceAsync(sessions, id, before, draining: true);
        (await IsDrainingAsync()).ShouldBeTrue();

        // A SessionApi of the version before does not know the column: it announces the next run and leaves it as it is.
        await using (var older = sessions.Database.CreateCommand($"UPDATE engines SET incarnation = '{after}' WHERE id = '{id}'"))
            (await older.ExecuteNonQueryAsync(TestContext.Current.CancellationToken)).ShouldBe(1);
        (await IsDrainingAsync()).ShouldBeFalse();
        await AnnounceAsync(sessions, id, after);
        (await IsDrainingAsync()).ShouldBeFalse();

        async Task<bool> IsDrainingAsync() =>
            (await ListAsync(sessions)).Single(engine => engine.GetProperty("id").GetString() == id)
                .TryGetProperty("draining", out var draining) && draining.GetBoolean();
    }

    [Fact]
    public async Task Announcement_OfALaterVersion_IsReadWithoutWhatIsNew()
    {
        var sessions = await fixture.StartedAsync();
        var (id, run) = (NewEngine(), Guid.CreateVersion7());
        var announcement = new
        {
            id, incarnation = run, url = "http://127.0.0.1:1", capacity = 10, sessions = 0, zone = "b", limits = new { watts = 300 },
        };
        (await sessions.SendAsync(HttpMethod.Put, $"/internal/engines/{id}", announcement, Service())).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await ListAsync(sessions)).ShouldContain(engine => engine.GetProperty("id").GetString() == id);
    }

    [Fact]
    public async Task Session_WhereAnEngineDrains_IsMadeAtAnother()
    {
        var sessions = await fixture.StartedAsync();
        await using var draining = await EngineAsync("draining.");
        await using var other = await EngineAsync("other.");
        await using (var none = sessions.Database.CreateCommand("DELETE FROM engines"))
            await none.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await AnnounceAsync(sessions, NewEngine(), Guid.CreateVersion7(), url: draining.Urls.Single(), draining: true);
        await AnnounceAsync(sessions, NewEngine(), Guid.CreateVersion7(), url: other.Urls.Single());
        var token = fixture.Identity.Token(tenant: "acme", scope: "tutors sessions");
        var tutor = (await (await sessions.PostAsync("/api/tutors", new { name = "t" }, token)).JsonAsync()).GetProperty("id").GetInt32();

        var made = await sessions.PostAsync($"/api/tutors/{tutor}/sessions", new { student_id = 1 }, token);
        (await made.JsonAsync()).GetProperty("session_id").GetString()!.ShouldStartWith("other.");

        async Task<WebApplication> EngineAsync(string id)
        {
            var engine = WebApplication.CreateSlimBuilder().Build();
            engine.Urls.Add("http://127.0.0.1:0");
            engine.MapPost("/v1/sessions", () => Results.Json(new
            {
                session_id = id + Guid.NewGuid(), engine_url = "ws://engine/ws/1", engine_token = "t",
                expires_at = DateTimeOffset.UtcNow.AddHours(1), incarnation = Guid.NewGuid(),
            }, statusCode: 201));
            await engine.StartAsync(TestContext.Current.CancellationToken);
            return engine;
        }
    }

    [Fact]
    public async Task Addresses_ForOperators_AreWhatEachEngineWouldGiveThisClient()
    {
        var sessions = await fixture.StartedAsync();
        await using var engine = WebApplication.CreateSlimBuilder().Build();
        engine.Urls.Add("http://127.0.0.1:0");
        engine.MapGet("/internal/engine/address", (HttpContext http) => Results.Json(
            new { engine_url = $"wss://{http.Request.Headers["X-Forwarded-Host"]}/ws/e.none?{http.Request.Headers["X-Forwarded-Proto"]}-{http.Request.Headers["X-Forwarded-For"]}" }));
        await engine.StartAsync(TestContext.Current.CancellationToken);
        await using (var none = sessions.Database.CreateCommand("DELETE FROM engines"))
            await none.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await AnnounceAsync(sessions, "a-there", Guid.CreateVersion7(), url: engine.Urls.Single());
        await AnnounceAsync(sessions, "b-away", Guid.CreateVersion7());

        var answer = await sessions.SendAsync(HttpMethod.Get, "/api/ops/engines", token: fixture.Identity.Token(scope: "ops"), headers:
            [("X-Forwarded-Host", "tutor.example.org"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "203.0.113.9")]);
        var engines = (await answer.JsonAsync()).GetProperty("engines");

        engines[0].GetProperty("engine_url").GetString().ShouldBe("wss://tutor.example.org/ws/e.none?https-203.0.113.9");
        engines[1].GetProperty("id").GetString().ShouldBe("b-away");
        engines[1].GetProperty("code").GetString().ShouldBe("engine_unavailable");
        await (await sessions.SendAsync(HttpMethod.Get, "/api/ops/engines", token: fixture.Identity.Token(scope: "sessions tutors")))
            .ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
    }

    [Theory]
    [InlineData("token", "ops sessions tutors")]
    [InlineData("user", "sessions")]
    public async Task Directory_IsForServicesAlone(string kind, string scope)
    {
        var sessions = await fixture.StartedAsync();
        var token = fixture.Identity.Token(kind: kind, scope: scope);
        await (await AnnounceAsync(sessions, NewEngine(), Guid.CreateVersion7(), token)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
        await (await sessions.SendAsync(HttpMethod.Get, "/internal/engines", token: token)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
    }

    [Theory]
    [InlineData("Engine One", "http://127.0.0.1:1")]
    [InlineData("engine", "ftp://127.0.0.1:1")]
    public async Task Announcement_OfNonsense_Is400(string id, string url)
    {
        var sessions = await fixture.StartedAsync();
        var body = new { id, incarnation = Guid.NewGuid(), url, capacity = 1, sessions = 0 };
        var path = $"/internal/engines/{Uri.EscapeDataString(id)}";
        await (await sessions.SendAsync(HttpMethod.Put, path, body, Service())).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task Session_CannotBeMade_WhereNoEngineAnswers_AndLeavesNoRow()
    {
        var sessions = await fixture.StartedAsync();
        await using (var none = sessions.Database.CreateCommand("DELETE FROM engines"))
            await none.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var person = await sessions.PersonAsync();
        var token = fixture.Identity.Token(sub: person.Id.ToString(), tenant: person.Tenant, kind: "user", scope: "tutors sessions");
        var tutor = (await (await sessions.PostAsync("/api/tutors", new { name = "t" }, token)).JsonAsync()).GetProperty("id").GetInt32();

        var nobody = await sessions.PostAsync($"/api/tutors/{tutor}/sessions", new { student_id = 1 }, token);
        nobody.Headers.RetryAfter.ShouldNotBeNull();
        (await nobody.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "engine_unavailable")).GetProperty("detail").GetString()!.ShouldContain("Engine:AnnounceTo");

        await AnnounceAsync(sessions, NewEngine(), Guid.CreateVersion7()); // at a port where nobody listens
        var unreachable = await sessions.PostAsync($"/api/tutors/{tutor}/sessions", new { student_id = 1 }, token);
        unreachable.Headers.RetryAfter.ShouldNotBeNull();
        var detail = (await unreachable.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "engine_unavailable"))
            .GetProperty("detail").GetString()!;
        detail.ShouldContain("cannot be reached");
        detail.ShouldNotContain("127.0.0.1");
        sessions.Log.Lines.ShouldContain(line => line.Message.Contains("http://127.0.0.1:") && line.Message.Contains("refused"));
        (await (await sessions.SendAsync(HttpMethod.Get, "/api/sessions", token: token)).JsonAsync()).GetProperty("sessions").GetArrayLength().ShouldBe(0);
    }

    /// <summary>Whatever stands at an engine's address is not always an engine.</summary>
    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("<html>")]
    public async Task Session_CannotBeMade_WhereTheAnswerIsNone(string answer)
    {
        var sessions = await fixture.StartedAsync();
        await using var stranger = WebApplication.CreateSlimBuilder().Build();
        stranger.Urls.Add("http://127.0.0.1:0");
        stranger.MapPost("/v1/sessions", () => Results.Text(answer, "application/json", statusCode: 201));
        await stranger.StartAsync(TestContext.Current.CancellationToken);
        await using (var none = sessions.Database.CreateCommand("DELETE FROM engines"))
            await none.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await AnnounceAsync(sessions, NewEngine(), Guid.CreateVersion7(), url: stranger.Urls.Single());
        var token = fixture.Identity.Token(tenant: "acme", scope: "tutors sessions");
        var tutor = (await (await sessions.PostAsync("/api/tutors", new { name = "t" }, token)).JsonAsync()).GetProperty("id").GetInt32();

        var made = await sessions.PostAsync($"/api/tutors/{tutor}/sessions", new { student_id = 1 }, token);
        (await made.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "engine_unavailable")).GetProperty("detail").GetString()!.ShouldContain("answered no session");
    }

    [Theory]
    [InlineData("""{"student_id":true}""")]
    [InlineData("""{"student_id":""}""")]
    [InlineData("""{}""")]
    [InlineData("""{"student_id":1,"kb_id":"No Slug"}""")]
    public async Task Session_WithABadBody_Is400(string body)
    {
        var sessions = await fixture.StartedAsync();
        var token = fixture.Identity.Token(tenant: "acme", scope: "sessions");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/tutors/1/sessions") { Content = new StringContent(body, null, "application/json") };
        request.Headers.Authorization = new("Bearer", token);
        await (await sessions.Client.SendAsync(request, TestContext.Current.CancellationToken)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task Sweep_LosesTheSessionsOfADeadEngine_AndTakesThemBackFromOneThatWasOnlySilent()
    {
        var sessions = await fixture.StartedAsync();
        var (silent, restarted) = (NewEngine(), NewEngine());
        var (run, oldRun) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        await AnnounceAsync(sessions, silent, run);
        await AnnounceAsync(sessions, restarted, Guid.CreateVersion7());
        await AddSessionAsync(sessions, $"{silent}.a", silent, run);
        await AddSessionAsync(sessions, $"{restarted}.b", restarted, oldRun);
        await AddSessionAsync(sessions, $"{silent}.over", silent, run, expiresIn: "-2 minutes");

        await JudgeAsync(sessions);
        (await StatusAsync(sessions, $"{silent}.a")).ShouldBe(("active", null));
        (await StatusAsync(sessions, $"{restarted}.b")).ShouldBe(("lost", "engine_lost"));
        (await StatusAsync(sessions, $"{silent}.over")).ShouldBe(("ended", "session_timeout"));

        await AgeAsync(sessions, silent, seconds: 11);
        await JudgeAsync(sessions);
        (await StatusAsync(sessions, $"{silent}.a")).ShouldBe(("lost", "engine_lost"));
        await AnnounceAsync(sessions, silent, run);
        await JudgeAsync(sessions);
        (await StatusAsync(sessions, $"{silent}.a")).ShouldBe(("active", null));
    }

    private static string NewEngine() => $"engine-{Guid.NewGuid():N}"[..20];

    private string Service() => fixture.Identity.Token("chat-api", sub: "chat-api", tenant: "lyceum", kind: "service", scope: "sessions");

    private Task<HttpResponseMessage> AnnounceAsync(
        TestSessions sessions, string id, Guid incarnation, string? token = null, string url = "http://127.0.0.1:1",
        bool draining = false) => sessions.SendAsync(
        HttpMethod.Put, $"/internal/engines/{id}", new { id, incarnation, url, capacity = 10, sessions = 0, draining },
        token ?? Service());

    private async Task<List<System.Text.Json.JsonElement>> ListAsync(TestSessions sessions) =>
        [.. (await (await sessions.SendAsync(HttpMethod.Get, "/internal/engines", token: Service())).JsonAsync()).GetProperty("engines").EnumerateArray()];

    private static async Task AgeAsync(TestSessions sessions, string id, int seconds)
    {
        await using var age = sessions.Database.CreateCommand($"UPDATE engines SET seen_at = clock_timestamp() - interval '{seconds} seconds' WHERE id = '{id}'");
        (await age.ExecuteNonQueryAsync(TestContext.Current.CancellationToken)).ShouldBe(1);
    }

    private static async Task AddSessionAsync(TestSessions sessions, string id, string engine, Guid incarnation, string expiresIn = "1 hour")
    {
        await using var add = sessions.Database.CreateCommand(
            $"""
             INSERT INTO sessions (id, tenant, owner, student_id, engine_id, incarnation, status, created_at, expires_at, recorded_seq, released)
             VALUES ('{id}', 'acme', 'ada', '1', '{engine}', '{incarnation}', 'active', now(), now() + interval '{expiresIn}', 0, false)
             """);
        await add.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    private static async Task JudgeAsync(TestSessions sessions)
    {
        await using var scope = sessions.Services.CreateAsyncScope();
        await sessions.Services.GetServices<IHostedService>().OfType<SessionSweep>().Single()
            .JudgeAsync(scope.ServiceProvider.GetRequiredService<SessionDb>(), TestContext.Current.CancellationToken);
    }

    private static async Task<(string, string?)> StatusAsync(TestSessions sessions, string id)
    {
        await using var scope = sessions.Services.CreateAsyncScope();
        var session = await scope.ServiceProvider.GetRequiredService<SessionDb>().Set<LiveSession>().AsNoTracking()
            .SingleAsync(s => s.Id == id);
        return (session.Status, session.Reason);
    }
}
