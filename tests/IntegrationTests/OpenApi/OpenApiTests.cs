using System.Net;
using System.Net.Http.Json;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lyceum.Tests.IntegrationTests.Exchanges;

namespace Lyceum.Tests.IntegrationTests.OpenApi;

/// <summary>
/// docs/openapi.json is what the services say of themselves, has every public route, and is true: every recorded
/// exchange fits it.
/// <c>LYCEUM_RECORD=1</c> rewrites it; what the gateway serves is then its next build's.
/// </summary>
[Collection(ChatCollection.Name)]
public sealed partial class OpenApiTests(SharedSystem system)
{
    private static readonly string[] Services = ["gateway", "chat-api", "session-api", "gpu-engine", "roadmap-worker"];
    private static readonly JsonSerializerOptions Readable =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string Committed => Path.Combine(Repository.Root, "docs", "openapi.json");

    [Fact]
    public async Task Document_OfTheServices_IsTheCommittedOne()
    {
        var documents = new List<(string, JsonObject)>();
        foreach (var service in Services)
        {
            using var client = system.CreateServiceClient(service);
            documents.Add((service, JsonNode.Parse(await client.GetStringAsync("/openapi/service.json"))!.AsObject()));
        }
        var forwarded = (await RoutesAsync()).Where(route => route.Method is null).Select(route => route.Route);
        var merged = MergedDocument.Merge(documents, [.. forwarded]);
        var text = merged.ToJsonString(Readable) + "\n";
        if (Recorder.IsRecording)
            await File.WriteAllTextAsync(Committed, text);
        var committed = await File.ReadAllTextAsync(Committed);
        text.ShouldBe(committed, "LYCEUM_RECORD=1 rewrites docs/openapi.json");
    }

    [Fact]
    public async Task Document_OfTheGateway_HasEveryRoute()
    {
        var operations = Operations().ToList();
        foreach (var (route, method) in await RoutesAsync())
        {
            operations
                .Any(operation => method is null
                    ? route.Matches(operation.Path)
                    : operation == (method, Trimmed(route.Path)))
                .ShouldBeTrue($"{method} {route.Path}");
        }
        foreach (var path in (string[])["/", "/health", "/alive", "/version", "/openapi/v1.json"])
            operations.ShouldContain(("GET", path));
    }

    [Fact]
    public void Document_Operations_EachHaveASummary() => Operations(Document())
        .Where(operation => string.IsNullOrEmpty((string?)operation.Operation["summary"]))
        .Select(operation => $"{operation.Method} {operation.Path}")
        .ShouldBeEmpty();

    [Fact]
    public async Task Document_RequestedWithoutCredentials_IsServed()
    {
        using var anonymous = system.CreateAnonymousClient();
        using var response = await anonymous.GetAsync("/openapi/v1.json");
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/json");
        var served = await response.Content.ReadAsStringAsync();
        served.ShouldBe(await File.ReadAllTextAsync(Committed), "build again: the gateway embeds it");
        using var again = new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json");
        again.Headers.IfNoneMatch.Add(response.Headers.ETag!);
        (await anonymous.SendAsync(again)).StatusCode.ShouldBe(HttpStatusCode.NotModified);
    }

    [Fact]
    public async Task DocsPage_WithItsScripts_ComesFromTheGatewayOnly()
    {
        using var anonymous = system.CreateAnonymousClient();
        using var page = await anonymous.GetAsync("/docs/");
        page.StatusCode.ShouldBe(HttpStatusCode.OK);
        var html = await page.Content.ReadAsStringAsync();
        var policy = string.Join(' ', page.Headers.GetValues("Content-Security-Policy"));
        var nonce = Nonce().Match(policy).Groups[1].Value;
        policy.ShouldNotContain("https:");
        policy.ShouldNotContain("unsafe-eval");
        html.ShouldContain(nonce);
        Source().Count(html).ShouldBeGreaterThan(0);
        foreach (Match script in Source().Matches(html))
        {
            var address = new Uri(page.RequestMessage!.RequestUri!, script.Groups[1].Value);
            using var response = await anonymous.GetAsync(address);
            response.RequestMessage!.RequestUri!.Authority.ShouldBe(anonymous.BaseAddress!.Authority);
            response.StatusCode.ShouldBe(HttpStatusCode.OK, script.Value);
        }
        // Of every other page the policy is as strict as before.
        using var landing = await anonymous.GetAsync("/");
        landing.Headers.GetValues("Content-Security-Policy").ShouldAllBe(other => !other.Contains("nonce-"));
    }

    [Fact]
    public void Exchanges_AsRecorded_FitTheDocument()
    {
        var document = Document();
        var (check, wrong) = (new SchemaCheck(document), new List<string>());
        var seen = new Dictionary<string, HashSet<bool>>();
        foreach (var exchange in Exchanges())
        {
            var request = Trimmed((string)exchange["request"]!);
            if (request is "GET /nowhere" or "DELETE /api/usage")
                continue; // there is no such route
            var what = $"{request}, {exchange["case"]}";
            var found = Operations(document)
                .FirstOrDefault(operation => $"{operation.Method} {Unnamed(operation.Path)}" == Unnamed(request));
            if (found.Operation is not { } operation)
            {
                wrong.Add($"{what}: no such operation");
                continue;
            }
            var status = (int?)exchange["status"] ?? 101;
            seen.TryAdd($"{found.Method} {found.Path}", []);
            seen[$"{found.Method} {found.Path}"].Add(status < 400);
            wrong.AddRange(Mismatches(check, operation, exchange, status)
                .Select(mismatch => $"{what}: {status} {mismatch}"));
        }
        wrong.ShouldBeEmpty(string.Join('\n', wrong));

        // Both ways of every route were recorded: what it answers, and how it fails, where it can.
        foreach (var (method, path, operation) in Operations(document))
        {
            if (path is "/health" or "/openapi/v1.json" or "/api/auth/oidc/login" or "/api/auth/oidc/callback"
                or "/v1/audio/transcriptions" or "/v1/engine/log")
                continue; // they need what is not in this system
            seen.ShouldContainKey($"{method} {path}");
            // Only a failed or cancelled task can be retried, and when a task is cancelled is a matter of chance.
            if (!path.EndsWith("/retry", StringComparison.Ordinal))
                seen[$"{method} {path}"].ShouldContain(true, $"{method} {path} was recorded with no success");
            if (operation["security"]!.AsArray().Count > 0 && path is not "/v1/generations/{id}")
                seen[$"{method} {path}"].ShouldContain(false, $"{method} {path} was recorded with no failure");
        }
    }

    private static IEnumerable<string> Mismatches(
        SchemaCheck check, JsonObject operation, JsonObject exchange, int status)
    {
        if (operation["x-websocket"] is { } socket && status == 101)
            return exchange["events"]!.AsArray().SelectMany(happened => check.Check(happened, socket["server"]));
        if (operation["responses"]![$"{status}"] is not { } response)
            return ["is not described"];
        var type = ((string?)exchange["headers"]?["Content-Type"])?.Split(';')[0];
        if (type is null)
            return response["content"] is null ? [] : ["has no body"];
        if (response["content"]?[type] is not { } content)
            return [$"is described without {type}"];
        if (exchange["events"] is not JsonArray events)
        {
            return type.EndsWith("json", StringComparison.Ordinal)
                ? check.Check(exchange["body"], content["schema"])
                : [];
        }
        var data = events.Select(happened => happened!.DeepClone().AsObject())
            .Where(happened => (string?)(happened["data"] as JsonValue) != "[DONE]").ToList();
        foreach (var happened in data.Where(happened => (string?)happened["event"] == "message"))
            happened.Remove("event"); // the name of an event that has none
        return data.SelectMany(happened => check.Check(happened, content["schema"]));
    }

    private static IEnumerable<JsonObject> Exchanges() => Directory
        .EnumerateFiles(Path.Combine(Repository.Root, "tests", "contracts", "exchanges"), "*.json")
        .SelectMany(file => JsonNode.Parse(File.ReadAllText(file))!.AsArray())
        .Select(exchange => exchange!.AsObject());

    private static JsonObject Document() => JsonNode.Parse(File.ReadAllText(Committed))!.AsObject();

    private static IEnumerable<(string Method, string Path)> Operations() =>
        Operations(Document()).Select(operation => (operation.Method, operation.Path));

    private static IEnumerable<(string Method, string Path, JsonObject Operation)> Operations(JsonObject document) =>
        from path in document["paths"]!.AsObject()
        from operation in path.Value!.AsObject()
        select (operation.Key.ToUpperInvariant(), path.Key, operation.Value!.AsObject());

    /// <summary>What the gateway itself says that it lets through; with a method where it answers itself.</summary>
    private async Task<List<(PublicRoute Route, string? Method)>> RoutesAsync()
    {
        using var anonymous = system.CreateAnonymousClient();
        var landing = await anonymous.GetFromJsonAsync<JsonElement>("/");
        return [.. landing.GetProperty("routes").EnumerateArray().Select(route => (
            new PublicRoute(route.GetProperty("path").GetString()!, route.GetProperty("scope").GetString()),
            route.GetProperty("method").GetString()))];
    }

    /// <summary>Without the slash at its end, unless it is the root's; also of a method and a path.</summary>
    private static string Trimmed(string path) =>
        path == "/" || path.EndsWith(" /", StringComparison.Ordinal) ? path : path.TrimEnd('/');

    /// <summary>Parameters have different names at the gateway and at the services.</summary>
    private static string Unnamed(string path) => Parameter().Replace(path, "{}");

    [GeneratedRegex(@"\{[^}]+\}")]
    private static partial Regex Parameter();

    [GeneratedRegex("'nonce-([^']+)'")]
    private static partial Regex Nonce();

    [GeneratedRegex("<script[^>]* src=\"([^\"]+)\"")]
    private static partial Regex Source();
}
