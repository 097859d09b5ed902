using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Contracts;
using Lyceum.Durability.Persons;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Transcripts;
using Lyceum.Tests.Support;
using Lyceum.Tests.Support.Postgres;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.SessionApi.Tests;

public sealed class ErasureTests(ErasureFixture fixture) : IClassFixture<ErasureFixture>, IAsyncLifetime
{
    private const string Word = "secret-of-ada";

    private ErasingPeer Chat => fixture.Chat;
    private TestSessions Sessions => fixture.Sessions;

    public async ValueTask InitializeAsync()
    {
        await fixture.StartedAsync();
        Chat.Forget();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task DeletedAccount_CannotSignIn_AndNothingIsLeftInAnyTable()
    {
        var ada = await Sessions.PersonAsync();
        var bob = await Sessions.PersonAsync();
        await FillAsync(ada);
        await FillAsync(bob);
        (await FindAsync(ada)).ShouldNotBeEmpty();

        var erasure = await DeleteAsync(ada);

        (await Sessions.SignInAsync(ada.Username)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await Sessions.PostAsync("/api/auth/refresh", new { refresh_token = ada.RefreshToken })).StatusCode
            .ShouldBe(HttpStatusCode.Unauthorized);
        await UntilDoneAsync(erasure);
        (await FindAsync(ada)).ShouldBeEmpty();
        Chat.Erased.ShouldContain((ada.Tenant, ada.Id.ToString()));
        (await FindAsync(bob)).ShouldNotBeEmpty();
        (await Sessions.SignInAsync(bob.Username)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task ServiceAway_IsAskedUntilItConfirms_AlsoAfterARestart()
    {
        var ada = await Sessions.PersonAsync();
        Chat.IsAway = true;
        var erasure = await DeleteAsync(ada);
        await Eventually.TrueAsync(() => Chat.AskedFor(ada.Id) > 1, "it is asked again");
        (await StatusAsync(erasure)).GetProperty("done_at").ValueKind.ShouldBe(JsonValueKind.Null);

        await Sessions.DisposeAsync();
        (Chat.IsAway, Chat.RemainingCalls) = (false, 2); // and then it takes its time
        await fixture.StartAsync();

        await UntilDoneAsync(erasure);
        (await StatusAsync(erasure)).GetProperty("services").EnumerateArray()
            .ShouldAllBe(service => service.GetProperty("done").GetBoolean());
        Chat.Erased.ShouldContain((ada.Tenant, ada.Id.ToString()));
    }

    [Fact]
    public async Task WrongPassword_DeletesNothing()
    {
        var ada = await Sessions.PersonAsync();

        var wrong = await Sessions.SendAsync(HttpMethod.Delete, "/api/me", new { password = "not this one" }, ada.Identity());
        var none = await Sessions.SendAsync(HttpMethod.Delete, "/api/me", null, ada.Identity());

        await wrong.ShouldBeProblem(HttpStatusCode.Unauthorized, ErrorCodes.InvalidCredentials);
        await none.ShouldBeProblem(HttpStatusCode.Unauthorized, ErrorCodes.InvalidCredentials);
        (await Sessions.SignInAsync(ada.Username)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task AccountWithoutPassword_NeedsARecentSignIn()
    {
        var ada = await Sessions.PersonAsync();
        await ExecuteAsync($"UPDATE accounts SET password_hash = NULL WHERE id = '{ada.Id}'");
        await ExecuteAsync($"UPDATE sign_ins SET created_at = now() - interval '1 hour' WHERE account_id = '{ada.Id}'");

        await (await Sessions.SendAsync(HttpMethod.Delete, "/api/me", null, ada.Identity()))
            .ShouldBeProblem(HttpStatusCode.Forbidden, ErrorCodes.RecentSignInRequired);

        await ExecuteAsync($"UPDATE sign_ins SET created_at = now() WHERE account_id = '{ada.Id}'");
        (await Sessions.SendAsync(HttpMethod.Delete, "/api/me", null, ada.Identity())).StatusCode
            .ShouldBe(HttpStatusCode.Accepted);
    }

    [Fact]
    public async Task LastOwner_OfATenantThatOthersAreIn_CannotGo_UntilThereIsAnother()
    {
        var (ada, bob) = (await Sessions.PersonAsync(), await Sessions.PersonAsync());
        await ExecuteAsync($"INSERT INTO memberships VALUES ('{bob.Id}', '{ada.Tenant}', 'teacher', now())");

        await (await Sessions.SendAsync(
            HttpMethod.Delete, "/api/me", new { password = TestSessions.Password }, ada.Identity()))
            .ShouldBeProblem(HttpStatusCode.Conflict, ErrorCodes.LastOwner);
        await ExecuteAsync($"UPDATE memberships SET role = 'owner' WHERE account_id = '{bob.Id}'");

        await UntilDoneAsync(await DeleteAsync(ada));
    }

    /// <summary>What somebody made stays when they leave a tenant; not when they are deleted.</summary>
    [Fact]
    public async Task PersonErased_GoesFromTenantsTheyHaveLeftToo()
    {
        var (owner, ada) = (await Sessions.PersonAsync(), await Sessions.PersonAsync());
        await ExecuteAsync(
            $"""
            INSERT INTO memberships VALUES ('{ada.Id}', '{owner.Tenant}', 'teacher', now());
            INSERT INTO tutors (tenant, owner, name, subject, language, instructions, created_at, updated_at)
                VALUES ('{owner.Tenant}', '{ada.Id}', 'left', '', 'en', '', now(), now());
            DELETE FROM memberships WHERE account_id = '{ada.Id}' AND tenant = '{owner.Tenant}';
            """);

        await UntilDoneAsync(await DeleteAsync(ada));

        (await FindAsync(ada)).ShouldBeEmpty();
        Chat.Erased.ShouldContain((owner.Tenant, ada.Id.ToString()));
    }

    [Fact]
    public async Task TeacherErased_LeavesTheirClassAndWhatItUses_ToAnOwner_WithoutTheirName()
    {
        var (owner, teacher) = (await Sessions.PersonAsync(), await Sessions.PersonAsync());
        var @class = Guid.CreateVersion7();
        await ExecuteAsync(
            $"""
            INSERT INTO memberships VALUES ('{teacher.Id}', '{owner.Tenant}', 'teacher', now());
            INSERT INTO knowledge_bases (id, tenant, owner, kb_id, title, created_at, updated_at)
                VALUES (gen_random_uuid(), '{owner.Tenant}', '{teacher.Id}', 'used', 'u', now(), now()),
                       (gen_random_uuid(), '{owner.Tenant}', '{teacher.Id}', 'unused', 'u', now(), now());
            INSERT INTO tutors (tenant, owner, name, subject, language, instructions, kb_id, created_at, updated_at)
                VALUES ('{owner.Tenant}', '{teacher.Id}', 'shared', '', 'en', '', 'used', now(), now()),
                       ('{owner.Tenant}', '{teacher.Id}', 'private', '', 'en', '', 'unused', now(), now());
            INSERT INTO classes (id, tenant, owner, name, visibility, created_at)
                VALUES ('{@class}', '{owner.Tenant}', '{teacher.Id}', 'c', 'progress', now());
            INSERT INTO shares (class_id, kind, thing, tenant, owner, created_at)
                SELECT '{@class}', 'tutor', id::text, '{owner.Tenant}', '{teacher.Id}', now() FROM tutors WHERE name = 'shared';
            INSERT INTO looks (id, tenant, person, class_id, class_name, viewer, viewer_name, view, minute, at, times)
                SELECT gen_random_uuid(), '{owner.Tenant}', 'student', '{@class}', 'c', v, v, 'overview', now(), now(), 1
                FROM unnest(ARRAY['{teacher.Id}', 'another']) v;
            """);

        await UntilDoneAsync(await DeleteAsync(teacher));

        (await FindAsync(teacher)).ShouldBeEmpty();
        (await TextAsync($"SELECT string_agg(name || owner, ' ') FROM tutors WHERE tenant = '{owner.Tenant}'")).ShouldBe($"shared{owner.Id}");
        (await TextAsync($"SELECT string_agg(kb_id || owner, ' ') FROM knowledge_bases WHERE tenant = '{owner.Tenant}'")).ShouldBe($"used{owner.Id}");
        (await TextAsync($"SELECT string_agg(name || owner, ' ') FROM classes WHERE tenant = '{owner.Tenant}'")).ShouldBe($"c{owner.Id}");
        (await TextAsync($"SELECT string_agg(kind || owner, ' ') FROM shares WHERE tenant = '{owner.Tenant}'")).ShouldBe($"tutor{owner.Id}");
        (await TextAsync($"SELECT count(*)::text FROM looks WHERE tenant = '{owner.Tenant}'")).ShouldBe("2");
    }

    [Fact]
    public async Task TranscriptSentAgain_OfAnErasedPerson_IsAcknowledgedAndNotStored()
    {
        var ada = await Sessions.PersonAsync();
        var (turns, of) = (await FillAsync(ada), await Sessions.PersonAsync());
        await UntilDoneAsync(await DeleteAsync(ada));
        var others = new SessionTurns(
            $"gpu-engine.{Guid.CreateVersion7()}", of.Tenant, of.Id.ToString(), turns.Records);

        var recorded = await Recorder.RecordAsync([turns, others], TestContext.Current.CancellationToken);

        recorded.Select(session => session.ThroughSeq).ShouldBe([turns.Records[^1].ThroughSeq, turns.Records[^1].ThroughSeq]);
        (await FindAsync(ada, Word)).ShouldAllBe(row => row.Contains(of.Id.ToString()) || !row.Contains(ada.Id.ToString()));
        (await FindAsync(ada, turns.SessionId)).ShouldBeEmpty();
    }

    [Fact]
    public async Task LiveSession_IsReleasedAtItsEngine_BeforeItsRowGoes()
    {
        var ada = await Sessions.PersonAsync();
        await FillAsync(ada);
        await ExecuteAsync(
            $"UPDATE sessions SET incarnation = gen_random_uuid() WHERE owner = '{ada.Id}'"); // at an engine that nobody knows

        await UntilDoneAsync(await DeleteAsync(ada));

        (await FindAsync(ada)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Export_HasWhatEveryServiceHolds_AndNoSecrets()
    {
        var ada = await Sessions.PersonAsync();
        await FillAsync(ada);
        await FillAsync(await Sessions.PersonAsync());

        var response = await Sessions.SendAsync(HttpMethod.Get, "/api/me/export", token: ada.Identity());

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/zip");
        var files = Read(await response.Content.ReadAsByteArrayAsync());
        JsonElement.Parse(files["session-api/accounts.json"])[0].GetProperty("username").GetString().ShouldBe(ada.Username);
        JsonElement.Parse(files["session-api/session_turns.json"]).GetArrayLength().ShouldBe(1);
        files.Keys.ShouldContain(name => name.StartsWith("session-api/sessions/") && name.EndsWith(".md"));
        files["chat-api/said.md"].ShouldBe($"{ada.Tenant} {ada.Id}" + new string('x', 200_000));
        files["chat-api/seen.jpg"].ShouldBe("\0\u0001", "bytes, as they are");
        string.Concat(files.Values).ShouldNotContain("password_hash");
        string.Concat(files.Values).ShouldNotContain("token_hash");
        files.Keys.ShouldNotContain("INCOMPLETE.txt");
    }

    [Fact]
    public async Task Export_WithAServiceAway_IsRefusedBeforeTheFirstByte()
    {
        var ada = await Sessions.PersonAsync();
        Chat.IsAway = true;

        await (await Sessions.SendAsync(HttpMethod.Get, "/api/me/export", token: ada.Identity()))
            .ShouldBeProblem(HttpStatusCode.ServiceUnavailable, ErrorCodes.ServiceUnavailable);
    }

    [Fact]
    public async Task Export_WhoseServiceBreaksOff_SaysSoInTheArchive()
    {
        var ada = await Sessions.PersonAsync();
        Chat.BreaksOff = true;

        var response = await Sessions.SendAsync(HttpMethod.Get, "/api/me/export", token: ada.Identity());

        Read(await response.Content.ReadAsByteArrayAsync())["INCOMPLETE.txt"].ShouldContain("chat-api");
    }

    private TranscriptRecorder Recorder => Sessions.Services.GetRequiredService<TranscriptRecorder>();

    /// <summary>A tutor, a knowledge base with a document, an invitation, and a session in which something was said.</summary>
    private async Task<SessionTurns> FillAsync(Person person)
    {
        foreach (var (method, path, body) in ((HttpMethod, string, object)[])
            [
                (HttpMethod.Post, "/api/tutors", new { name = Word }),
                (HttpMethod.Put, "/api/kb/biology", new { title = Word }),
                (HttpMethod.Post, "/api/auth/invitations", new { note = Word }),
            ])
        {
            (await Sessions.SendAsync(method, path, body, person.Identity())).IsSuccessStatusCode.ShouldBeTrue(path);
        }
        var at = DateTimeOffset.UtcNow;
        var turns = new SessionTurns($"gpu-engine.{Guid.CreateVersion7()}", person.Tenant, person.Id.ToString(),
        [
            new(1, 1, "user", at, Word), new(2, 1, "delta", at, Word),
            new(3, 1, "end", at, Status: "complete", FinishReason: "stop", Length: 9),
        ]);
        await Recorder.RecordAsync([turns], TestContext.Current.CancellationToken);
        return turns;
    }

    private async Task<Guid> DeleteAsync(Person person)
    {
        var response = await Sessions.SendAsync(
            HttpMethod.Delete, "/api/me", new { password = TestSessions.Password }, person.Identity());
        response.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        return (await response.JsonAsync()).GetProperty("id").GetGuid();
    }

    private async Task<JsonElement> StatusAsync(Guid erasure) =>
        await (await Sessions.SendAsync(HttpMethod.Get, $"/api/erasures/{erasure}")).JsonAsync();

    private Task UntilDoneAsync(Guid erasure) => Eventually.TrueAsync(
        async () => (await StatusAsync(erasure)).GetProperty("done_at").ValueKind != JsonValueKind.Null, "it is done");

    private Task<List<string>> FindAsync(Person person, params string[] more) => PersonalRows.FindAsync(
        Sessions.Database, [person.Id.ToString(), person.Username, person.Tenant, .. more],
        "erased_persons", "erasures", "erasure_steps");

    private async Task<string?> TextAsync(string sql)
    {
        await using var command = Sessions.Database.CreateCommand(sql);
        return (string?)await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var command = Sessions.Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    private static Dictionary<string, string> Read(byte[] archive)
    {
        using var zip = new ZipArchive(new MemoryStream(archive));
        return zip.Entries.ToDictionary(entry => entry.FullName, entry =>
        {
            using var reader = new StreamReader(entry.Open());
            return reader.ReadToEnd();
        });
    }
}

/// <summary>One SessionApi that erases for all tests of the class, and what stands for the other services.</summary>
public sealed class ErasureFixture(PostgresFixture postgres) : IAsyncDisposable
{
    private readonly IdentityFolder _identity = new("gateway", "session-api", "chat-api");
    private string? _database;

    internal ErasingPeer Chat { get; private set; } = null!;
    public TestSessions Sessions { get; private set; } = null!;

    /// <summary>Started by the first test; skips it where there is no PostgreSQL.</summary>
    public async Task StartedAsync()
    {
        if (_database is not null)
            return;
        _database = await postgres.CreateDatabaseAsync();
        Chat = await ErasingPeer.StartAsync(_identity);
        await StartAsync();
    }

    public async Task StartAsync() => Sessions = await TestSessions.StartAsync(_identity, _database!, settings: new()
    {
        ["Erasures:Services"] = "session-api,chat-api", ["Erasures:MaxBackoff"] = "00:00:01",
        ["services:chat-api:http:0"] = Chat.Address.ToString(),
    });

    public async ValueTask DisposeAsync()
    {
        if (Sessions is not null)
            await Sessions.DisposeAsync();
        if (Chat is not null)
            await Chat.DisposeAsync();
        _identity.Dispose();
    }
}

/// <summary>Another service that holds something of persons.</summary>
internal sealed class ErasingPeer(TestService service) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, int> _asked = new();

    public Uri Address => service.Address;
    public ConcurrentBag<(string Tenant, string Person)> Erased { get; } = [];
    public volatile bool IsAway;
    public volatile bool BreaksOff;

    /// <summary>Calls that are answered with "not yet".</summary>
    public volatile int RemainingCalls;

    public int AskedFor(Guid person) => _asked.GetValueOrDefault(person.ToString());

    public void Forget() => (IsAway, BreaksOff, RemainingCalls) = (false, false, 0);

    public static async Task<ErasingPeer> StartAsync(IdentityFolder identity)
    {
        ErasingPeer? peer = null;
        return peer = new(await TestService.StartAsync(identity, "chat-api", map: app =>
        {
            app.MapPut("/internal/erasures/{id:guid}", (Caller caller) => peer!.Erase(caller)).RequireService();
            app.MapGet("/internal/export", (Caller caller, Microsoft.AspNetCore.Http.HttpContext http) =>
                peer!.ExportAsync(caller, http)).RequireService();
        }));
    }

    private Microsoft.AspNetCore.Http.IResult Erase(Caller caller)
    {
        _asked.AddOrUpdate(caller.Act!, 1, (_, asked) => asked + 1);
        if (IsAway)
            return Problems.Unavailable(ErrorCodes.DatabaseUnavailable, "away");
        if (RemainingCalls-- > 0)
            return Microsoft.AspNetCore.Http.TypedResults.Ok(new ErasureState(false));
        Erased.Add((caller.Tenant, caller.Act!));
        return Microsoft.AspNetCore.Http.TypedResults.Ok(new ErasureState(true));
    }

    private async Task ExportAsync(Caller caller, Microsoft.AspNetCore.Http.HttpContext http)
    {
        if (IsAway)
        {
            http.Response.StatusCode = 503;
            return;
        }
        foreach (var piece in (ExportPiece[])
            [new("said.md", $"{caller.Tenant} {caller.Act}"), new("said.md", new string('x', 200_000)),
                new("seen.jpg", "") { Data = [0, 1] }, new("", "") { End = true }])
        {
            if (piece.End && BreaksOff)
                return;
            await http.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(
                new { path = piece.Path, text = piece.Text, data = piece.Data, end = piece.End }));
            await http.Response.Body.WriteAsync("\n"u8.ToArray());
        }
    }

    public ValueTask DisposeAsync() => service.DisposeAsync();
}
