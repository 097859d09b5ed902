using System.Net;
using System.Text.Json;
using Lyceum.Contracts;
using Lyceum.SessionApi.Transcripts;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>What was said in live sessions is found again, by whose it is alone.</summary>
public sealed class TranscriptSearchTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    private readonly string _tenant = $"t-{Guid.NewGuid():N}";

    [Fact]
    public async Task Turns_AreFoundByEveryWord_NewestFirst_ByTheirOwner()
    {
        var sessions = await fixture.StartedAsync();
        var recorder = sessions.Services.GetRequiredService<TranscriptRecorder>();
        var at = DateTimeOffset.UtcNow;
        var (ada, bob, eve) = (await MemberAsync(sessions), await MemberAsync(sessions), await MemberAsync(sessions));
        foreach (var person in (string[])[ada, bob])
        {
            SessionTurnRecord[] records =
            [
                new(1, 1, "user", at, "什么是光合作用？"), new(2, 1, "delta", at, "植物用光造糖。"),
                new(3, 1, "end", at, Status: "complete", FinishReason: "stop", Length: 21),
                new(4, 2, "user", at.AddMinutes(1), "Where do plants breathe?"), new(5, 2, "delta", at.AddMinutes(1), "In their leaves, 光合作用."),
                new(6, 2, "end", at.AddMinutes(1), Status: "complete", FinishReason: "stop", Length: 30),
                new(7, 3, "user", at.AddMinutes(2), "光合作用 again, whose end is not known"),
            ];
            await recorder.RecordAsync([new($"gpu-engine.{Guid.CreateVersion7()}", _tenant, person, records)], TestContext.Current.CancellationToken);
        }
        await Eventually.TrueAsync(async () => (await FoundAsync(sessions, ada, "光合作用")).Count == 2, "both are found");

        var found = await FoundAsync(sessions, ada, "光合作用");
        found.ConvertAll(turn => turn.GetProperty("turn").GetInt32()).ShouldBe([2, 1]);
        var excerpt = found[1].GetProperty("excerpt");
        var range = excerpt.GetProperty("ranges")[0];
        excerpt.GetProperty("text").GetString()!.Substring(range.GetProperty("start").GetInt32(), range.GetProperty("length").GetInt32())
            .ShouldBe("光合作用");
        (await FoundAsync(sessions, ada, "plant breathing")).ConvertAll(turn => turn.GetProperty("turn").GetInt32()).ShouldBe([2]);
        (await FoundAsync(sessions, ada, "plant 造糖")).ShouldBeEmpty();
        (await FoundAsync(sessions, eve, "光合作用")).ShouldBeEmpty();
        (await FoundAsync(sessions, ada, "光合作用", "another")).ShouldBeEmpty();

        // From one on.
        var next = await FoundAsync(sessions, ada, "光合作用", before: found[0]);
        next.ShouldHaveSingleItem().GetProperty("turn").GetInt32().ShouldBe(1);

        // What is deleted is not found.
        var id = found[0].GetProperty("session_id").GetString();
        await using (var delete = sessions.Database.CreateCommand("UPDATE sessions SET status = 'deleted' WHERE id = $1"))
        {
            delete.Parameters.Add(new() { Value = id! });
            await delete.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }
        (await FoundAsync(sessions, ada, "光合作用")).ShouldBeEmpty();
        (await FoundAsync(sessions, bob, "光合作用")).Count.ShouldBe(2);
    }

    [Fact]
    public async Task Search_AskedForWrongly_IsRefused()
    {
        var sessions = await fixture.StartedAsync();
        foreach (var body in (object[])[new { query = "" }, new { query = "a\0" }, new { query = new string('a', 201) }, new { query = "a", limit = 0 }])
        {
            using var response = await SendAsync(sessions, body, fixture.Identity.Token(
                signer: "chat-api", sub: "chat-api", tenant: _tenant, kind: "service", scope: "sessions", act: "ada"));
            await response.ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        }
        using var person = await SendAsync(sessions, new { query = "a" }, fixture.Identity.Token(tenant: _tenant, scope: "sessions"));
        person.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
    }

    /// <summary>An account that belongs to the tenant.</summary>
    private async Task<string> MemberAsync(TestSessions sessions)
    {
        var id = (await sessions.PersonAsync()).Id;
        await using var join = sessions.Database.CreateCommand(
            """
            WITH founded AS (
                INSERT INTO tenants (id, name, founder, created_at) VALUES ($2, 'school', 'nobody', now()) ON CONFLICT DO NOTHING)
            INSERT INTO memberships (account_id, tenant, role, joined_at) VALUES ($1, $2, 'student', now())
            """);
        join.Parameters.Add(new() { Value = Guid.Parse($"{id}") });
        join.Parameters.Add(new() { Value = _tenant });
        await join.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        return $"{id}";
    }

    private async Task<List<JsonElement>> FoundAsync(
        TestSessions sessions, string person, string query, string? tenant = null, JsonElement? before = null)
    {
        var token = fixture.Identity.Token(
            signer: "chat-api", sub: "chat-api", tenant: tenant ?? _tenant, kind: "service", scope: "sessions", act: person);
        using var response = await SendAsync(sessions, before is { } last
            ? new { query, before = last.GetProperty("at").GetDateTimeOffset(), before_place = last.GetProperty("place").GetGuid() }
            : new { query }, token);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        return [.. (await response.JsonAsync()).GetProperty("turns").EnumerateArray()];
    }

    private static Task<HttpResponseMessage> SendAsync(TestSessions sessions, object body, string token) =>
        sessions.SendAsync(HttpMethod.Post, "/internal/transcripts/search", body, token);
}
