using System.Net;
using System.Text.Json;
using Lyceum.Tests.Support;
using Microsoft.IdentityModel.JsonWebTokens;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Coming into a tenant, what one is there, and going on in another.</summary>
public sealed class MembershipTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    private static readonly string[] OfStudents = ["chat", "sessions", "roadmaps", "practice"];

    [Theory]
    [InlineData("student", "")]
    [InlineData("teacher", "tutors classes collab")]
    [InlineData("owner", "tutors classes collab llm graph repo observe tools budgets")]
    public async Task Invited_IsInTheInvitersTenant_WithItsRoleAndNoMore(string role, string further)
    {
        var sessions = await fixture.StartedAsync();
        var owner = await sessions.PersonAsync();

        var person = await InvitedAsync(sessions, owner, role);

        person.Tenant.ShouldBe(owner.Tenant);
        var token = new JsonWebToken(person.AccessToken);
        token.GetPayloadValue<string>("tenant").ShouldBe(owner.Tenant);
        token.GetPayloadValue<string>("role").ShouldBe(role);
        token.GetPayloadValue<string>("scope").Split(' ').ShouldBe(
            [.. OfStudents, .. further.Split(' ', StringSplitOptions.RemoveEmptyEntries)], ignoreOrder: true);
    }

    [Fact]
    public async Task Invitation_IsMadeByWhoMay()
    {
        var sessions = await fixture.StartedAsync();
        var owner = await sessions.PersonAsync();
        var teacher = await InvitedAsync(sessions, owner, "teacher");
        var student = await InvitedAsync(sessions, owner, "student");

        foreach (var (person, body) in ((Person, object)[])
            [
                (teacher, new { role = "owner" }), (teacher, new { role = "teacher" }), (teacher, new { role = "student" }), (teacher, new { }),
                (student, new { role = "student" }), (student, new { }),
            ])
            await (await sessions.PostAsync("/api/auth/invitations", body, person.Identity())).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_role");
        foreach (var body in (object[])[new { role = "admin" }, new { role = "student", uses = 2 }, new { role = "student", days = 0 }])
            (await sessions.PostAsync("/api/auth/invitations", body, owner.Identity())).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await sessions.SendAsync(HttpMethod.Get, "/api/auth/invitations", token: student.Identity())).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await (await sessions.SendAsync(HttpMethod.Get, "/api/auth/invitations", token: teacher.Identity())).JsonAsync())
            .GetProperty("invitations").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task WhoFoundedATenant_JoinsAnother_AndSwitchesByRefreshing()
    {
        var sessions = await fixture.StartedAsync();
        var (school, founder, stranger) = (await sessions.PersonAsync(), await sessions.PersonAsync(), await sessions.PersonAsync());
        var code = await InviteAsync(sessions, school, "student");

        var joined = await sessions.PostAsync("/api/me/memberships", new { code }, founder.Identity());

        joined.StatusCode.ShouldBe(HttpStatusCode.Created);
        (await joined.JsonAsync()).GetProperty("role").GetString().ShouldBe("student");
        var me = await (await sessions.SendAsync(HttpMethod.Get, "/api/me", token: founder.Identity())).JsonAsync();
        me.GetProperty("memberships").EnumerateArray().Select(m => $"{m.GetProperty("tenant")} {m.GetProperty("role")}")
            .ShouldBe([$"{founder.Tenant} owner", $"{school.Tenant} student"]);
        var there = await RefreshAsync(founder.RefreshToken, school.Tenant);
        new JsonWebToken(there.GetProperty("access_token").GetString()).GetPayloadValue<string>("role").ShouldBe("student");
        there.GetProperty("account").GetProperty("tenant").GetString().ShouldBe(school.Tenant);
        // It stays there, until it is said otherwise.
        var still = await RefreshAsync(there.GetProperty("refresh_token").GetString()!, null);
        still.GetProperty("account").GetProperty("tenant").GetString().ShouldBe(school.Tenant);
        var refused = await sessions.PostAsync(
            "/api/auth/refresh", new { refresh_token = still.GetProperty("refresh_token").GetString(), tenant = stranger.Tenant });
        await refused.ShouldBeProblem(HttpStatusCode.Forbidden, "not_a_member");
        var home = await RefreshAsync(still.GetProperty("refresh_token").GetString()!, founder.Tenant); // not spent by it
        home.GetProperty("account").GetProperty("role").GetString().ShouldBe("owner");
        // An owner does not become less by an invitation.
        (await (await sessions.PostAsync("/api/me/memberships", new { code = await InviteAsync(sessions, founder, "student") }, founder.Identity())).JsonAsync())
            .GetProperty("role").GetString().ShouldBe("owner");

        async Task<JsonElement> RefreshAsync(string refresh_token, string? tenant)
        {
            var response = await sessions.PostAsync("/api/auth/refresh", new { refresh_token, tenant });
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            return await response.JsonAsync();
        }
    }

    [Fact]
    public async Task ChangedRole_HoldsWithTheNextRefresh_AndRemovalToo()
    {
        var sessions = await fixture.StartedAsync();
        var owner = await sessions.PersonAsync();
        var person = await InvitedAsync(sessions, owner, "teacher");

        (await sessions.SendAsync(HttpMethod.Patch, $"/api/members/{person.Id}", new { role = "student" }, owner.Identity())).StatusCode.ShouldBe(HttpStatusCode.OK);
        var refreshed = await (await sessions.PostAsync("/api/auth/refresh", new { refresh_token = person.RefreshToken })).JsonAsync();
        new JsonWebToken(refreshed.GetProperty("access_token").GetString()).GetPayloadValue<string>("scope").Split(' ').ShouldBe(OfStudents, ignoreOrder: true);
        (await sessions.SendAsync(HttpMethod.Delete, $"/api/members/{person.Id}", token: owner.Identity())).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        var refresh_token = refreshed.GetProperty("refresh_token").GetString();
        await (await sessions.PostAsync("/api/auth/refresh", new { refresh_token })).ShouldBeProblem(HttpStatusCode.Forbidden, "not_a_member");
        await (await sessions.SignInAsync(person.Username)).ShouldBeProblem(HttpStatusCode.Forbidden, "not_a_member");
        await (await sessions.SendAsync(HttpMethod.Delete, $"/api/members/{person.Id}", token: owner.Identity())).ShouldBeProblem(HttpStatusCode.NotFound, "member_not_found");
        // Services that still act for them find nothing, and not what is the owner's.
        var service = fixture.Identity.Token(
            "chat-api", tenant: owner.Tenant, sub: "chat-api", kind: "service", scope: "tutors classes", act: person.Id.ToString());
        (await sessions.SendAsync(HttpMethod.Put, "/api/kb/of-owner", new { }, owner.Identity())).StatusCode.ShouldBe(HttpStatusCode.Created);
        await (await sessions.PostAsync("/internal/retrieval/of-owner", new { query = "heron" }, service)).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");
        // Invited again, they sign in with the code.
        var invitation_code = await InviteAsync(sessions, owner, "student");
        (await sessions.PostAsync("/api/auth/login", new { username = person.Username, password = TestSessions.Password, invitation_code }))
            .StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task LastOwner_NeitherGoesNorStepsDown_AlsoWhereTwoDoItAtOnce()
    {
        var sessions = await fixture.StartedAsync();
        for (var round = 0; round < 5; round++)
        {
            var one = await sessions.PersonAsync();
            await (await sessions.SendAsync(HttpMethod.Patch, $"/api/members/{one.Id}", new { role = "teacher" }, one.Identity())).ShouldBeProblem(HttpStatusCode.Conflict, "last_owner");
            await (await sessions.SendAsync(HttpMethod.Delete, $"/api/members/{one.Id}", token: one.Identity())).ShouldBeProblem(HttpStatusCode.Conflict, "last_owner");
            await (await sessions.SendAsync(HttpMethod.Delete, $"/api/me/memberships/{one.Tenant}", token: one.Identity())).ShouldBeProblem(HttpStatusCode.Conflict, "last_owner");
            var other = await InvitedAsync(sessions, one, "owner");

            var answers = await Task.WhenAll(
                sessions.SendAsync(HttpMethod.Patch, $"/api/members/{one.Id}", new { role = "teacher" }, one.Identity()),
                sessions.SendAsync(HttpMethod.Delete, $"/api/me/memberships/{other.Tenant}", token: other.Identity()));

            answers.Count(answer => answer.IsSuccessStatusCode).ShouldBe(1);
            await answers.Single(answer => !answer.IsSuccessStatusCode).ShouldBeProblem(HttpStatusCode.Conflict, "last_owner");
        }
    }

    [Fact]
    public async Task Members_AreTheOwnersAlone()
    {
        var sessions = await fixture.StartedAsync();
        var (owner, stranger) = (await sessions.PersonAsync(), await sessions.PersonAsync());
        var teacher = await InvitedAsync(sessions, owner, "teacher");
        var student = await InvitedAsync(sessions, owner, "student");

        var listed = (await (await sessions.SendAsync(HttpMethod.Get, "/api/members?limit=2", token: owner.Identity())).JsonAsync());
        var rest = await (await sessions.SendAsync(
            HttpMethod.Get, $"/api/members?limit=2&cursor={listed.GetProperty("next_cursor").GetString()}", token: owner.Identity())).JsonAsync();
        listed.GetProperty("members").EnumerateArray().Concat(rest.GetProperty("members").EnumerateArray())
            .Select(m => (m.GetProperty("subject").GetString(), m.GetProperty("role").GetString())).ShouldBe(
            [(owner.Id.ToString(), "owner"), (teacher.Id.ToString(), "teacher"), (student.Id.ToString(), "student")], ignoreOrder: true);
        rest.GetProperty("next_cursor").ValueKind.ShouldBe(JsonValueKind.Null);

        foreach (var (method, path, body) in ((HttpMethod, string, object?)[])
            [
                (HttpMethod.Patch, $"/api/members/{student.Id}", new { role = "owner" }), (HttpMethod.Delete, $"/api/members/{student.Id}", null),
                (HttpMethod.Post, $"/api/members/{student.Id}/reset", null),
            ])
        {
            await (await sessions.SendAsync(method, path, body, teacher.Identity())).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_role");
            await (await sessions.SendAsync(method, path, body, stranger.Identity())).ShouldBeProblem(HttpStatusCode.NotFound, "member_not_found");
        }
    }

    [Fact]
    public async Task Me_NameIsChanged_SignInsAreListedAndEnded()
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();
        await sessions.PostAsync(
            "/api/auth/login", new { username = person.Username, password = TestSessions.Password }, headers: ("User-Agent", "the school's tablet"));

        var me = await (await sessions.SendAsync(HttpMethod.Patch, "/api/me", new { name = "艾达" }, person.Identity())).JsonAsync();
        me.GetProperty("account").GetProperty("name").GetString().ShouldBe("艾达");
        await (await sessions.SendAsync(HttpMethod.Patch, "/api/me", new { name = " " }, person.Identity())).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        var listed = await ListAsync();
        listed.Count.ShouldBe(2);
        var tablet = listed.Single(s => s.GetProperty("device").GetString() == "the school's tablet").GetProperty("id").GetGuid();
        var stranger = await sessions.PersonAsync();
        await (await sessions.SendAsync(HttpMethod.Delete, $"/api/me/sign-ins/{tablet}", token: stranger.Identity())).ShouldBeProblem(HttpStatusCode.NotFound, "sign_in_not_found");
        (await sessions.SendAsync(HttpMethod.Delete, $"/api/me/sign-ins/{tablet}", token: person.Identity())).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await ListAsync()).ShouldHaveSingleItem();

        async Task<List<JsonElement>> ListAsync() => [.. (await (await sessions.SendAsync(HttpMethod.Get, "/api/me/sign-ins", token: person.Identity())).JsonAsync())
            .GetProperty("sign_ins").EnumerateArray()];
    }

    [Fact]
    public async Task Reset_GivesACode_ThatIsForThePasswordAlone()
    {
        var sessions = await fixture.StartedAsync();
        var owner = await sessions.PersonAsync();
        var person = await InvitedAsync(sessions, owner, "teacher");

        var code = (await (await sessions.PostAsync($"/api/members/{person.Id}/reset", token: owner.Identity())).JsonAsync()).GetProperty("code").GetString()!;

        await (await sessions.PostAsync("/api/auth/refresh", new { refresh_token = person.RefreshToken })).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_refresh_token");
        await (await sessions.SignInAsync(person.Username)).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_credentials");
        await (await sessions.SignInAsync(person.Username, code)).ShouldBeProblem(HttpStatusCode.Forbidden, "password_change_required");
        await (await FirstAsync("wrong-code")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_credentials");
        (await FirstAsync(code.ToUpperInvariant().Replace("-", " "))).StatusCode.ShouldBe(HttpStatusCode.OK);
        await (await FirstAsync(code)).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_credentials");
        (await sessions.SignInAsync(person.Username, "an even quieter evening")).StatusCode.ShouldBe(HttpStatusCode.OK);

        Task<HttpResponseMessage> FirstAsync(string shown) => sessions.PostAsync(
            "/api/auth/first-password", new { username = person.Username, code = shown, new_password = "an even quieter evening" });
    }

    /// <summary>An account is global: who may reset it in one tenant would be it in the other.</summary>
    [Fact]
    public async Task Reset_OfWhoBelongsElsewhereToo_IsRefused()
    {
        var sessions = await fixture.StartedAsync();
        var (school, founder) = (await sessions.PersonAsync(), await sessions.PersonAsync());
        await sessions.PostAsync("/api/me/memberships", new { code = await InviteAsync(sessions, school, "student") }, founder.Identity());
        var ours = await InvitedAsync(sessions, school, "teacher");
        await sessions.PostAsync("/api/me/memberships", new { code = await InviteAsync(sessions, founder, "owner") }, ours.Identity());

        foreach (var id in (Guid[])[founder.Id, ours.Id])
            await (await sessions.PostAsync($"/api/members/{id}/reset", token: school.Identity())).ShouldBeProblem(HttpStatusCode.Conflict, "conflict");
        (await sessions.SignInAsync(founder.Username)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    internal static async Task<string> InviteAsync(TestSessions sessions, Person by, string role, Guid? class_id = null, int? uses = null)
    {
        var made = await sessions.PostAsync("/api/auth/invitations", new { role, class_id, uses }, by.Identity());
        made.StatusCode.ShouldBe(HttpStatusCode.Created);
        return (await made.JsonAsync()).GetProperty("code").GetString()!;
    }

    /// <summary>Somebody who registers with an invitation.</summary>
    internal static async Task<Person> InvitedAsync(TestSessions sessions, Person by, string role) =>
        await RegisteredAsync(sessions, await InviteAsync(sessions, by, role));

    internal static async Task<Person> RegisteredAsync(TestSessions sessions, string invitation_code)
    {
        var username = $"bob-{Guid.NewGuid():N}";
        var registered = await sessions.PostAsync("/api/auth/register", new { username, password = TestSessions.Password, invitation_code });
        registered.StatusCode.ShouldBe(HttpStatusCode.Created);
        return await sessions.PersonAsync(username);
    }
}
