using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lyceum.Tests.IntegrationTests.Fuzz;

/// <summary>
/// Requests that nobody means, to every operation of every real service, through the gateway and directly: none is answered
/// that a service failed, and each in time. The seed is printed, and set by <c>LYCEUM_FUZZ_SEED</c>.
/// </summary>
[Collection(PrimerCollection.Name)]
public sealed partial class RequestFuzzTests(SharedSystem system)
{
    private const int AtOnce = 16;
    private const string Password = "a quiet afternoon";
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(30);

    /// <summary>Failures that the documentation names: of what is not configured, full, or not ours.</summary>
    private static readonly HashSet<string> Documented =
    [
        "asr_not_configured", "tts_not_configured", "moderation_not_configured", "public_url_not_configured", "overloaded", "no_engine_free", "engine_unavailable",
        "tool_failed", "egress_refused", "tool_definition_changed",
    ];

    private readonly ConcurrentDictionary<string, byte> _ids = new();
    private readonly ConcurrentQueue<string> _failures = new();
    private readonly ConcurrentDictionary<HttpStatusCode, int> _statuses = new();
    private readonly ConcurrentDictionary<string, byte> _succeeded = new(); // operations

    [Fact]
    public Task AnyRequest_ToAnyService_IsAnsweredInTime_AndNoneFailsIt() => FuzzAsync(1_500);

    [Fact]
    [Trait("Category", "Long")]
    public Task AHundredThousandRequests_ToAnyService_AreAnsweredInTime_AndNoneFailsIt() => FuzzAsync(100_000);

    private async Task FuzzAsync(int count)
    {
        _ = system.App;
        var cancel = TestContext.Current.CancellationToken;
        var seed = int.TryParse(Environment.GetEnvironmentVariable("LYCEUM_FUZZ_SEED"), CultureInfo.InvariantCulture, out var given)
            ? given : Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"LYCEUM_FUZZ_SEED={seed}");

        using var anonymous = system.CreateAnonymousClient();
        var document = (await anonymous.GetFromJsonAsync<JsonNode>("/openapi/v1.json", cancel))!;
        var operations = Read(document);
        operations.Count.ShouldBeGreaterThan(70);
        var person = await PersonAsync(anonymous, cancel);
        var identity = GatewayIdentity.Token(system.DataFolder, person.Tenant, person.Scopes);
        var requests = new FuzzedRequests(seed, document, operations, () => [.. _ids.Keys]);
        var targets = Targets();
        using var http = new HttpClient(new SocketsHttpHandler
        {
            RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1, AllowAutoRedirect = false, UseCookies = false,
        });
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (number, _) =>
        {
            var (request, operation, luck) = requests.Make(number);
            using (request)
            {
                var isDirect = luck.Next(3) == 0;
                request.RequestUri = new Uri(isDirect ? targets(operation.Path) : anonymous.BaseAddress!, request.RequestUri!.OriginalString);
                if (luck.Next(10) > 0)
                    request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", isDirect ? identity : person.Token);
                await SendAsync(http, request, operation, $"{number} ({(isDirect ? "direct" : "gateway")})", cancel);
            }
        });

        await EndSessionsAsync(person.Token, cancel);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(
            ", ", _statuses.OrderBy(status => status.Key).Select(status => $"{(int)status.Key}: {status.Value}"))
            + $"; {_succeeded.Count} of {operations.Count} operations answered 2xx");
        _failures.Distinct().Take(40).ShouldBeEmpty($"LYCEUM_FUZZ_SEED={seed}");
        _statuses.Keys.ShouldContain(HttpStatusCode.BadRequest);
        _succeeded.Count.ShouldBeGreaterThan(operations.Count / 6); // it came through to what answers
    }

    private async Task SendAsync(HttpClient http, HttpRequestMessage request, Operation operation, string number, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Within);
        var what = $"{number} {request.Method} {request.RequestUri!.PathAndQuery}";
        what = what.Length > 300 ? what[..300] : what;
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            _statuses.AddOrUpdate(response.StatusCode, 1, (_, seen) => seen + 1);
            if (response.IsSuccessStatusCode)
                _succeeded.TryAdd(operation.Method + operation.Path, 0);
            // A stream's client leaves at once.
            var body = response.Content.Headers.ContentType?.MediaType is "text/event-stream" or "text/plain"
                ? "" : await response.Content.ReadAsStringAsync(limit.Token);
            if ((int)response.StatusCode >= 500 && !Documented.Contains(Code(body)))
                _failures.Enqueue($"{what}: {(int)response.StatusCode} {body}");
            foreach (var id in Id().EnumerateMatches(body))
            {
                if (_ids.Count < 200)
                    _ids.TryAdd(body.Substring(id.Index, id.Length), 0);
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            _failures.Enqueue($"{what}: no answer in {Within}");
        }
        catch (HttpRequestException e) when (e.InnerException is IOException or SocketException)
        {
            // Refused before the body was read: the connection is closed under it, which a client may see before the answer.
        }
    }

    /// <summary>Of a problem document, or of an error in OpenAI's shape.</summary>
    private static string Code(string body)
    {
        try
        {
            var json = JsonNode.Parse(body);
            return (json?["code"] ?? json?["error"]?["code"])?.ToString() ?? "";
        }
        catch (JsonException)
        {
            return "";
        }
    }

    private static List<Operation> Read(JsonNode document) =>
    [
        .. document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Where(member => member.Value is JsonObject).Select(method =>
        {
            var content = method.Value!["requestBody"]?["content"] as JsonObject;
            return new Operation(
                method.Key.ToUpperInvariant(), path.Key,
                [.. (method.Value["parameters"] as JsonArray ?? []).Where(one => one!["in"]?.ToString() == "query").Select(one => one!["name"]!.ToString())],
                [.. content?.Select(type => type.Key) ?? []], content?.FirstOrDefault().Value?["schema"]);
        })),
    ];

    /// <summary>Whose route it is, as in the gateway's own list.</summary>
    private Func<string, Uri> Targets()
    {
        var addresses = new[] { "chat-api", "session-api", "roadmap-worker", "gpu-engine", "gateway" }.ToDictionary(service => service, service =>
        {
            using var client = system.CreateServiceClient(service);
            return client.BaseAddress!;
        });
        return path => addresses[path switch
        {
            _ when path.StartsWith("/chat", StringComparison.Ordinal) || path.StartsWith("/api/conversations", StringComparison.Ordinal) => "chat-api",
            _ when path.StartsWith("/v1", StringComparison.Ordinal) || path.StartsWith("/ws", StringComparison.Ordinal) => "gpu-engine",
            _ when path.StartsWith("/api/v1/roadmaps", StringComparison.Ordinal) || path.StartsWith("/api/collab", StringComparison.Ordinal) => "roadmap-worker",
            _ when path.StartsWith("/api/tutors", StringComparison.Ordinal) || path.StartsWith("/api/kb", StringComparison.Ordinal)
                || path.StartsWith("/api/sessions", StringComparison.Ordinal) || path.StartsWith("/api/auth", StringComparison.Ordinal) => "session-api",
            "/health" or "/alive" or "/version" => "chat-api",
            _ => "gateway",
        }];
    }

    /// <summary>Somebody with a tenant of their own, so that no other test meets what is made here.</summary>
    private static async Task<(string Token, string Tenant, string Scopes)> PersonAsync(HttpClient http, CancellationToken cancel)
    {
        var username = $"fuzz-{Guid.NewGuid():N}";
        (await http.PostAsJsonAsync("/api/auth/register", new { username, password = Password }, cancel)).EnsureSuccessStatusCode();
        using var response = await http.PostAsJsonAsync("/api/auth/login", new { username, password = Password }, cancel);
        var signedIn = await response.Content.ReadFromJsonAsync<JsonElement>(cancel);
        return (signedIn.GetProperty("access_token").GetString()!, signedIn.GetProperty("account").GetProperty("tenant").GetString()!,
            "chat llm tutors sessions roadmaps collab");
    }

    private async Task EndSessionsAsync(string token, CancellationToken cancel)
    {
        using var http = system.CreateAnonymousClient();
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        var sessions = await http.GetFromJsonAsync<JsonNode>("/api/sessions?limit=100", cancel);
        foreach (var session in sessions!["sessions"]!.AsArray())
            (await http.DeleteAsync($"/api/sessions/{session!["session_id"]}", cancel)).Dispose();
    }

    /// <summary>UUIDs, engines' session ids, and numbers.</summary>
    [GeneratedRegex("""(?<=_id":"?|"id":"?)[\w.-]{1,80}(?="|,|})""")]
    private static partial Regex Id();
}
