using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.Rules.Access;

/// <summary>
/// Every endpoint of every service, before every kind of caller: nobody, each role, somebody with every scope but the one that
/// is needed, another tenant, a service. The endpoints are the services' own; <see cref="Table"/> says who may call them.
/// </summary>
public sealed partial class AccessTests(AllServices all) : IClassFixture<AllServices>
{
    /// <summary>The scopes of each role, as docs/accounts.md has them.</summary>
    private static readonly Dictionary<string, string[]> OfRoles = new(StringComparer.Ordinal)
    {
        ["student"] = ["chat", "sessions", "roadmaps", "practice"],
        ["teacher"] = ["chat", "sessions", "roadmaps", "practice", "tutors", "classes", "collab"],
        ["owner"] =
        [
            "chat", "sessions", "roadmaps", "practice", "tutors", "classes", "collab", "llm", "graph", "repo", "observe", "tools", "budgets",
        ],
    };

    public static TheoryData<string> Services => [.. Product.Services];

    [Theory]
    [MemberData(nameof(Services))]
    public void Endpoints_EachHaveARow_AndRowsAnEndpoint(string service)
    {
        all.RequireDatabase();
        var endpoints =
            from endpoint in all.ServicesOf(service).GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["ANY"]
            select method == "ANY" ? $"ANY {endpoint.DisplayName}" : $"{method} /{endpoint.RoutePattern.RawText!.Trim('/')}";

        endpoints.ShouldBe(RowsOf(service).Select(row => row.Endpoint), ignoreOrder: true);
    }

    [Theory]
    [MemberData(nameof(Services))]
    public async Task Nobody_IsAskedWhoTheyAre(string service)
    {
        all.RequireDatabase();
        await CheckAsync(RowsOf(service), null, row => row.Access == "open" ? "let in" : "401");
    }

    public static TheoryData<string, string> ServicesAndRoles()
    {
        var all = new TheoryData<string, string>();
        foreach (var service in Product.Services)
        {
            foreach (var role in OfRoles.Keys)
                all.Add(service, role);
        }
        return all;
    }

    [Theory]
    [MemberData(nameof(ServicesAndRoles))]
    public async Task Person_MayWhatTheirRoleMay(string service, string role)
    {
        all.RequireDatabase();
        var scopes = OfRoles[role];
        await CheckAsync(
            RowsOf(service), Person(service, $"another-{role}", $"a-{role}", string.Join(' ', scopes), role),
            row => row.Access == "ticket" || IsOwnOfServices(row) ? "401" : row.Access is "open" or "signed in" || scopes.Contains(row.Needs) ? "let in" : "403");
    }

    /// <summary>A person is no service, whatever the token says.</summary>
    [Theory]
    [MemberData(nameof(Services))]
    public async Task Person_WithEveryScope_MayNotWhatServicesMay(string service)
    {
        all.RequireDatabase();
        await CheckAsync(
            RowsOf(service), Person(service, "another", "a-person", string.Join(' ', Scopes.All)),
            row => row.Access == "ticket" || IsOwnOfServices(row) ? "401" : row.IsForServices ? "403" : "let in");
    }

    [Theory]
    [MemberData(nameof(Services))]
    public async Task ApiToken_WithEveryScopeButTheOneNeeded_IsForbidden(string service)
    {
        all.RequireDatabase();
        foreach (var row in RowsOf(service).Where(row => row.Access is not ("open" or "signed in" or "ticket")))
        {
            var without = row.Needs is "ops or loopback" ? "ops" : row.Needs is "service" ? "none" : row.Needs;
            var token = service == "Gateway" ? AllServices.ApiTokenWithout(without) : all.Identity.Token(
                tenant: "another", scope: string.Join(' ', Scopes.All.Where(scope => scope != without)));
            await CheckAsync([row], token, _ => IsOwnOfServices(row) ? "401" : "403");
        }
    }

    /// <summary>With every scope, and with the owner's own id. The owner has it all afterwards as before.</summary>
    [Theory]
    [MemberData(nameof(Services))]
    public async Task AnotherTenant_FindsNothingOfTheOwners(string service)
    {
        all.RequireDatabase();
        var scopes = string.Join(' ', Scopes.All);
        foreach (var row in RowsOf(service))
        {
            // What is for services is asked by one, for that tenant. At the gateway: an API token.
            var token = service == "Gateway" ? AllServices.OtherTenantsApiToken
                : row.IsForServices ? all.Identity.Token(
                    "chat-api", tenant: $"other-{service}", sub: "chat-api", kind: "service", scope: scopes, act: all.Owner.Id)
                : Person(service, $"other-{service}", all.Owner.Id, scopes);
            await CheckAsync([row], token, _ => IsOwnOfServices(row) ? "401" : row.Stranger == "own" ? "let in" : row.Stranger);
        }
        await OwnerShouldFindTheirOwnAsync(service);
    }

    /// <summary>What is a tenant's, and no person's: what another teacher of it is told.</summary>
    private static string? OfTheTenant(Row row) =>
        row.Endpoint.Contains("/api/members/", StringComparison.Ordinal) ? "forbidden_role"
        : row.Endpoint.Contains("/api/config/tools/", StringComparison.Ordinal) ? "let in"
        : null;

    /// <summary>Who belongs to the owner's tenant finds no more of the owner's than a stranger, until something is shared.</summary>
    [Theory]
    [MemberData(nameof(Services))]
    public async Task AnotherTeacher_OfTheSameTenant_FindsNothingOfTheOwners(string service)
    {
        all.RequireDatabase();
        var (colleague, scopes) = (Guid.CreateVersion7().ToString(), string.Join(' ', Scopes.All));
        var (services, persons) = (
            RowsOf(service).Where(row => row.IsForServices && service != "Gateway").ToList(),
            RowsOf(service).Where(row => !row.IsForServices).ToList());
        await CheckAsync(
            persons, Person(service, all.Owner.Tenant, colleague, scopes, "teacher"),
            row => row.Access == "ticket" || IsOwnOfServices(row) ? "401"
                : OfTheTenant(row) ?? (row.Stranger == "own" ? "let in" : row.Stranger));
        await CheckAsync(
            services, all.Identity.Token(
                "chat-api", tenant: all.Owner.Tenant, sub: "chat-api", kind: "service", scope: scopes, act: colleague),
            row => IsOwnOfServices(row) ? "401" : row.Stranger == "own" ? "let in" : row.Stranger);
        await OwnerShouldFindTheirOwnAsync(service);
    }

    [Theory]
    [MemberData(nameof(Services))]
    public async Task Service_MayCallServices_AndIsNobodyAtTheGateway(string service)
    {
        all.RequireDatabase();
        var token = all.Identity.Token(
            "roadmap-worker", sub: "roadmap-worker", tenant: "another", kind: "service", act: "somebody",
            scope: string.Join(' ', Scopes.All));
        await CheckAsync(
            RowsOf(service), token, row => service == "Gateway" && row.Access != "open" && !IsOwnOfServices(row) ? "401" : "let in");
    }

    /// <summary>The convention, whatever a row says.</summary>
    [Fact]
    public void RoutesBetweenServices_AreBelowInternal_OrTheEngines_AndNeverForwarded()
    {
        Table.Rows.Where(row => row.Endpoint.Contains(" /internal/", StringComparison.Ordinal))
            .ShouldAllBe(row => row.Needs == "service");
        Table.Rows.Where(row => row.Needs == "service").Select(row => row.Endpoint)
            .ShouldAllBe(endpoint => endpoint.Contains(" /internal/") || endpoint == "GET /v1/engine");
        Table.Rows.Where(row => row.Service == "Gateway" && row.Needs == "service")
            .ShouldAllBe(row => row.Endpoint.Contains(" /internal/charges/", StringComparison.Ordinal)
                || row.Endpoint == "GET /internal/export" || row.Endpoint == "PUT /internal/erasures/{id:guid}");
        Table.Rows.Where(row => row.Service == "Gateway" && row.Endpoint.Contains("{**")).Select(row => row.Endpoint)
            .ShouldBe(["ANY /v1/models/{**rest}", "ANY /ws/{**session}"]);
    }

    private async Task OwnerShouldFindTheirOwnAsync(string service)
    {
        var scopes = string.Join(' ', Scopes.All);
        foreach (var row in RowsOf(service).Where(row =>
            row.Stranger is not ("own" or "401") && row.Request(all.Owner).StartsWith("GET ", StringComparison.Ordinal)
            && !(service == "Gateway" && row.IsForServices)))
        {
            var token = row.IsForServices ? all.Identity.Token(
                "session-api", tenant: all.Owner.Tenant, sub: "session-api", kind: "service", scope: scopes, act: all.Owner.Id)
                : Person(service, all.Owner.Tenant, all.Owner.Id, scopes);
            using var response = await all.SendAsync(service, row.Request(all.Owner), token);
            var text = IsStream(response) ? "" : await response.Content.ReadAsStringAsync();
            Outcome(response, text).ShouldBeOneOf(["200", "204", "task_not_completed", "invalid_request"], $"{row.Name} {text}");
        }
    }

    /// <summary>The gateway's own routes for services know no other caller: a person's token is none there.</summary>
    private static bool IsOwnOfServices(Row row) => row is { Service: "Gateway", Access: "service" };

    private static List<Row> RowsOf(string service) => [.. Table.Rows.Where(row => row.Service == service)];

    /// <summary>As the service is shown a person: the gateway a sign-in, the others the gateway's identity.</summary>
    private string Person(string service, string tenant, string subject, string scope, string? role = null) => service == "Gateway"
        ? all.Identity.Token("session-api", aud: "lyceum-user", sub: subject, tenant: tenant, scope: scope, role: role)
        : all.Identity.Token(sub: subject, tenant: tenant, kind: "user", scope: scope, role: role);

    /// <summary>Collects all that is otherwise than expected: <c>401</c>, <c>403</c>, a code, or <c>let in</c>.</summary>
    private async Task CheckAsync(IReadOnlyList<Row> rows, string? token, Func<Row, string> expected)
    {
        var wrong = new List<string>();
        foreach (var row in rows)
        {
            var request = row.Request(all.Owner);
            using var content = row.Body(request) is { } body ? new StringContent(body, Encoding.UTF8, "application/json") : null;
            // From afar: this machine may read the metrics without more.
            (string, string)[] headers = row.Access == "ops or loopback" ? [("X-Forwarded-For", "203.0.113.7")] : [];
            using var response = await all.SendAsync(row.Service, request, token, content, headers);
            var text = IsStream(response) ? "" : await response.Content.ReadAsStringAsync();
            var (actual, want) = (Outcome(response, text), expected(row));
            if (want is "let in" ? actual is "401" or "403" : actual != want)
                wrong.Add($"{row.Name}: {actual}, not {want} ({(int)response.StatusCode} {text[..Math.Min(text.Length, 200)]})");
            if ((int)response.StatusCode >= 400 && Inside().IsMatch(text))
                wrong.Add($"{row.Name}: tells strangers of what is inside: {text}");
            if (want == row.Stranger && (text.Contains(all.Owner.Tenant, StringComparison.Ordinal) || text.Contains("owner-of-all")))
                wrong.Add($"{row.Name}: speaks of the owner");
        }
        wrong.ShouldBeEmpty(string.Join('\n', wrong));
    }

    /// <summary>Addresses, folders, statements, and the words of exceptions.</summary>
    [GeneratedRegex(@"127\.0\.0\.1:\d|localhost:\d|/tmp/|/home/|\bSELECT\b|\bINSERT\b|Npgsql|Exception|   at ")]
    private static partial Regex Inside();

    private static bool IsStream(HttpResponseMessage response) =>
        response.Content.Headers.ContentType?.MediaType == "text/event-stream";

    /// <summary>As documented: a challenge with 401, the code <c>forbidden_scope</c> with 403; else the code, or the status.</summary>
    private static string Outcome(HttpResponseMessage response, string text)
    {
        var code = "";
        if (response.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) == true && text.StartsWith('{'))
        {
            var json = JsonElement.Parse(text);
            var error = json.TryGetProperty("error", out var inner) && inner.ValueKind == JsonValueKind.Object ? inner : json;
            code = error.TryGetProperty("code", out var found) && found.ValueKind == JsonValueKind.String ? found.GetString()! : "";
        }
        return (response.StatusCode, code) switch
        {
            (HttpStatusCode.Unauthorized, "unauthorized") when response.Headers.WwwAuthenticate.Count > 0 => "401",
            (HttpStatusCode.Forbidden, "forbidden_scope") when response.Headers.WwwAuthenticate.Count > 0 => "403",
            (_, { Length: > 0 }) => code,
            _ => $"{(int)response.StatusCode}",
        };
    }
}
