using System.Net;
using System.Text.Json;
using Lyceum.Tests.Support;
using Lyceum.Tests.Support.Postgres;
using Npgsql;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Every row is somebody's: of two people of one tenant, neither sees what the other has.</summary>
public sealed class OwnershipTests(SessionsFixture fixture, PostgresFixture postgres) : IClassFixture<SessionsFixture>
{
    private readonly string _tenant = $"t-{Guid.NewGuid():N}";

    private string Teacher(Guid id) => fixture.Identity.Token(
        sub: id.ToString(), tenant: _tenant, kind: "user", scope: "tutors sessions", role: "teacher");

    [Fact]
    public async Task TwoTeachersOfATenant_SeeNothingOfEachOther()
    {
        var sessions = await fixture.StartedAsync();
        var (one, other) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        var tutor = (await (await sessions.PostAsync("/api/tutors", new { name = "of one" }, Teacher(one))).JsonAsync())
            .GetProperty("id").GetInt32();
        await sessions.SendAsync(HttpMethod.Put, "/api/kb/notes", new { title = "of one" }, Teacher(one));
        var session = $"gpu-engine.{Guid.CreateVersion7()}";
        await using (var made = sessions.Database.CreateCommand(
            "INSERT INTO sessions (id, tenant, owner, subject, student_id, engine_id, incarnation, status, created_at, recorded_seq, released)"
            + $" VALUES ('{session}', '{_tenant}', '{one}', '{one}', '1', 'gpu-engine', '{Guid.Empty}', 'active', now(), 0, false)"))
            await made.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        foreach (var (method, path, body, code) in ((HttpMethod, string, object?, string)[])
            [
                (HttpMethod.Get, $"/api/tutors/{tutor}", null, "tutor_not_found"),
                (HttpMethod.Put, $"/api/tutors/{tutor}", new { name = "mine now" }, "tutor_not_found"),
                (HttpMethod.Delete, $"/api/tutors/{tutor}", null, "tutor_not_found"),
                (HttpMethod.Post, $"/api/tutors/{tutor}/sessions", new { student_id = 1 }, "tutor_not_found"),
                (HttpMethod.Get, "/api/kb/notes", null, "knowledge_base_not_found"),
                (HttpMethod.Get, "/api/kb/notes/search?q=heron", null, "knowledge_base_not_found"),
                (HttpMethod.Get, "/api/kb/notes/documents", null, "knowledge_base_not_found"),
                (HttpMethod.Delete, "/api/kb/notes", null, "knowledge_base_not_found"),
                (HttpMethod.Get, $"/api/sessions/{session}", null, "session_not_found"),
                (HttpMethod.Post, $"/api/sessions/{session}/connect", null, "session_not_found"),
                (HttpMethod.Delete, $"/api/sessions/{session}", null, "session_not_found"),
            ])
            await (await sessions.SendAsync(method, path, body, Teacher(other))).ShouldBeProblem(HttpStatusCode.NotFound, code);
        foreach (var (path, list) in ((string, string)[])
            [("/api/tutors", "tutors"), ("/api/kb", "knowledge_bases"), ("/api/sessions", "sessions")])
        {
            (await CountAsync(sessions, path, list, Teacher(other))).ShouldBe(0, path);
            (await CountAsync(sessions, path, list, Teacher(one))).ShouldBe(1, path);
        }
    }

    [Fact]
    public async Task SlugOfAnotherTeacher_Is409_AndNothingIsOverwritten()
    {
        var sessions = await fixture.StartedAsync();
        var (one, other) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        (await sessions.SendAsync(HttpMethod.Put, "/api/kb/notes", new { title = "of one" }, Teacher(one))).StatusCode.ShouldBe(HttpStatusCode.Created);

        await (await sessions.SendAsync(HttpMethod.Put, "/api/kb/notes", new { title = "mine now" }, Teacher(other))).ShouldBeProblem(HttpStatusCode.Conflict, "conflict");

        (await sessions.SendAsync(HttpMethod.Put, "/api/kb/notes", new { }, Teacher(one))).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await (await sessions.SendAsync(HttpMethod.Get, "/api/kb/notes", token: Teacher(one))).JsonAsync()).GetProperty("title").GetString().ShouldBe("of one");
    }

    [Fact]
    public async Task ApiToken_ActsAsItsTenantsOwner_AndSoDoesWhatServicesDoForIt()
    {
        var sessions = await fixture.StartedAsync();
        var founder = await sessions.PersonAsync();
        var tutor = (await (await sessions.PostAsync("/api/tutors", new { name = "t" }, founder.Identity())).JsonAsync()).GetProperty("id").GetInt32();
        var theirs = fixture.Identity.Token(tenant: founder.Tenant, sub: "ci", scope: "tutors");
        var another = fixture.Identity.Token(tenant: founder.Tenant, sub: "cron", scope: "tutors");

        (await sessions.SendAsync(HttpMethod.Get, $"/api/tutors/{tutor}", token: theirs)).StatusCode.ShouldBe(HttpStatusCode.OK);
        await sessions.SendAsync(HttpMethod.Put, "/api/kb/of-ci", new { }, theirs);
        (await sessions.SendAsync(HttpMethod.Get, "/api/kb/of-ci", token: another)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await sessions.SendAsync(HttpMethod.Get, "/api/kb/of-ci", token: founder.Identity())).StatusCode.ShouldBe(HttpStatusCode.OK);
        // A tenant of tokens alone has an owner too.
        await sessions.PostAsync("/api/tutors", new { name = "t" }, fixture.Identity.Token(tenant: _tenant, sub: "ci", scope: "tutors"));
        (await CountAsync(sessions, "/api/tutors", "tutors", fixture.Identity.Token(tenant: _tenant, sub: "cron", scope: "tutors"))).ShouldBe(1);

        (await AskAsync("ci")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await AskAsync(founder.Id.ToString())).StatusCode.ShouldBe(HttpStatusCode.OK);
        var stranger = await sessions.PersonAsync();
        foreach (var nobody in (Guid[])[stranger.Id, Guid.CreateVersion7()]) // of another tenant; an account that is gone
            await (await AskAsync(nobody.ToString())).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");

        Task<HttpResponseMessage> AskAsync(string act) => sessions.PostAsync(
            "/internal/retrieval/of-ci", new { query = "heron" },
            fixture.Identity.Token("chat-api", tenant: founder.Tenant, sub: "chat-api", kind: "service", scope: "tutors", act: act));
    }

    /// <summary>As release 0.1.0 made it, before things had owners; and what such a version makes while it is replaced.</summary>
    [Fact]
    public async Task RowsOfBefore_BelongToTheTenantsAccount_OrToItsTokens()
    {
        var (account, later) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        var database = await OldDatabase.CreateFromAsync(
            postgres, Path.Combine(Repository.Root, "tests", "SessionApi.Tests", "releases", "0.1.0.sql"));
        await PostgresServer.ExecuteAsync(database, $"{Account(account, "school", "ada")}; {Things("school", account.ToString())}; {Things("tokens", "ci")}");
        await using var sessions = await TestSessions.StartAsync(fixture.Identity, database);
        await PostgresServer.ExecuteAsync(database, $"{Account(later, "club", "bob")}; {Things("club", later.ToString())}");
        await Eventually.TrueAsync(
            async () => await CountAsync(sessions, "/api/sessions", "sessions", OfClub()) == 1, "the sweep gives it an owner");

        foreach (var token in (string[])
            [
                fixture.Identity.Token(sub: account.ToString(), tenant: "school", kind: "user", scope: "tutors sessions"),
                fixture.Identity.Token(sub: "ci", tenant: "school", scope: "tutors sessions"),
                fixture.Identity.Token(sub: "another", tenant: "tokens", scope: "tutors sessions"),
                OfClub(),
            ])
        {
            foreach (var (path, list) in ((string, string)[])
                [("/api/tutors", "tutors"), ("/api/kb", "knowledge_bases"), ("/api/sessions", "sessions")])
                (await CountAsync(sessions, path, list, token)).ShouldBe(1, path);
        }
        await using var source = NpgsqlDataSource.Create(database);
        await using var command = source.CreateCommand("SELECT string_agg(tenant || ' ' || role, ', ' ORDER BY tenant) FROM memberships");
        (await command.ExecuteScalarAsync(TestContext.Current.CancellationToken)).ShouldBe("club owner, school owner");

        string OfClub() => fixture.Identity.Token(sub: later.ToString(), tenant: "club", kind: "user", scope: "tutors sessions");
    }

    /// <summary>What a person finds by being one, a token finds by its scope alone.</summary>
    [Theory]
    [InlineData("/api/classes", "classes")]
    [InlineData("/api/me/tutors", "chat")]
    [InlineData("/api/me/tutors", "tutors")]
    public async Task ApiToken_WithoutTheScope_FindsNothing(string path, string scope)
    {
        var sessions = await fixture.StartedAsync();

        await (await sessions.SendAsync(HttpMethod.Get, path, token: fixture.Identity.Token(tenant: _tenant, scope: "llm"))).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
        (await sessions.SendAsync(HttpMethod.Get, path, token: fixture.Identity.Token(tenant: _tenant, scope: scope))).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await sessions.SendAsync(HttpMethod.Get, path, token: fixture.Identity.Token(tenant: _tenant, kind: "user", scope: "llm", role: "student"))).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    private static string Account(Guid id, string tenant, string name) =>
        "INSERT INTO accounts (id, tenant, username, name, password_hash, created_at, password_changed_at)"
        + $" VALUES ('{id}', '{tenant}', '{name}', '{name}', 'x', now(), now())";

    private static string Things(string tenant, string subject) =>
        $"""
         INSERT INTO tutors (tenant, name, subject, language, instructions, created_at, updated_at)
         VALUES ('{tenant}', 't', '', 'en', '', now(), now());
         INSERT INTO knowledge_bases (id, tenant, kb_id, title, created_at, updated_at)
         VALUES (gen_random_uuid(), '{tenant}', 'notes', 'Notes', now(), now());
         INSERT INTO sessions (id, tenant, owner, student_id, engine_id, incarnation, status, created_at, recorded_seq, released)
         VALUES ('e.{Guid.NewGuid()}', '{tenant}', '{subject}', '1', 'e', '{Guid.Empty}', 'ended', now(), 0, false)
         """;

    private static async Task<int> CountAsync(TestSessions sessions, string path, string list, string token) =>
        (await (await sessions.SendAsync(HttpMethod.Get, path, token: token)).JsonAsync()).GetProperty(list).GetArrayLength();
}
