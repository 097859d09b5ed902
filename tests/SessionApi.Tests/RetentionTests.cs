using System.Net;
using Lyceum.Durability.Retention;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.SessionApi.Tests;

public sealed class RetentionTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    [Fact]
    public async Task Owner_SetsHowLongThingsAreKept_AndTheSweepCarriesItOut()
    {
        var sessions = await fixture.StartedAsync();
        var ada = await sessions.PersonAsync();
        string Token(string role) => fixture.Identity.Token(
            sub: ada.Id.ToString(), tenant: ada.Tenant, kind: "user", scope: "classes", role: role);
        await using (var fill = sessions.Database.CreateCommand(
            $"""
            INSERT INTO sessions (id, tenant, owner, subject, student_id, engine_id, incarnation, status, created_at, ended_at, recorded_seq, released)
            SELECT '{ada.Tenant}.' || status || age, '{ada.Tenant}', '{ada.Id}', '{ada.Id}', 's', 'e', gen_random_uuid(), status,
                   now() - age, CASE WHEN status <> 'active' THEN now() - age END, 0, false
            FROM (VALUES ('ended', interval '8 days'), ('lost', '8 days'), ('ended', '6 days'), ('active', '8 days')) s(status, age);
            INSERT INTO session_turns (session_number, turn, question, asked_at)
            SELECT number, 1, 'q', now() FROM sessions WHERE tenant = '{ada.Tenant}';
            """))
            await fill.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        (await (await sessions.SendAsync(HttpMethod.Get, "/api/tenant/retention", token: Token("owner"))).JsonAsync())
            .GetProperty("transcripts").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);

        await (await sessions.SendAsync(HttpMethod.Put, "/api/tenant/retention", new { transcripts = 7 }, Token("teacher")))
            .ShouldBeProblem(HttpStatusCode.Forbidden, ErrorCodes.ForbiddenRole);
        await (await sessions.SendAsync(HttpMethod.Put, "/api/tenant/retention", new { transcripts = 0 }, Token("owner")))
            .ShouldBeProblem(HttpStatusCode.BadRequest, ErrorCodes.InvalidRequest);
        (await sessions.SendAsync(HttpMethod.Put, "/api/tenant/retention", new { transcripts = 7 }, Token("owner"))).StatusCode
            .ShouldBe(HttpStatusCode.OK);
        await sessions.Services.GetRequiredService<RetentionSweep>().SweepAsync(TestContext.Current.CancellationToken);

        await using var kept = sessions.Database.CreateCommand(
            $"""
            SELECT string_agg(s.status, ' ' ORDER BY s.status) FROM sessions s JOIN session_turns t ON t.session_number = s.number
            WHERE s.tenant = '{ada.Tenant}'
            """);
        (await kept.ExecuteScalarAsync(TestContext.Current.CancellationToken)).ShouldBe("active ended");
        var service = fixture.Identity.Token("chat-api", sub: "chat-api", tenant: "lyceum", kind: "service", scope: "");
        var page = await (await sessions.SendAsync(HttpMethod.Get, "/internal/retention", token: service)).JsonAsync();
        page.GetProperty("tenants").EnumerateArray().Single(tenant => tenant.GetProperty("tenant").GetString() == ada.Tenant)
            .GetProperty("transcripts").GetInt32().ShouldBe(7);
    }
}
