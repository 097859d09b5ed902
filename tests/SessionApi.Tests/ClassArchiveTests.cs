using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Text.Json;
using Lyceum.Durability.Persons;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Archiving a class exports it, and erases its records later.</summary>
public sealed class ClassArchiveTests(PostgresFixture postgres) : IAsyncLifetime
{
    private static readonly HttpMethod Get = HttpMethod.Get;

    private readonly IdentityFolder _identity = new("gateway", "session-api", "chat-api", "roadmap-worker");
    private readonly ConcurrentQueue<string> _asked = [];
    private volatile bool _isAway;
    private TestService _chat = null!, _roadmaps = null!;
    private string _database = null!;
    private TestSessions _sessions = null!;
    private Person _owner = null!, _teacher = null!, _student = null!, _other = null!;
    private Guid _class;

    public async ValueTask InitializeAsync()
    {
        _database = await postgres.CreateDatabaseAsync();
        _chat = await TestService.StartAsync(_identity, "chat-api", map: app =>
        {
            app.MapGet("/api/classes/{id:guid}/questions", (Caller caller, string? cursor) => Answer($"questions {caller.Act} {cursor}", () =>
                Results.Json(new
                {
                    groups = new[] { new { title = cursor is null ? "first" : "second" } }, unanswered = (object?)null,
                    next_cursor = cursor is null ? "more" : null,
                }))).RequireScope(Scopes.Classes);
            app.MapDelete("/internal/classes/{id:guid}", (Guid id, Caller caller) =>
                Answer($"erase {id} {caller.Tenant}", () => Results.Ok(new ErasureState(true)))).RequireService();
            app.MapPut("/internal/erasures/{id:guid}", () => Results.Ok(new ErasureState(true))).RequireService();
        });
        _roadmaps = await TestService.StartAsync(_identity, "roadmap-worker", map: app =>
        {
            app.MapGet("/api/classes/{id:guid}/progress.csv", (Caller caller) =>
                Answer($"progress {caller.Act}", () => Results.Text("student,mastery\r\n王小明,0.5\r\n", "text/csv"))).RequireScope(Scopes.Classes);
            app.MapPut("/internal/erasures/{id:guid}", () => Results.Ok(new ErasureState(true))).RequireService();
        });
        _sessions = await StartAsync();
        _owner = await _sessions.PersonAsync();
        _teacher = await MembershipTests.InvitedAsync(_sessions, _owner, "teacher");
        _class = (await JsonAsync(_teacher, HttpMethod.Post, "/api/classes", new { name = "三年级 · 5b" })).GetProperty("id").GetGuid();
        var code = await MembershipTests.InviteAsync(_sessions, _teacher, "student", _class, uses: 5);
        _student = await MembershipTests.RegisteredAsync(_sessions, code);
        _other = await MembershipTests.RegisteredAsync(_sessions, code);
        await JsonAsync(_teacher, HttpMethod.Post, $"/api/classes/{_class}/shares", new { kind = "roadmap", id = Guid.CreateVersion7() });
        await JsonAsync(_teacher, HttpMethod.Put, $"/api/classes/{_class}/policy", new { answers = true });
    }

    public async ValueTask DisposeAsync()
    {
        await _sessions.DisposeAsync();
        await _chat.DisposeAsync();
        await _roadmaps.DisposeAsync();
        _identity.Dispose();
    }

    private Task<TestSessions> StartAsync() => TestSessions.StartAsync(_identity, _database, settings: new()
    {
        ["Erasures:Services"] = "session-api,chat-api,roadmap-worker", ["Erasures:MaxBackoff"] = "00:00:01",
        ["services:chat-api:http:0"] = _chat.Address.ToString(), ["services:roadmap-worker:http:0"] = _roadmaps.Address.ToString(),
    });

    private IResult Answer(string what, Func<IResult> answer)
    {
        _asked.Enqueue(what);
        return _isAway ? Problems.Unavailable(ErrorCodes.DatabaseUnavailable, "away") : answer();
    }

    [Fact]
    public async Task ArchivedClass_IsExportedAsItsTeacherSeesIt_ForItsTeachersAlone()
    {
        (await StatusAsync(_teacher)).ShouldBe("none");
        await ArchiveAsync();
        await UntilReadyAsync();

        var files = await FilesAsync(_teacher);
        JsonElement.Parse(files["class.json"]).GetProperty("name").GetString().ShouldBe("三年级 · 5b");
        JsonElement.Parse(files["members.json"]).EnumerateArray().Select(member => member.GetProperty("subject").GetString())
            .ShouldBe([_student.Id.ToString(), _other.Id.ToString()], ignoreOrder: true);
        JsonElement.Parse(files["shares.json"])[0].GetProperty("kind").GetString().ShouldBe("roadmap");
        files["progress.csv"].ShouldContain("王小明");
        JsonElement.Parse(files["questions.json"]).GetProperty("groups").EnumerateArray().Select(group => group.GetProperty("title").GetString())
            .ShouldBe(["first", "second"]);
        _asked.ShouldBe([$"progress {_teacher.Id}", $"questions {_teacher.Id} ", $"questions {_teacher.Id} more"]);
        // A download is a look, which its students see.
        (await AuditAsync(_student)).ShouldBe([("archive", _teacher.Username)]);
        await FilesAsync(_owner);
        (await AuditAsync(_student)).Count.ShouldBe(2);

        var (colleague, stranger) = (await MembershipTests.InvitedAsync(_sessions, _owner, "teacher"), await _sessions.PersonAsync());
        foreach (var who in (Person[])[_student, colleague, stranger])
        {
            foreach (var rest in (string[])["", "/content"])
                await (await SendAsync(who, Get, $"/api/classes/{_class}/archive{rest}")).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
        }
    }

    [Fact]
    public async Task ArchivedClass_ErasedAtItsTime_LeavesStudentsTheirs_AndTheProof()
    {
        await ArchiveAsync();
        await UntilReadyAsync();
        await FilesAsync(_teacher);
        var erasure = await ErasureAsync();
        await TimeComesAsync();

        await Eventually.TrueAsync(async () => (await DeletionAsync(erasure)).GetProperty("done_at").ValueKind != JsonValueKind.Null, "erased", 30);

        (await DeletionAsync(erasure)).GetProperty("services").EnumerateArray().Select(service => service.GetProperty("service").GetString())
            .ShouldBe(["archive", "chat-api", "session-api"]);
        await (await SendAsync(_teacher, Get, $"/api/classes/{_class}")).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
        _asked.ShouldContain($"erase {_class} {_owner.Tenant}");
        foreach (var table in (string[])["classes", "class_members", "class_archives", "shares", "safety_policies"])
            (await CountAsync($"SELECT count(*) FROM {table} WHERE tenant = '{_owner.Tenant}'")).ShouldBe(0, table);
        (await CountAsync("SELECT count(*) FROM invitations WHERE class_id IS NOT NULL")).ShouldBe(0);
        (await AuditAsync(_student)).ShouldBe([("archive", _teacher.Username)]);
    }

    [Fact]
    public async Task ArchivedClass_TakenBack_IsKept_AndNothingIsErasedBeforeTheArchiveIsThere()
    {
        _isAway = true;
        await ArchiveAsync();
        await TimeComesAsync();
        await Eventually.TrueAsync(() => _asked.Count > 1, "it is asked again");
        await _sessions.DisposeAsync(); // whoever goes on reads what is to be done from the database
        _sessions = await StartAsync();
        (await StatusAsync(_teacher)).ShouldBe("exporting");
        await (await SendAsync(_teacher, Get, $"/api/classes/{_class}/archive/content")).ShouldBeProblem(HttpStatusCode.Conflict, "task_not_completed");
        await (await SendAsync(_teacher, HttpMethod.Patch, $"/api/classes/{_class}", new { archived = false }))
            .ShouldBeProblem(HttpStatusCode.Conflict, "conflict"); // its time has come
        await TimeComesAsync("now() + interval '30 days'");

        await JsonAsync(_teacher, HttpMethod.Patch, $"/api/classes/{_class}", new { archived = false });

        (await StatusAsync(_teacher)).ShouldBe("none");
        (await CountAsync("SELECT count(*) FROM erasures")).ShouldBe(0);
        _isAway = false;
        await ArchiveAsync();
        await ArchiveAsync(); // said again, it is the same
        await UntilReadyAsync();
        (await CountAsync("SELECT count(*) FROM erasures")).ShouldBe(1);
        _asked.ShouldNotContain(asked => asked.StartsWith("erase"));
    }

    [Fact]
    public async Task WhoLeavesOrIsErased_IsInTheArchiveNoMore()
    {
        await ArchiveAsync();
        await UntilReadyAsync();
        (await SendAsync(_student, HttpMethod.Post, $"/api/classes/{_class}/leave")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await UntilReadyAsync();
        (await FilesAsync(_teacher))["members.json"].ShouldNotContain(_student.Id.ToString());

        var deleted = await SendAsync(_other, HttpMethod.Delete, "/api/me", new { password = TestSessions.Password });
        deleted.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        var erasure = (await deleted.JsonAsync()).GetProperty("id").GetGuid();
        await Eventually.TrueAsync(async () => (await DeletionAsync(erasure)).GetProperty("done_at").ValueKind != JsonValueKind.Null, "erased", 30);
        await UntilReadyAsync();
        string.Concat((await FilesAsync(_teacher)).Values).ShouldNotContain(_other.Id.ToString());
    }

    private Task<HttpResponseMessage> SendAsync(Person by, HttpMethod method, string path, object? body = null) =>
        _sessions.SendAsync(method, path, body, by.Identity());

    private async Task<JsonElement> JsonAsync(Person by, HttpMethod method, string path, object? body = null)
    {
        var response = await SendAsync(by, method, path, body);
        response.IsSuccessStatusCode.ShouldBeTrue($"{path}: {await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)}");
        return await response.JsonAsync();
    }

    private Task<JsonElement> ArchiveAsync() => JsonAsync(_teacher, HttpMethod.Patch, $"/api/classes/{_class}", new { archived = true });

    private async Task<string?> StatusAsync(Person who) =>
        (await JsonAsync(who, Get, $"/api/classes/{_class}/archive")).GetProperty("status").GetString();

    private async Task<Guid> ErasureAsync() =>
        (await JsonAsync(_teacher, Get, $"/api/classes/{_class}/archive")).GetProperty("erasure_id").GetGuid();

    private Task UntilReadyAsync() => Eventually.TrueAsync(async () => await StatusAsync(_teacher) == "ready", "it is exported", 30);

    private async Task<JsonElement> DeletionAsync(Guid id) => await (await _sessions.SendAsync(Get, $"/api/erasures/{id}")).JsonAsync();

    private async Task<List<(string?, string?)>> AuditAsync(Person who) =>
    [
        .. (await JsonAsync(who, Get, "/api/me/audit")).GetProperty("looks").EnumerateArray()
            .Select(look => (look.GetProperty("view").GetString(), look.GetProperty("viewer_name").GetString())),
    ];

    private async Task<Dictionary<string, string>> FilesAsync(Person who)
    {
        var response = await SendAsync(who, Get, $"/api/classes/{_class}/archive/content");
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var zip = new ZipArchive(new MemoryStream(await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)));
        return zip.Entries.ToDictionary(entry => entry.FullName, entry =>
        {
            using var reader = new StreamReader(entry.Open());
            return reader.ReadToEnd();
        });
    }

    /// <summary>As if the time until which an archive is kept were over.</summary>
    private async Task TimeComesAsync(string at = "now()")
    {
        await using var command = _sessions.Database.CreateCommand(
            $"""
             WITH archive AS (UPDATE class_archives SET erase_at = {at})
             UPDATE erasure_steps SET next_at = {at} WHERE service IN ('class:session-api', 'class:chat-api')
             """);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    private async Task<long> CountAsync(string sql)
    {
        await using var command = _sessions.Database.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }
}
