using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.Rules.Access;

/// <summary>Somebody with one of everything, and the values that stand for it in a route.</summary>
/// <param name="Values">By the route's placeholder, as <c>{kb_id}</c>.</param>
public sealed record Owner(string Tenant, string Id, IReadOnlyDictionary<string, string> Values);

/// <summary>All five services, wired as AppHost wires them, on a database each.</summary>
public sealed class AllServices : IAsyncLifetime
{
    private static readonly (string Project, string Database)[] Databases =
    [
        ("SessionApi", "sessiondb"), ("ChatApi", "chatdb"), ("RoadmapWorker", "roadmapdb"), ("Gateway", "gatewaydb"),
    ];

    private readonly PostgresServer _server = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-access-");
    private readonly List<IHosted> _hosted = [];
    private readonly Dictionary<string, (IServiceProvider Services, HttpClient Client)> _services = [];

    public IdentityFolder Identity { get; } =
        new("gateway", "chat-api", "session-api", "gpu-engine", "roadmap-worker");

    public Owner Owner { get; private set; } = null!;

    public IServiceProvider ServicesOf(string project) => _services[project].Services;

    public async ValueTask InitializeAsync()
    {
        await _server.StartAsync();
        if (!_server.IsAvailable)
            return;
        await PostgresServer.ExecuteAsync(
            _server.ConnectionString("postgres", pooling: false), "ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf()");
        var references = new Dictionary<string, string?>();
        foreach (var (project, name) in ((string, string)[])
            [
                ("SessionApi", "session-api"), ("GpuEngine", "gpu-engine"), ("ChatApi", "chat-api"),
                ("RoadmapWorker", "roadmap-worker"), ("Gateway", "gateway"),
            ])
        {
            references[$"services:{name}:http:0"] = (await StartAsync(project, name, references)).ToString();
        }
        foreach (var project in Product.Services)
            await Eventually.TrueAsync(async () => (await SendAsync(project, "GET /health")).IsSuccessStatusCode, project);
        Owner = await OwnerAsync();
    }

    /// <summary>Skips the test where there is no PostgreSQL.</summary>
    public void RequireDatabase() =>
        Assert.SkipWhen(!_server.IsAvailable, "PostgreSQL's server binaries are not installed");

    public async Task<HttpResponseMessage> SendAsync(
        string project, string request, string? token = null, HttpContent? content = null,
        params (string Name, string Value)[] headers)
    {
        var (method, path) = (request.Split(' ')[0], request[(request.IndexOf(' ') + 1)..]);
        using var message = new HttpRequestMessage(new HttpMethod(method), path) { Content = content };
        if (token is not null)
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        foreach (var (name, value) in headers)
            message.Headers.TryAddWithoutValidation(name, value);
        return await _services[project].Client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>The API token of the gateway's configuration with every scope but this one.</summary>
    public static string ApiTokenWithout(string scope) => $"the-token-without-{scope}";

    /// <summary>The same with every scope, of a tenant.</summary>
    public const string OtherTenantsApiToken = "the-token-of-another-tenant";

    private async Task<Uri> StartAsync(string project, string name, Dictionary<string, string?> references)
    {
        var settings = new Dictionary<string, string?>(references);
        foreach (var (key, value) in Identity.Settings(name))
            settings[key] = value;
        settings["Engine:Transcripts:Folder"] = Path.Combine(_folder.FullName, "transcripts");
        settings["Primer:TokensPerSecond"] = "0";
        settings["Erasures:Services"] = "session-api"; // it starts first, and knows no others
        if (project == "Gateway")
            settings["GATEWAY_CONFIG_FILE"] = WriteGatewayConfiguration();
        if (Databases.FirstOrDefault(database => database.Project == project).Database is { } database)
        {
            await PostgresServer.ExecuteAsync(
                _server.ConnectionString("postgres", pooling: false),
                $"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8'");
            settings[$"ConnectionStrings:{database}"] = _server.ConnectionString(database) + ";Maximum Pool Size=20";
        }
        var hosted = Hosted.Of(project, settings);
        _hosted.Add(hosted);
        var address = hosted.Start();
        _services[project] = (hosted.Services, new HttpClient { BaseAddress = address });
        return address;
    }

    private string WriteGatewayConfiguration()
    {
        string[] scopes = [.. Scopes.All.Append("none")];
        var tokens = scopes.Select(without => Token($"without-{without}", "acme", ApiTokenWithout(without), without));
        var file = Path.Combine(_folder.FullName, "gateway.json");
        File.WriteAllText(file, new JsonObject
        {
            ["auth"] = new JsonObject
            {
                ["tokens"] = new JsonArray([.. tokens, Token("other", "other", OtherTenantsApiToken, "none")]),
            },
        }.ToJsonString());
        return file;

        static JsonNode Token(string id, string tenant, string secret, string without) => new JsonObject
        {
            ["id"] = id.Replace('.', '-'), ["tenant"] = tenant,
            ["secret_sha256"] = Convert.ToHexStringLower(
                System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(secret))),
            ["scopes"] = JsonSerializer.SerializeToNode(Scopes.All.Where(scope => scope != without)),
        };
    }

    private async Task<Owner> OwnerAsync()
    {
        var account = await JsonAsync("SessionApi", "POST /api/auth/register", null, new { username = "owner-of-all", password = "a quiet afternoon" });
        var (tenant, id) = (account.GetProperty("tenant").GetString()!, account.GetProperty("id").GetString()!);
        var person = Identity.Token(sub: id, tenant: tenant, kind: "user", scope: string.Join(' ', Scopes.All));
        var service = Identity.Token(
            "session-api", sub: "session-api", tenant: tenant, kind: "service", scope: "sessions", act: id);

        var tutor = await JsonAsync("SessionApi", "POST /api/tutors", person, new { name = "t" });
        var invitation = await JsonAsync("SessionApi", "POST /api/auth/invitations", person, new { note = "" });
        var made = await JsonAsync("SessionApi", "POST /api/classes", person, new { name = "5b" });
        await JsonAsync("SessionApi", "PUT /api/kb/biology", person, new { });
        var document = await ReadAsync(await SendAsync(
            "SessionApi", "POST /api/kb/biology/documents?name=a.txt", person, new StringContent("heron")));
        var session = await JsonAsync("GpuEngine", "POST /v1/sessions", service, new { tutor_id = 1, student_id = 1 });
        var sessionId = session.GetProperty("session_id").GetString()!;
        await PostgresServer.ExecuteAsync(
            _server.ConnectionString("sessiondb", pooling: false),
            // One of a student of the class, with a tutor of the class: the owner is both.
            "INSERT INTO sessions (id, tenant, owner, subject, tutor_id, student_id, engine_id, incarnation, status, created_at, recorded_seq, released)"
            + $" VALUES ('{sessionId}', '{tenant}', '{id}', '{id}', {tutor.GetProperty("id").GetInt32()}, '1', 'gpu-engine', '{Guid.Empty}', 'active', now(), 0, false);"
            + " INSERT INTO class_members (class_id, person, tenant, visibility, joined_at, agreed_at)"
            + $" SELECT id, '{id}', tenant, 'conversations', created_at - interval '1 day', created_at - interval '1 day' FROM classes;"
            + " INSERT INTO shares (class_id, kind, thing, tenant, owner, created_at)"
            + $" SELECT id, 'tutor', '{tutor.GetProperty("id").GetInt32()}', tenant, '{id}', created_at FROM classes");

        var generation = Guid.CreateVersion7().ToString();
        using (var answer = await SendAsync(
            "GpuEngine", "POST /v1/chat/completions", person,
            JsonContent.Create(new { stream = true, messages = new[] { new { role = "user", content = "Hello" } } }),
            ("Generation-Id", generation)))
        {
            await answer.Content.ReadAsStringAsync();
        }
        var conversation = await JsonAsync("ChatApi", "POST /api/conversations", person, new { title = "t" });
        var image = await ReadAsync(await SendAsync("ChatApi", "POST /api/images", person, new ByteArrayContent(Convert.FromBase64String(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="))));
        using var chat = await SendAsync(
            "ChatApi", "POST /chat", person, JsonContent.Create(new { message = "Hello" }), ("Accept", "text/event-stream"));
        var message = System.Text.RegularExpressions.Regex.Match(
            await chat.Content.ReadAsStringAsync(), "\"message_id\":\"([0-9a-f-]{36})\"").Groups[1].Value;
        message.ShouldNotBeEmpty();

        var signedIn = Identity.Token(
            "session-api", aud: "lyceum-user", sub: id, tenant: tenant, scope: string.Join(' ', Scopes.All));
        var manifests = JsonElement.Parse(
            await File.ReadAllTextAsync(Path.Combine(Repository.Root, "config", "new-manifests.json")));
        await JsonAsync("Gateway", "POST /api/config/tools", signedIn, new { version = "v1", manifests });

        var roadmap = await JsonAsync("RoadmapWorker", "POST /api/v1/roadmaps/generate", person, new
        {
            user_id = "u", user_query = "Learn SQL", preferences = new { weekly_commitment_hours = 5 },
        });
        var collab = await JsonAsync("RoadmapWorker", "POST /api/collab/execute", person, new { task = "Explain SQL" });
        var roadmapId = roadmap.GetProperty("task_id").GetString()!;
        await UntilCompletedAsync($"/api/v1/roadmaps/{roadmapId}/status", person);
        var plan = await ReadAsync(await SendAsync("RoadmapWorker", $"GET /api/v1/roadmaps/{roadmapId}/result", person));
        var concept = plan.GetProperty("modules")[0].GetProperty("concepts")[0].GetProperty("id").GetString();
        var practice = await JsonAsync("RoadmapWorker", "POST /api/practice/sets", person, new
        {
            from = new { kind = "concept", task_id = roadmapId, concept_id = concept },
        });
        var setId = practice.GetProperty("set_id").GetString()!;
        await UntilCompletedAsync($"/api/practice/tasks/{setId}/status", person);
        var set = await ReadAsync(await SendAsync("RoadmapWorker", $"GET /api/practice/sets/{setId}", person));
        var item = set.GetProperty("items")[0].GetProperty("id").GetString()!;
        return new(tenant, id, new Dictionary<string, string>
        {
            ["practice/sets/{id:guid}"] = $"practice/sets/{setId}", ["{set}"] = setId,
            ["practice/items/{id:guid}"] = $"practice/items/{item}", ["{item}"] = item,
            ["practice/tasks/{taskId:guid}"] = $"practice/tasks/{setId}", ["practice/tasks/{task}"] = $"practice/tasks/{setId}",
            ["{student}"] = "a-student",
            ["tutors/{id:int}"] = $"tutors/{tutor.GetProperty("id").GetInt32()}",
            ["tutors/{tutor}"] = $"tutors/{tutor.GetProperty("id").GetInt32()}",
            ["invitations/{id:guid}"] = $"invitations/{invitation.GetProperty("id").GetString()}",
            ["classes/{id:guid}"] = $"classes/{made.GetProperty("id").GetString()}",
            ["classes/{class}"] = $"classes/{made.GetProperty("id").GetString()}",
            ["{person}"] = id, ["{subject}"] = id, ["{kind}/{thing}"] = "tutor/1", ["{code}"] = "no-such-code", ["{tenant}"] = "another",
            ["sign-ins/{id:guid}"] = $"sign-ins/{Guid.Empty}", ["{sign_in}"] = $"{Guid.Empty}",
            ["{invitation}"] = invitation.GetProperty("id").GetString()!,
            ["{kb_id}"] = "biology", ["{kb}"] = "biology",
            ["{document_id:guid}"] = document.GetProperty("id").GetString()!,
            ["{document}"] = document.GetProperty("id").GetString()!,
            ["{turn:int}"] = "1", ["{turn}"] = "1",
            ["{session_id}"] = sessionId, ["{session}"] = sessionId, ["sessions/{id}"] = $"sessions/{sessionId}",
            ["{**session}"] = sessionId, ["ws/{id}"] = $"ws/{sessionId}",
            ["generations/{id}"] = $"generations/{generation}", ["{generation}"] = generation,
            ["{imageId:guid}"] = image.GetProperty("id").GetString()!, ["{image}"] = image.GetProperty("id").GetString()!,
            ["conversations/{id:guid}"] = $"conversations/{conversation.GetProperty("id").GetString()}",
            ["{conversation}"] = conversation.GetProperty("id").GetString()!,
            ["{messageId:guid}"] = message, ["{message}"] = message,
            ["roadmaps/{taskId:guid}"] = $"roadmaps/{roadmap.GetProperty("task_id").GetString()}",
            ["roadmaps/{task}"] = $"roadmaps/{roadmap.GetProperty("task_id").GetString()}",
            ["collab/{taskId:guid}"] = $"collab/{collab.GetProperty("task_id").GetString()}",
            ["collab/{task}"] = $"collab/{collab.GetProperty("task_id").GetString()}",
            ["erasures/{id:guid}"] = $"erasures/{Guid.Empty}", ["{erasure}"] = $"{Guid.Empty}",
            ["{engine_id}"] = "gpu-engine", ["{**id}"] = "no-such-model", ["{**rest}"] = "no-such-model",
            ["{version}"] = "v1", ["{documentName}"] = "service", ["{documentName?}"] = "v1",
        });
    }

    private Task UntilCompletedAsync(string status, string token) => Eventually.TrueAsync(
        async () => (await ReadAsync(await SendAsync("RoadmapWorker", $"GET {status}", token))).GetProperty("status").GetString() is "completed",
        status, 60);

    private async Task<JsonElement> JsonAsync(string project, string request, string? token, object body) =>
        await ReadAsync(await SendAsync(project, request, token, JsonContent.Create(body)));

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync();
            response.IsSuccessStatusCode.ShouldBeTrue($"{response.RequestMessage!.RequestUri}: {text}");
            return JsonElement.Parse(text);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, client) in _services.Values)
            client.Dispose();
        foreach (var hosted in Enumerable.Reverse(_hosted))
            await hosted.DisposeAsync();
        await _server.DisposeAsync();
        Identity.Dispose();
        _folder.Delete(recursive: true);
    }
}
