using System.Net;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.ServiceDefaults.Tests;

/// <summary>A ticket opens the one path it was issued for, to the service that issued it, and nothing else.</summary>
public sealed class TicketTests : IAsyncLifetime
{
    private static readonly Caller Ada = new("acme", "ada", CallerKind.Token, new HashSet<string> { Scopes.Chat, Scopes.Llm });

    private readonly IdentityFolder _identity = new("gateway", "chat-api", "gpu-engine");
    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(_identity, "chat-api", map: Map);

    private static void Map(WebApplication app)
    {
        app.MapGet("/answers/{id}", (string id, Caller caller) => TypedResults.Ok(new { id, caller.Tenant, caller.Subject, caller.Scopes }))
            .RequireScopeOrTicket(Scopes.Chat);
        app.MapGet("/models/{id}", (string id) => id).RequireScopeOrTicket(Scopes.Llm);
        app.MapGet("/closed/{id}", (string id) => id).RequireScope(Scopes.Chat);
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        _identity.Dispose();
    }

    private string Issue(string path, TimeSpan? lifetime = null, string scope = Scopes.Chat) =>
        _service.Services.GetRequiredService<Tickets>().Issue(path, Ada, scope, lifetime ?? TimeSpan.FromMinutes(1));

    private string IssueToken(string path, TimeSpan? lifetime = null) =>
        _service.Services.GetRequiredService<Tickets>().IssueToken(path, Ada, Scopes.Chat, lifetime ?? TimeSpan.FromMinutes(1));

    [Fact]
    public async Task Ticket_OpensItsPathAsItsCaller()
    {
        using var response = await _service.GetAsync(Issue("/answers/1") + "&after=3");
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        var seen = await response.JsonAsync();
        seen.GetProperty("tenant").GetString().ShouldBe("acme");
        seen.GetProperty("subject").GetString().ShouldBe("ada");
        seen.GetProperty("scopes").EnumerateArray().Select(s => s.GetString()).ShouldBe(["chat"]); // no more than it is for
    }

    [Fact]
    public async Task Ticket_OfAServiceActingForAPerson_OpensAsThatPerson()
    {
        var service = new Caller("acme", "chat-api", CallerKind.Service, Ada.Scopes) { Act = "ada" };
        var ticket = _service.Services.GetRequiredService<Tickets>().Issue(
            "/answers/1", service, Scopes.Chat, TimeSpan.FromMinutes(1));

        using var response = await _service.GetAsync(ticket);

        (await response.JsonAsync()).GetProperty("subject").GetString().ShouldBe("ada");
    }

    [Fact]
    public async Task Ticket_OpensNothingElse()
    {
        var ticket = Issue("/answers/1").Split('=')[1];
        foreach (var url in (string[])[$"/answers/2?ticket={ticket}", $"/models/1?ticket={ticket}", $"/closed/1?ticket={ticket}"])
            await (await _service.GetAsync(url)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        // As a bearer token neither: it is no identity.
        foreach (var url in (string[])["/answers/2", "/models/1", "/closed/1"])
            await (await _service.GetAsync(url, ticket)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Fact]
    public async Task Ticket_AsBearer_OpensItsPathAsItsCaller()
    {
        using var response = await _service.GetAsync("/answers/1", IssueToken("/answers/1"));
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        var seen = await response.JsonAsync();
        seen.GetProperty("tenant").GetString().ShouldBe("acme");
        seen.GetProperty("scopes").EnumerateArray().Select(s => s.GetString()).ShouldBe(["chat"]);
    }

    [Fact]
    public async Task Ticket_AsBearer_ExpiredOrAnothers_Is401()
    {
        string[] tickets =
        [
            IssueToken("/answers/1", TimeSpan.FromSeconds(-6)), IssueToken("/answers/1")[..^4],
            _identity.Token("gpu-engine", aud: "ticket:/answers/1", kind: "service", sub: "gpu-engine"),
        ];
        foreach (var ticket in tickets)
            await (await _service.GetAsync("/answers/1", ticket)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        // A ticket in the query is the one that counts.
        await (await _service.GetAsync("/answers/1?ticket=banana", IssueToken("/answers/1"))).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Fact]
    public async Task Ticket_OfAnotherScope_Is403() =>
        await (await _service.GetAsync(Issue("/models/1", scope: Scopes.Chat))).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");

    [Fact]
    public async Task Ticket_Expired_OrTamperedWith_OrNone_Is401()
    {
        var good = Issue("/answers/1");
        string[] urls =
        [
            Issue("/answers/1", TimeSpan.FromSeconds(-6)), good[..^2] + (good.EndsWith("AA", StringComparison.Ordinal) ? "BB" : "AA"),
            "/answers/1?ticket=", "/answers/1?ticket=banana", "/answers/1?ticket=a&ticket=b", "/answers/1",
            // What another service signed for this very path.
            $"/answers/1?ticket={_identity.Token("gpu-engine", aud: "ticket:/answers/1", kind: "service", sub: "gpu-engine")}",
        ];
        foreach (var url in urls)
            await (await _service.GetAsync(url)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Fact]
    public async Task NoTicket_AnIdentityWillDo() =>
        (await _service.GetAsync("/answers/1", _identity.Token())).StatusCode.ShouldBe(HttpStatusCode.OK);
}
