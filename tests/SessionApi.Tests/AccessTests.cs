using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.Tokens;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>
/// Every route the service has, before every caller it must refuse. The routes come from the service itself: one that
/// nobody wrote down here fails the test.
/// </summary>
public sealed class AccessTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    /// <summary>Open to all, on purpose.</summary>
    private static readonly string[] Open =
    [
        "GET /health", "GET /health/db", "GET /alive", "GET /version", "GET /metrics",
        "POST /api/auth/register", "POST /api/auth/login", "POST /api/auth/refresh", "POST /api/auth/logout",
        "POST /api/auth/first-password",
        "GET /api/auth/methods", "GET /api/auth/oidc/login", "GET /api/auth/oidc/callback",
        "GET /api/classes/join/{code}",
        "GET /api/erasures/{id:guid}", // its address is the secret
        "GET /openapi/{documentName}.json", // in Development alone
    ];

    /// <summary>The others: a body they would accept, and what a stranger from another tenant is told.</summary>
    private static readonly Dictionary<string, Route> Closed = new()
    {
        // A person's own: a stranger with that person's id, but of another tenant, is not that person.
        ["POST /api/auth/change-password"] = new(null, HttpStatusCode.Forbidden, "account_required", new { current_password = TestSessions.Password, new_password = "an even quieter evening" }),
        ["GET /api/auth/me"] = new(null, HttpStatusCode.OK),
        ["GET /api/auth/invitations"] = new(null, HttpStatusCode.Forbidden, "account_required"),
        ["POST /api/auth/invitations"] = new(null, HttpStatusCode.Forbidden, "account_required", new { note = "" }),
        ["DELETE /api/auth/invitations/{id:guid}"] = new(null, HttpStatusCode.Forbidden, "account_required"),
        ["GET /api/me"] = new(null, HttpStatusCode.OK),
        ["PATCH /api/me"] = new(null, HttpStatusCode.Forbidden, "account_required", new { name = "mine now" }),
        ["DELETE /api/me"] = new(null, HttpStatusCode.Forbidden, "account_required", new { password = TestSessions.Password }),
        ["GET /api/me/export"] = new(null, HttpStatusCode.Forbidden, "account_required"),
        ["GET /api/me/audit"] = new(null, HttpStatusCode.OK),
        ["GET /api/me/tutors"] = new(null, HttpStatusCode.OK),
        ["GET /api/me/sign-ins"] = new(null, HttpStatusCode.Forbidden, "account_required"),
        ["DELETE /api/me/sign-ins/{id:guid}"] = new(null, HttpStatusCode.Forbidden, "account_required"),
        ["POST /api/me/memberships"] = new(null, HttpStatusCode.Forbidden, "account_required", new { code = "x" }),
        ["DELETE /api/me/memberships/{tenant}"] = new(null, HttpStatusCode.Forbidden, "account_required"),
        ["POST /api/classes/join"] = new(null, HttpStatusCode.Forbidden, "account_required", new { code = "x" }),
        // A tenant's, or a person's in it.
        ["PATCH /api/tenant"] = new("classes", HttpStatusCode.OK, Body: new { name = "theirs" }),
        ["GET /api/members"] = new("classes", HttpStatusCode.OK),
        ["PATCH /api/members/{subject}"] = new("classes", HttpStatusCode.NotFound, "member_not_found", new { role = "student" }),
        ["DELETE /api/members/{subject}"] = new("classes", HttpStatusCode.NotFound, "member_not_found"),
        ["POST /api/members/{subject}/reset"] = new("classes", HttpStatusCode.NotFound, "member_not_found"),
        ["GET /api/classes"] = new(null, HttpStatusCode.OK),
        ["POST /api/classes"] = new("classes", HttpStatusCode.Created, Body: new { name = "theirs" }),
        ["GET /api/classes/{id:guid}"] = new(null, HttpStatusCode.NotFound, "class_not_found"),
        ["PATCH /api/classes/{id:guid}"] = new("classes", HttpStatusCode.NotFound, "class_not_found", new { name = "mine now" }),
        ["POST /api/classes/{id:guid}/leave"] = new(null, HttpStatusCode.NotFound, "class_not_found"),
        ["PUT /api/classes/{id:guid}/visibility"] = new(null, HttpStatusCode.NotFound, "class_not_found", new { visibility = "progress" }),
        ["GET /api/classes/{id:guid}/members"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        ["DELETE /api/classes/{id:guid}/members/{subject}"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        ["POST /api/classes/{id:guid}/students"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        ["POST /api/classes/{id:guid}/students/{subject}/reset"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        ["GET /api/classes/{id:guid}/shares"] = new(null, HttpStatusCode.NotFound, "class_not_found"),
        ["POST /api/classes/{id:guid}/shares"] = new("classes", HttpStatusCode.NotFound, "class_not_found", new { kind = "tutor", id = "1" }),
        ["DELETE /api/classes/{id:guid}/shares/{kind}/{thing}"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        ["GET /api/tutors"] = new("tutors", HttpStatusCode.OK),
        ["POST /api/tutors"] = new("tutors", HttpStatusCode.Created, Body: new { name = "theirs" }),
        ["GET /api/tutors/{id:int}"] = new("tutors", HttpStatusCode.NotFound, "tutor_not_found"),
        ["PUT /api/tutors/{id:int}"] = new("tutors", HttpStatusCode.NotFound, "tutor_not_found", new { name = "mine now" }),
        ["DELETE /api/tutors/{id:int}"] = new("tutors", HttpStatusCode.NotFound, "tutor_not_found"),
        ["GET /api/kb"] = new("tutors", HttpStatusCode.OK),
        ["GET /api/kb/{kb_id}"] = new("tutors", HttpStatusCode.NotFound, "knowledge_base_not_found"),
        ["DELETE /api/kb/{kb_id}"] = new("tutors", HttpStatusCode.NotFound, "knowledge_base_not_found"),
        ["POST /api/kb/{kb_id}/documents"] = new("tutors", HttpStatusCode.NotFound, "knowledge_base_not_found", new { }),
        ["GET /api/kb/{kb_id}/documents"] = new("tutors", HttpStatusCode.NotFound, "knowledge_base_not_found"),
        ["GET /api/kb/{kb_id}/documents/{document_id:guid}"] = new("tutors", HttpStatusCode.NotFound, "knowledge_base_not_found"),
        ["GET /api/kb/{kb_id}/documents/{document_id:guid}/content"] = new("tutors", HttpStatusCode.NotFound, "knowledge_base_not_found"),
        ["GET /api/kb/{kb_id}/documents/{document_id:guid}/passages"] = new("tutors", HttpStatusCode.NotFound, "knowledge_base_not_found"),
        ["DELETE /api/kb/{kb_id}/documents/{document_id:guid}"] = new("tutors", HttpStatusCode.NotFound, "knowledge_base_not_found"),
        ["POST /api/kb/{kb_id}/reindex"] = new("tutors", HttpStatusCode.NotFound, "knowledge_base_not_found"),
        ["GET /api/kb/{kb_id}/search"] = new("tutors", HttpStatusCode.NotFound, "knowledge_base_not_found"),
        ["POST /api/tutors/{id:int}/sessions"] = new("sessions", HttpStatusCode.NotFound, "tutor_not_found", new { student_id = 1 }),
        ["DELETE /api/tutors/sessions/{session_id}"] = new("sessions", HttpStatusCode.NotFound, "session_not_found"),
        ["GET /api/sessions"] = new("sessions", HttpStatusCode.OK),
        ["GET /api/sessions/{session_id}"] = new("sessions", HttpStatusCode.NotFound, "session_not_found"),
        ["POST /api/sessions/{session_id}/connect"] = new("sessions", HttpStatusCode.NotFound, "session_not_found"),
        ["DELETE /api/sessions/{session_id}"] = new("sessions", HttpStatusCode.NotFound, "session_not_found"),
        ["GET /api/tenant/retention"] = new("classes", HttpStatusCode.OK),
        ["PUT /api/tenant/retention"] = new("classes", HttpStatusCode.OK, Body: new { }),
        ["GET /api/tenant/policy"] = new("classes", HttpStatusCode.OK),
        ["PUT /api/tenant/policy"] = new("classes", HttpStatusCode.OK, Body: new { }),
        ["GET /api/classes/{id:guid}/policy"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        ["PUT /api/classes/{id:guid}/policy"] = new("classes", HttpStatusCode.NotFound, "class_not_found", new { }),
        ["GET /api/tenant/consents"] = new("classes", HttpStatusCode.OK),
        ["PUT /api/tenant/consents/{person}"] = new("classes", HttpStatusCode.NotFound, "member_not_found", new { }),
        ["DELETE /api/tenant/consents/{person}"] = new("classes", HttpStatusCode.NotFound, "member_not_found"),
        ["GET /api/sessions/concerns"] = new("classes", HttpStatusCode.OK),
        ["GET /api/sessions/verdicts"] = new("classes", HttpStatusCode.OK),
        ["POST /api/sessions/{session_id}/turns/{turn:int}/moderation/report"] =
            new("sessions", HttpStatusCode.NotFound, "session_not_found", new { }),
        ["GET /api/classes/{id:guid}/teachers"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        ["PUT /api/classes/{id:guid}/teachers/{subject}"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        ["DELETE /api/classes/{id:guid}/teachers/{subject}"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        ["POST /api/classes/{id:guid}/hand-over"] = new("classes", HttpStatusCode.NotFound, "class_not_found", new { to = "x" }),
        ["GET /api/classes/{id:guid}/archive"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        ["GET /api/classes/{id:guid}/archive/content"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        ["GET /api/classes/{id:guid}/transcripts"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        ["GET /api/classes/{id:guid}/transcripts/{session_id}"] = new("classes", HttpStatusCode.NotFound, "class_not_found"),
        // Services' alone.
        ["GET /internal/retention"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope"),
        ["GET /internal/events"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope"),
        ["GET /internal/export"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope"),
        ["PUT /internal/erasures/{id:guid}"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope"),
        ["POST /internal/transcripts/search"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope", new { query = "heron" }),
        ["GET /internal/policy"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope"),
        ["POST /internal/concerns/looks"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope", new { persons = new[] { "a" } }),
        ["GET /internal/capabilities"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope"),
        ["GET /internal/doctor"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope"),
        // Of the installation, whoever operates it.
        ["GET /api/ops/engines"] = new("ops", HttpStatusCode.Forbidden, "forbidden_scope"),
        ["GET /internal/engines"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope"),
        ["PUT /internal/engines/{engine_id}"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope", new { id = "e", incarnation = Guid.Empty, url = "http://127.0.0.1:1", capacity = 1, sessions = 0 }),
        ["GET /internal/tutors/{id:int}"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope"),
        ["GET /internal/tutors/{id:int}/policy"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope"),
        ["GET /internal/shares"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope"),
        ["POST /internal/classes/{id:guid}/looks"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope", new { view = "overview" }),
        ["POST /internal/retrieval/{kb_id}"] = new("a service", HttpStatusCode.Forbidden, "forbidden_scope", new { query = "heron" }),
        // Last: a slug is each tenant's own, so a stranger may have one of that name too.
        ["PUT /api/kb/{kb_id}"] = new("tutors", HttpStatusCode.Created, Body: new { }),
    };

    private sealed record Route(string? Scope, HttpStatusCode Stranger, string? Code = null, object? Body = null);

    [Fact]
    public async Task Routes_AreAllWrittenDownHere()
    {
        var sessions = await fixture.StartedAsync();

        var routes = (
            from endpoint in sessions.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["ANY"]
            let isOpen = endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null
            select (Name: $"{method} /{endpoint.RoutePattern.RawText!.Trim('/')}", isOpen)).ToList();

        routes.Select(route => route.Name).ShouldBe([.. Open, .. Closed.Keys], ignoreOrder: true);
        routes.Where(route => route.isOpen).Select(route => route.Name).ShouldBeSubsetOf(Open);
    }

    [Fact]
    public async Task ClosedRoute_WithoutAnIdentityThatHolds_Is401()
    {
        var sessions = await fixture.StartedAsync();
        var owner = await OwnerAsync(sessions);
        var identity = fixture.Identity;
        string Good(TimeSpan? expiresIn = null, string signer = "gateway", string aud = "lyceum") => identity.Token(
            signer, sub: owner.Person.Id.ToString(), tenant: owner.Person.Tenant, kind: "user", scope: "tutors sessions", expiresIn: expiresIn, aud: aud);
        Dictionary<string, string?> credentials = new()
        {
            ["none"] = null,
            ["expired"] = Good(TimeSpan.FromSeconds(-6)),
            ["tampered"] = Tamper(Good()),
            ["cut"] = Good()[..^4],
            ["another audience"] = Good(aud: "elsewhere"),
            ["a user's token as it is"] = owner.Person.AccessToken,
            ["vouched for by another service"] = Good(signer: "chat-api"),
            ["vouched for by itself"] = Good(signer: "session-api"),
            ["an engine token"] = identity.Token("session-api", aud: $"ticket:/ws/{Guid.NewGuid()}", kind: "service", sub: "session-api"),
        };

        foreach (var (name, route) in Closed)
        {
            foreach (var (what, token) in credentials)
                (await (await SendAsync(sessions, name, route, owner, token)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized")).ToString().ShouldNotBeEmpty($"{name}: {what}");
        }
        await ShouldBeUntouchedAsync(sessions, owner);
    }

    [Fact]
    public async Task ScopedRoute_WithoutItsScope_Is403()
    {
        var sessions = await fixture.StartedAsync();
        var owner = await OwnerAsync(sessions);

        foreach (var (name, route) in Closed.Where(route => route.Value.Scope is not null))
            await (await SendAsync(sessions, name, route, owner, fixture.Identity.Token(tenant: owner.Person.Tenant, scope: "chat llm"))).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
        await ShouldBeUntouchedAsync(sessions, owner);
    }

    [Fact]
    public async Task AnotherTenant_SeesNothing_AndChangesNothing()
    {
        var sessions = await fixture.StartedAsync();
        var owner = await OwnerAsync(sessions);
        var other = await OwnerAsync(sessions);
        var impostor = fixture.Identity.Token(sub: owner.Person.Id.ToString(), tenant: other.Person.Tenant, kind: "user", scope: "tutors sessions classes");

        foreach (var (name, route) in Closed)
        {
            using var response = await SendAsync(sessions, name, route, owner, impostor);
            response.StatusCode.ShouldBe(route.Stranger, name);
            if (route.Code is not null)
                await response.ShouldBeProblem(route.Stranger, route.Code);
            var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            body.ShouldNotContain(owner.Person.Tenant, customMessage: name);
            body.ShouldNotContain(owner.Person.Username, customMessage: name);
        }
        // And an honest account of another tenant, by its own routes.
        await (await sessions.SendAsync(HttpMethod.Delete, $"/api/auth/invitations/{owner.Invitation}", token: other.Person.Identity())).ShouldBeProblem(HttpStatusCode.NotFound, "invitation_not_found");
        (await (await sessions.SendAsync(HttpMethod.Get, "/api/auth/invitations", token: other.Person.Identity())).JsonAsync()).ToString().ShouldNotContain(owner.Invitation.ToString());
        await ShouldBeUntouchedAsync(sessions, owner);
    }

    private sealed record Owner(Person Person, int Tutor, Guid Invitation, string Knowledge, Guid Document, string Session, Guid Class);

    /// <summary>Somebody with one of everything.</summary>
    private static async Task<Owner> OwnerAsync(TestSessions sessions)
    {
        var person = await sessions.PersonAsync();
        var tutor = await (await sessions.PostAsync("/api/tutors", new { name = person.Username }, person.Identity())).JsonAsync();
        var invitation = await (await sessions.PostAsync("/api/auth/invitations", new { note = person.Username }, person.Identity())).JsonAsync();
        var knowledge = $"kb-{Guid.NewGuid():N}";
        await sessions.SendAsync(HttpMethod.Put, $"/api/kb/{knowledge}", new { title = person.Username }, person.Identity());
        using var upload = new HttpRequestMessage(HttpMethod.Post, $"/api/kb/{knowledge}/documents?name=a.txt") { Content = new StringContent("heron") };
        upload.Headers.Authorization = new AuthenticationHeaderValue("Bearer", person.Identity());
        var document = await (await sessions.Client.SendAsync(upload, TestContext.Current.CancellationToken)).JsonAsync();
        var made = await (await sessions.PostAsync("/api/classes", new { name = person.Username }, person.Identity())).JsonAsync();
        var session = $"gpu-engine.{Guid.CreateVersion7()}";
        await using var insert = sessions.Database.CreateCommand(
            "INSERT INTO sessions (id, tenant, owner, subject, student_id, engine_id, incarnation, status, created_at, recorded_seq, released)"
            + $" VALUES ('{session}', '{person.Tenant}', '{person.Id}', '{person.Id}', '1', 'gpu-engine', '{Guid.Empty}', 'active', now(), 0, false)");
        await insert.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        return new(person, tutor.GetProperty("id").GetInt32(), invitation.GetProperty("id").GetGuid(), knowledge, document.GetProperty("id").GetGuid(), session, made.GetProperty("id").GetGuid());
    }

    private static async Task ShouldBeUntouchedAsync(TestSessions sessions, Owner owner)
    {
        var tutors = (await (await sessions.SendAsync(HttpMethod.Get, "/api/tutors", token: owner.Person.Identity())).JsonAsync()).GetProperty("tutors");
        tutors.EnumerateArray().Select(tutor => tutor.GetProperty("name").GetString()).ShouldBe([owner.Person.Username]);
        var invitations = (await (await sessions.SendAsync(HttpMethod.Get, "/api/auth/invitations", token: owner.Person.Identity())).JsonAsync()).GetProperty("invitations");
        invitations.EnumerateArray().Select(invitation => invitation.GetProperty("id").GetGuid()).ShouldBe([owner.Invitation]);
        var found = await (await sessions.SendAsync(HttpMethod.Get, $"/api/kb/{owner.Knowledge}/search?q=heron", token: owner.Person.Identity())).JsonAsync();
        found.GetProperty("passages")[0].GetProperty("document_id").GetGuid().ShouldBe(owner.Document);
        var talks = (await (await sessions.SendAsync(HttpMethod.Get, "/api/sessions", token: owner.Person.Identity())).JsonAsync()).GetProperty("sessions");
        talks.EnumerateArray().Select(session => session.GetProperty("session_id").GetString()).ShouldBe([owner.Session]);
        var classes = (await (await sessions.SendAsync(HttpMethod.Get, "/api/classes", token: owner.Person.Identity())).JsonAsync()).GetProperty("classes");
        classes.EnumerateArray().Select(row => row.GetProperty("name").GetString()).ShouldBe([owner.Person.Username]);
        await sessions.PersonAsync(owner.Person.Username); // with the password as it was
    }

    private static Task<HttpResponseMessage> SendAsync(TestSessions sessions, string name, Route route, Owner owner, string? token)
    {
        var (method, template) = (name.Split(' ')[0], name.Split(' ')[1]);
        var path = template.Replace("{id:int}", owner.Tutor.ToString(), StringComparison.Ordinal)
            .Replace("{kb_id}", owner.Knowledge, StringComparison.Ordinal)
            .Replace("{session_id}", owner.Session, StringComparison.Ordinal)
            .Replace("{turn:int}", "1", StringComparison.Ordinal)
            .Replace("{person}", owner.Person.Id.ToString(), StringComparison.Ordinal)
            .Replace("{engine_id}", "e", StringComparison.Ordinal)
            .Replace("{document_id:guid}", owner.Document.ToString(), StringComparison.Ordinal)
            .Replace("classes/{id:guid}", $"classes/{owner.Class}", StringComparison.Ordinal)
            .Replace("{subject}", owner.Person.Id.ToString(), StringComparison.Ordinal)
            .Replace("{tenant}", "theirs", StringComparison.Ordinal)
            .Replace("{kind}/{thing}", $"tutor/{owner.Tutor}", StringComparison.Ordinal)
            .Replace("{id:guid}", owner.Invitation.ToString(), StringComparison.Ordinal);
        return sessions.SendAsync(new HttpMethod(method), path, route.Body, token);
    }

    /// <summary>The same token for everything there is, with the signature it had.</summary>
    private static string Tamper(string token)
    {
        var parts = token.Split('.');
        var payload = Base64UrlEncoder.Decode(parts[1]).Replace("\"tutors sessions\"", "\"tutors sessions ops\"", StringComparison.Ordinal);
        return $"{parts[0]}.{Base64UrlEncoder.Encode(payload)}.{parts[2]}";
    }
}
