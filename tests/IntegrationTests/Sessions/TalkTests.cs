using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Sessions;

/// <summary>A lesson through the whole system: made in SessionApi, talked in GpuEngine, through the gateway, kept in Postgres.</summary>
[Collection(ChatCollection.Name)]
public sealed class TalkTests(SharedSystem system)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Heartbeats_PassThroughTheGateway_InBothDirections()
    {
        _ = system.App;
        var student = new SessionClient(system.CreateGatewayClient());
        await using var proxy = new DataOnlyProxy(student.Http.BaseAddress!, silence: Eventually.Limit);
        var made = await student.CreateAsync(await student.TutorAsync());
        using var socket = await SessionSocket.OpenAsync(proxy.Before(new Uri($"{made.EngineUrl}&heartbeat=1")), cancellationToken: Cancel);

        await Eventually.TrueAsync(() => proxy.DataFromClients >= 2, "answers to heartbeats passed");

        socket.Heartbeats.ShouldBeGreaterThanOrEqualTo(2);
        await socket.SayAsync("[[stub tokens=3 rate=0 seed=6]]", Cancel);
        (await socket.UntilAsync("text", Cancel)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Session_IsMadeTalkedReadAndDeleted_AsClientsOfOldDoIt()
    {
        _ = system.App;
        var student = new SessionClient(system.CreateGatewayClient());
        var tutor = await student.TutorAsync();
        var made = await student.CreateAsync(tutor, new { student_id = 123, kb_id = "test" });

        // The gateway's own address, the token included; nothing of it needs to be known.
        made.EngineUrl.Authority.ShouldBe(student.Http.BaseAddress!.Authority);
        made.EngineUrl.Query.ShouldContain(made.Raw.GetProperty("engine_token").GetString()!);
        made.Raw.GetProperty("status").GetString().ShouldBe("active");
        made.Raw.GetProperty("warnings")[0].GetString()!.ShouldContain("no knowledge base test");

        // Both paths; a token opens one socket.
        var twice = made.EngineUrl.ToString().Replace("/ws/", "/ws/ws/", StringComparison.Ordinal);
        using (var simple = await SessionSocket.OpenAsync(new Uri(twice), protocol: null, Cancel))
        {
            await simple.SayAsync("[[stub tokens=12 rate=0 seed=5 unicode=1]]", Cancel);
            var answer = (await simple.UntilAsync("text", Cancel))!.Value;
            answer.GetProperty("content").GetString().ShouldBe(StubText.Text(5, 12, unicode: true));
        }
        (await Should.ThrowAsync<HttpRequestException>(() => SessionSocket.OpenAsync(made.EngineUrl, null, Cancel))).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);

        // After a reload.
        var again = await student.ConnectAsync(made.SessionId);
        again.SessionId.ShouldBe(made.SessionId);
        using var socket = await SessionSocket.OpenAsync(again.EngineUrl, cancellationToken: Cancel);
        await socket.SayAsync("[[stub tokens=3 rate=0 seed=6]]", Cancel);
        (await socket.UntilAsync("text", Cancel)).ShouldNotBeNull();

        var turns = await TurnsAsync(student, made.SessionId, 2);
        turns[0].GetProperty("answer").GetString().ShouldBe(StubText.Text(5, 12, unicode: true));
        turns[1].GetProperty("status").GetString().ShouldBe("complete");
        (await student.Http.GetFromJsonAsync<JsonElement>($"/api/sessions?tutor_id={tutor}&status=active")).GetProperty("sessions")[0]
            .GetProperty("student_id").GetString().ShouldBe("123");

        // Deleted by the older path, and gone: for its socket, for readers, for a second time.
        using var deleted = await student.Http.DeleteAsync($"/api/tutors/sessions/{made.SessionId}");
        (await SessionClient.OkAsync(deleted)).GetRawText().ShouldBe("""{"status":"deleted"}""");
        (await socket.UntilAsync("bye", Cancel))!.Value.GetProperty("reason").GetString().ShouldBe("deleted");
        (await student.Http.GetAsync($"/api/sessions/{made.SessionId}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await student.Http.DeleteAsync($"/api/sessions/{made.SessionId}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await Should.ThrowAsync<HttpRequestException>(() => SessionSocket.OpenAsync(again.EngineUrl, null, Cancel))).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Session_IsMadeByQueryAlone()
    {
        _ = system.App;
        var student = new SessionClient(system.CreateGatewayClient());
        var tutor = await student.TutorAsync();
        using var made = await student.Http.PostAsync($"/api/tutors/{tutor}/sessions?student_id=学生-7&kb_id=test", null);
        var id = (await SessionClient.OkAsync(made)).GetProperty("session_id").GetString()!;
        (await student.ReadAsync(id)).GetProperty("student_id").GetString().ShouldBe("学生-7");
        (await student.Http.DeleteAsync($"/api/sessions/{id}")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task EngineUrl_IsTheOneTheCallerAskedBy_AsATrustedProxySays()
    {
        _ = system.App;
        var student = new SessionClient(system.CreateGatewayClient());
        var tutor = await student.TutorAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/tutors/{tutor}/sessions") { Content = JsonContent.Create(new { student_id = 1 }) };
        request.Headers.Add("X-Forwarded-Host", "lyceum.example");
        request.Headers.Add("X-Forwarded-Proto", "https");
        request.Headers.Add("X-Forwarded-For", "203.0.113.7");
        var made = await SessionClient.OkAsync(await student.Http.SendAsync(request, Cancel));
        made.GetProperty("engine_url").GetString()!.ShouldStartWith($"wss://lyceum.example/ws/{made.GetProperty("session_id").GetString()}?token=");

        // And where that would be this machine's own name, for somebody who is elsewhere: refused, naming the setting.
        using var wrong = new HttpRequestMessage(HttpMethod.Post, $"/api/tutors/{tutor}/sessions") { Content = JsonContent.Create(new { student_id = 1 }) };
        wrong.Headers.Add("X-Forwarded-Host", "localhost:9000");
        wrong.Headers.Add("X-Forwarded-For", "203.0.113.7");
        using var refused = await student.Http.SendAsync(wrong, Cancel);
        refused.StatusCode.ShouldBe(HttpStatusCode.InternalServerError);
        var problem = await refused.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        problem.GetProperty("code").GetString().ShouldBe("public_url_not_configured");
        problem.GetProperty("detail").GetString()!.ShouldContain("WEBSOCKET_URL");
    }

    [Theory]
    [InlineData("gpu-engine.00000000-0000-7000-8000-000000000000", HttpStatusCode.NotFound)]
    [InlineData("elsewhere.00000000-0000-7000-8000-000000000000", HttpStatusCode.NotFound)]
    [InlineData("rubbish", HttpStatusCode.NotFound)]
    public async Task Socket_OfNoSession_IsRefusedAtTheUpgrade(string session, HttpStatusCode status)
    {
        _ = system.App;
        using var anonymous = system.CreateAnonymousClient();
        var url = new UriBuilder(new Uri(anonymous.BaseAddress!, $"/ws/{session}?token=x")) { Scheme = "ws" }.Uri;
        (await Should.ThrowAsync<HttpRequestException>(() => SessionSocket.OpenAsync(url, null, Cancel))).StatusCode.ShouldBe(status);
    }

    [Fact]
    public async Task Sessions_OfAnotherTenant_AreNotThere()
    {
        _ = system.App;
        var student = new SessionClient(system.CreateGatewayClient());
        var tutor = await student.TutorAsync();
        var made = await student.CreateAsync(tutor);
        using var stranger = system.CreateAnonymousClient();
        var name = $"eve-{Guid.NewGuid():N}";
        await SessionClient.OkAsync(await stranger.PostAsJsonAsync("/api/auth/register", new { username = name, password = "a quiet afternoon" }));
        var signedIn = await SessionClient.OkAsync(await stranger.PostAsJsonAsync("/api/auth/login", new { username = name, password = "a quiet afternoon" }));
        stranger.DefaultRequestHeaders.Authorization = new("Bearer", signedIn.GetProperty("access_token").GetString());

        (await stranger.PostAsJsonAsync($"/api/tutors/{tutor}/sessions", new { student_id = 1 })).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await stranger.GetAsync($"/api/sessions/{made.SessionId}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await stranger.PostAsync($"/api/sessions/{made.SessionId}/connect", null)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await stranger.DeleteAsync($"/api/sessions/{made.SessionId}")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await stranger.GetStringAsync("/api/sessions")).ShouldNotContain(made.SessionId);
        // The student's own token is no one's identity.
        stranger.DefaultRequestHeaders.Authorization = new("Bearer", made.Raw.GetProperty("engine_token").GetString());
        (await stranger.GetAsync($"/api/sessions/{made.SessionId}")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    /// <summary>The transcript, when it has so many turns that ended: it comes by message.</summary>
    internal static async Task<JsonElement> TurnsAsync(SessionClient student, string session, int count)
    {
        for (var started = DateTime.UtcNow; ; await Task.Delay(50, Cancel))
        {
            var turns = (await student.ReadAsync(session)).GetProperty("turns");
            if (turns.GetArrayLength() >= count && turns.EnumerateArray().Take(count).All(turn => turn.GetProperty("status").ValueKind == JsonValueKind.String))
                return turns;
            (DateTime.UtcNow - started).ShouldBeLessThan(TimeSpan.FromSeconds(60), turns.GetRawText());
        }
    }
}
