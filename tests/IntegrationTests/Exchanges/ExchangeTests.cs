using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Lyceum.Tests.IntegrationTests.Exchanges;

/// <summary>
/// A success and a typical error of every public route, compared with what the route answered when
/// <c>tests/contracts/exchanges</c> was recorded. A renamed member, another status, a lost header fail here.
/// </summary>
[Collection(ChatCollection.Name)]
public sealed class ExchangeTests(SharedSystem system)
{
    private const string Password = "a quiet afternoon";
    private const string Question = "[[stub tokens=5 rate=0 seed=3]]";
    private static readonly Guid Unknown = Guid.Parse("01900000-0000-7000-8000-000000000000");

    [Fact]
    public async Task Chat_EveryRoute_AnswersAsRecorded()
    {
        using var person = await SignUpAsync("chat");
        using var anonymous = CreateAnonymousClient();
        var record = new Recorder(person);

        var start = await record.SendAsync(
            "POST /chat", "a question, answered as events", body: new { message = Question });
        var conversation = start.GetProperty("conversation_id").GetGuid();
        var message = start.GetProperty("message_id").GetGuid();
        var ticket = start.GetProperty("stream_url").GetString()!;
        await record.SendAsync(
            "POST /chat", "a question in the same conversation, answered as text",
            body: new { conversation_id = conversation, message = Question }, headers: ("Accept", "text/plain"));
        await record.SendAsync("POST /chat", "an answer that fails", body: new { message = "[[stub status=400]]" });
        await record.SendAsync("POST /chat", "an empty question", body: new { message = " " });
        await record.SendAsync("POST /chat", "not JSON", body: Text("{", "application/json"));
        await record.SendAsync("POST /chat", "another media type", body: Text("hello", "text/plain"));
        await record.SendAsync(
            "POST /chat", "a conversation that is not there", body: new { conversation_id = Unknown, message = "x" });
        await record.SendAsync(
            "POST /chat", "a tutor that is not there", body: new { tutor_id = 2_000_000_000, message = "x" });
        await record.SendAsync("POST /chat", "no credentials", body: new { message = "x" }, by: anonymous);
        await record.SendAsync("GET /chat/{message}/stream", "read again", $"/chat/{message}/stream");
        await record.SendAsync("GET /chat/{message}/stream", "read with a ticket", ticket, by: anonymous);
        await record.SendAsync(
            "GET /chat/{message}/stream", "asked again behind the end", $"/chat/{message}/stream",
            headers: ("Last-Event-ID", "end"));
        await record.SendAsync("GET /chat/{message}/stream", "not a cursor", $"/chat/{message}/stream?after=x");
        await record.SendAsync("GET /chat/{message}/stream", "an answer that is not there", $"/chat/{Unknown}/stream");
        await record.SendAsync("POST /chat/{message}/stop", "an answer that has ended", $"/chat/{message}/stop");
        await record.SendAsync("POST /chat/{message}/stop", "an answer that is not there", $"/chat/{Unknown}/stop");

        const string Images = "/api/images";
        var image = (await record.SendAsync($"POST {Images}", "an image", body: await ImageAsync(), tidy: json => json["bytes"] = 1)).GetProperty("id").GetGuid();
        await record.SendAsync($"POST {Images}", "none", body: new ByteArrayContent("GIF89a"u8.ToArray()));
        await record.SendAsync($"GET {Images}/{{image_id}}", "re-encoded", $"{Images}/{image}");
        await record.SendAsync($"GET {Images}/{{image_id}}", "not there", $"{Images}/{Unknown}");
        await record.SendAsync($"DELETE {Images}/{{image_id}}", "deleted", $"{Images}/{image}");
        await record.SendAsync($"DELETE {Images}/{{image_id}}", "gone", $"{Images}/{image}");

        const string List = "/api/conversations";
        await record.SendAsync($"GET {List}", "the newest", $"{List}?limit=1");
        await record.SendAsync($"GET {List}", "a limit out of bounds", $"{List}?limit=1000");
        await record.SendAsync($"GET {List}", "not a cursor", $"{List}?cursor=x");
        var made = await record.SendAsync($"POST {List}", "an empty one", body: new { title = "Rivers" });
        await record.SendAsync($"POST {List}", "an empty title", body: new { title = "" });
        var one = $"{List}/{made.GetProperty("id").GetGuid()}";
        await record.SendAsync($"GET {List}/{{id}}", "one", one);
        await record.SendAsync($"GET {List}/{{id}}", "not there", $"{List}/{Unknown}");
        await record.SendAsync($"PATCH {List}/{{id}}", "renamed", one, new { title = "Lakes" });
        await record.SendAsync($"PATCH {List}/{{id}}", "without a title", one, new { });
        await record.SendAsync($"GET {List}/{{id}}/messages", "what was said", $"{List}/{conversation}/messages");
        await record.SendAsync($"GET {List}/{{id}}/messages", "not there", $"{List}/{Unknown}/messages");
        await record.SendAsync($"DELETE {List}/{{id}}", "deleted", one);
        await record.SendAsync($"DELETE {List}/{{id}}", "gone", one);
        record.Verify("chat-api");
    }

    [Fact]
    public async Task Accounts_EveryRoute_AnswersAsRecorded()
    {
        using var anonymous = CreateAnonymousClient();
        using var developer = CreateDeveloperClient();
        using var person = CreateAnonymousClient();
        var record = new Recorder(anonymous);
        const string Name = "accounts@exchanges.example";

        await record.SendAsync("GET /api/auth/methods", "how to sign in");
        var account = new { username = Name, password = Password, name = "Ada" };
        await record.SendAsync("POST /api/auth/register", "a new account", body: account);
        await record.SendAsync(
            "POST /api/auth/register", "a name that is taken", body: new { username = Name, password = Password });
        await record.SendAsync(
            "POST /api/auth/register", "everything wrong", body: new { username = "", password = "short" });
        var signedIn = await record.SendAsync(
            "POST /api/auth/login", "tokens", body: new { username = Name, password = Password });
        await record.SendAsync(
            "POST /api/auth/login", "cookies", body: new { username = Name, password = Password, cookie = true });
        await record.SendAsync(
            "POST /api/auth/login", "a wrong password", body: new { username = Name, password = "another one" });
        signedIn = await record.SendAsync(
            "POST /api/auth/refresh", "the next tokens",
            body: new { refresh_token = signedIn.GetProperty("refresh_token").GetString() });
        await record.SendAsync("POST /api/auth/refresh", "a token that is none", body: new { refresh_token = "none" });
        person.DefaultRequestHeaders.Authorization = Bearer(signedIn);
        await record.SendAsync("GET /api/auth/me", "a person", by: person);
        await record.SendAsync("GET /api/auth/me", "an API token", by: developer);
        await record.SendAsync("GET /api/auth/me", "no credentials");

        const string Invitations = "/api/auth/invitations";
        var invitation = await record.SendAsync(
            $"POST {Invitations}", "an invitation", body: new { note = "for Bob" }, by: person);
        await record.SendAsync(
            $"POST {Invitations}", "too long a note", body: new { note = new string('x', 500) }, by: person);
        await record.SendAsync(
            $"POST {Invitations}", "an API token has no account", body: new { note = "x" }, by: developer);
        await record.SendAsync($"GET {Invitations}", "all", by: person);
        await record.SendAsync($"GET {Invitations}", "an API token has no account", by: developer);
        var revoked = $"{Invitations}/{invitation.GetProperty("id").GetGuid()}";
        await record.SendAsync($"DELETE {Invitations}/{{id}}", "revoked", revoked, by: person);
        await record.SendAsync($"DELETE {Invitations}/{{id}}", "gone", revoked, by: person);

        const string Change = "POST /api/auth/change-password";
        var passwords = new { current_password = Password, new_password = "an even quieter evening" };
        signedIn = await record.SendAsync(Change, "changed", body: passwords, by: person);
        await record.SendAsync(Change, "another password than now", body: passwords, by: person);
        var refresh = new { refresh_token = signedIn.GetProperty("refresh_token").GetString() };
        await record.SendAsync("POST /api/auth/logout", "signed out", body: refresh);
        await record.SendAsync("POST /api/auth/logout", "not JSON", body: Text("{", "application/json"));
        await record.SendAsync(
            "GET /api/auth/oidc/login", "no provider is configured", "/api/auth/oidc/login?return_to=/");
        await record.SendAsync(
            "GET /api/auth/oidc/callback", "no provider is configured", "/api/auth/oidc/callback?code=x&state=y");
        record.Verify("session-api.accounts");
    }

    [Fact]
    public async Task Tutors_EveryRoute_AnswersAsRecorded()
    {
        using var person = await SignUpAsync("tutors");
        var record = new Recorder(person);
        const string Tutors = "/api/tutors";
        var tutor = new
        {
            name = "Ms Noether", subject = "algebra", language = "en", instructions = "Ask back.", kb_id = "plants",
        };
        var made = await record.SendAsync($"POST {Tutors}", "a tutor", body: tutor);
        await record.SendAsync(
            $"POST {Tutors}", "everything wrong", body: new { name = "", language = "?", kb_id = "No slug" });
        var one = $"{Tutors}/{made.GetProperty("id").GetInt32()}";
        await record.SendAsync($"GET {Tutors}", "all");
        await record.SendAsync($"GET {Tutors}", "not a cursor", $"{Tutors}?cursor=x");
        await record.SendAsync($"GET {Tutors}/{{id}}", "one", one);
        await record.SendAsync($"GET {Tutors}/{{id}}", "not there", $"{Tutors}/2000000000");
        await record.SendAsync($"PUT {Tutors}/{{id}}", "replaced", one, new { name = "Mr Gauss" });
        await record.SendAsync($"PUT {Tutors}/{{id}}", "without a name", one, new { subject = "algebra" });

        const string Bases = "/api/kb";
        await record.SendAsync($"PUT {Bases}/{{kb_id}}", "made", $"{Bases}/plants", new { title = "Plants" });
        await record.SendAsync(
            $"PUT {Bases}/{{kb_id}}", "titled anew", $"{Bases}/plants", new { title = "Green plants" });
        await record.SendAsync($"PUT {Bases}/{{kb_id}}", "not a slug", $"{Bases}/No.slug", new { });
        await record.SendAsync($"GET {Bases}", "all");
        await record.SendAsync($"GET {Bases}", "a limit out of bounds", $"{Bases}?limit=0");
        await record.SendAsync($"GET {Bases}/{{kb_id}}", "one", $"{Bases}/plants");
        await record.SendAsync($"GET {Bases}/{{kb_id}}", "not there", $"{Bases}/nothing");
        const string Documents = "/api/kb/plants/documents";
        var document = await record.SendAsync(
            $"POST {Bases}/{{kb_id}}/documents", "Markdown", $"{Documents}?name=light.md",
            Text("# Light\n\nPlants turn light into sugar.", "text/markdown"));
        await record.SendAsync(
            $"POST {Bases}/{{kb_id}}/documents", "a kind that is not taken", $"{Documents}?name=x.bin",
            Text("x", "application/x-thing"));
        await record.SendAsync($"GET {Bases}/{{kb_id}}/documents", "all", Documents);
        await record.SendAsync($"GET {Bases}/{{kb_id}}/documents", "not there", $"{Bases}/nothing/documents");
        var passages = $"{Documents}/{document.GetProperty("id").GetGuid()}/passages";
        await record.SendAsync($"GET {Bases}/{{kb_id}}/documents/{{document_id}}/passages", "all", passages);
        await record.SendAsync(
            $"GET {Bases}/{{kb_id}}/documents/{{document_id}}/passages", "not there",
            $"{Documents}/{Unknown}/passages");
        await record.SendAsync($"GET {Bases}/{{kb_id}}/search", "found", $"{Bases}/plants/search?q=light");
        await record.SendAsync($"GET {Bases}/{{kb_id}}/search", "no question", $"{Bases}/plants/search");
        await record.SendAsync($"POST {Bases}/{{kb_id}}/reindex", "again", $"{Bases}/plants/reindex");
        await record.SendAsync($"POST {Bases}/{{kb_id}}/reindex", "not there", $"{Bases}/nothing/reindex");
        var gone = passages[..^"/passages".Length];

        await SessionsAsync(record, one);

        await record.SendAsync($"DELETE {Bases}/{{kb_id}}/documents/{{document_id}}", "deleted", gone);
        await record.SendAsync($"DELETE {Bases}/{{kb_id}}/documents/{{document_id}}", "gone", gone);
        await record.SendAsync($"DELETE {Bases}/{{kb_id}}", "deleted", $"{Bases}/plants");
        await record.SendAsync($"DELETE {Bases}/{{kb_id}}", "gone", $"{Bases}/plants");
        await record.SendAsync($"DELETE {Tutors}/{{id}}", "deleted", one);
        await record.SendAsync($"DELETE {Tutors}/{{id}}", "gone", one);
        record.Verify("session-api");
    }

    private static async Task SessionsAsync(Recorder record, string tutor)
    {
        const string Sessions = "/api/sessions";
        const string Create = "POST /api/tutors/{id}/sessions";
        var made = await record.SendAsync(
            Create, "a live session", $"{tutor}/sessions", new { student_id = 123, kb_id = "plants" });
        await record.SendAsync(Create, "without a student", $"{tutor}/sessions", new { });
        await record.SendAsync(
            Create, "a tutor that is not there", "/api/tutors/2000000000/sessions", new { student_id = 1 });
        var session = made.GetProperty("session_id").GetString()!;
        var message = new { type = "text", content = "[[stub tokens=3 rate=0 seed=3]]", id = "first" };
        var configure = new { type = "configure", audio = new { @in = (object?)null, @out = (object?)null } };
        var url = made.GetProperty("engine_url").GetString()!;
        await record.SpeakAsync(
            "GET /ws/{session}", "lyceum.v1", new(url), "lyceum.v1", "latency_report",
            new { type = "nonsense" }, configure, message);
        await record.SendAsync("GET /ws/{session}", "not a WebSocket", url.Replace("ws:", "http:"));
        var again = await record.SendAsync(
            $"POST {Sessions}/{{session_id}}/connect", "a fresh address", $"{Sessions}/{session}/connect");
        await record.SendAsync(
            $"POST {Sessions}/{{session_id}}/connect", "not there", $"{Sessions}/nothing.here/connect");
        var twice = again.GetProperty("engine_url").GetString()!.Replace("/ws/", "/ws/ws/", StringComparison.Ordinal);
        await record.SpeakAsync(
            "GET /ws/ws/{session}", "without a subprotocol", new(twice), null, "text",
            new { message.type, message.content });
        await record.SendAsync("GET /ws/ws/{session}", "not a WebSocket", "/ws/ws/nothing.here");
        await record.SendAsync($"GET {Sessions}", "all", $"{Sessions}?status=active");
        await record.SendAsync($"GET {Sessions}", "a status that is none", $"{Sessions}?status=x");
        await record.WaitAsync($"{Sessions}/{session}", read => read.GetProperty("turns").GetArrayLength() == 2);
        await record.SendAsync($"GET {Sessions}/{{session_id}}", "with its transcript", $"{Sessions}/{session}");
        await record.SendAsync($"GET {Sessions}/{{session_id}}", "not there", $"{Sessions}/nothing.here");
        await record.SendAsync($"DELETE {Sessions}/{{session_id}}", "deleted", $"{Sessions}/{session}");
        await record.SendAsync($"DELETE {Sessions}/{{session_id}}", "gone", $"{Sessions}/{session}");
        made = await record.SendAsync(
            Create, "a knowledge base that is not there", $"{tutor}/sessions?student_id=7&kb_id=nothing");
        session = made.GetProperty("session_id").GetString()!;
        await record.SendAsync(
            "DELETE /api/tutors/sessions/{session_id}", "deleted", $"/api/tutors/sessions/{session}");
        await record.SendAsync("DELETE /api/tutors/sessions/{session_id}", "gone", $"/api/tutors/sessions/{session}");
    }

    [Fact]
    public async Task Engine_EveryRoute_AnswersAsRecorded()
    {
        using var person = await SignUpAsync("engine");
        using var developer = CreateDeveloperClient();
        using var anonymous = CreateAnonymousClient();
        var record = new Recorder(person);
        await record.SendAsync("GET /v1/models", "all");
        await record.SendAsync("GET /v1/models", "no credentials", by: anonymous);
        await record.SendAsync("GET /v1/models/{id}", "one", "/v1/models/stub");
        await record.SendAsync("GET /v1/models/{id}", "not there", "/v1/models/nothing");

        const string Complete = "POST /v1/chat/completions";
        object[] messages = [new { role = "user", content = Question }];
        await record.SendAsync(Complete, "whole", body: new { messages });
        await record.SendAsync(
            Complete, "streamed", body: new { messages, stream = true, stream_options = new { include_usage = true } });
        await record.SendAsync(Complete, "no message", body: new { messages = Array.Empty<object>() });
        await record.SendAsync(Complete, "a model that is not there", body: new { model = "nothing", messages });
        var id = Guid.NewGuid();
        await record.SendAsync(
            Complete, "detached", body: new { messages, stream = true }, headers: ("Generation-Id", $"{id}"));
        await record.SendAsync(
            Complete, "detached, again", body: new { messages, stream = true }, headers: ("Generation-Id", $"{id}"));
        await record.SendAsync("GET /v1/generations/{id}", "read again", $"/v1/generations/{id}?after=0");
        await record.SendAsync("GET /v1/generations/{id}", "not a cursor", $"/v1/generations/{id}?after=x");
        await record.SendAsync("GET /v1/generations/{id}", "not there", $"/v1/generations/{Unknown}");
        await record.SendAsync("DELETE /v1/generations/{id}", "freed", $"/v1/generations/{id}");
        await record.SendAsync("DELETE /v1/generations/{id}", "not there", "/v1/generations/nothing");

        var recording = new MultipartFormDataContent { { new ByteArrayContent([0, 0]), "file", "x.wav" } };
        await record.SendAsync("POST /v1/audio/transcriptions", "no recognition is configured", body: recording);
        Assert.SkipUnless(Installed("espeak-ng"), "espeak-ng is not installed: speech is recorded where it is");
        await record.SendAsync(
            "POST /v1/audio/speech", "spoken", body: new { input = "Light.", response_format = "wav" });
        await record.SendAsync("POST /v1/audio/speech", "nothing to say", body: new { input = "" });

        await record.SendAsync("GET /v1/engine/state", "its GPUs and its model server", by: developer);
        await record.SendAsync("GET /v1/engine/state", "for operators only");
        await record.SendAsync("GET /v1/engine/log", "it starts no model server", by: developer);

        const string Sessions = "/v1/sessions";
        // What others of this tenant have left.
        var left = await developer.GetFromJsonAsync<JsonElement>(Sessions);
        foreach (var session in left.GetProperty("sessions").EnumerateArray())
            (await developer.DeleteAsync($"{Sessions}/{session.GetProperty("session_id").GetString()}")).Dispose();
        var made = await record.SendAsync(
            $"POST {Sessions}", "a live session", body: new { tutor_id = 1, student_id = "s" }, by: developer);
        await record.SendAsync($"POST {Sessions}", "without a student", body: new { tutor_id = 1 }, by: developer);
        await record.SendAsync(
            $"POST {Sessions}", "not for a person", body: new { tutor_id = 1, student_id = "s" });
        var one = $"{Sessions}/{made.GetProperty("session_id").GetString()}";
        await record.SendAsync($"GET {Sessions}", "all", by: developer);
        await record.SendAsync($"GET {Sessions}", "no credentials", by: anonymous);
        await record.SendAsync($"GET {Sessions}/{{id}}", "one", one, by: developer);
        await record.SendAsync($"GET {Sessions}/{{id}}", "not there", $"{Sessions}/nothing.here", by: developer);
        await record.SendAsync($"POST {Sessions}/{{id}}/connect", "a fresh address", $"{one}/connect", by: developer);
        await record.SendAsync(
            $"POST {Sessions}/{{id}}/connect", "not there", $"{Sessions}/nothing.here/connect", by: developer);
        await record.SendAsync($"DELETE {Sessions}/{{id}}", "deleted", one, by: developer);
        await record.SendAsync($"DELETE {Sessions}/{{id}}", "gone", one, by: developer);
        record.Verify("gpu-engine");
    }

    [Fact]
    public async Task Gateway_EveryRouteOfItsOwn_AnswersAsRecorded()
    {
        using var person = await SignUpAsync("gateway");
        using var developer = CreateDeveloperClient();
        using var anonymous = CreateAnonymousClient();
        var record = new Recorder(person);
        await record.SendAsync("GET /", "what is here", by: anonymous);
        await record.SendAsync("GET /alive", "alive", by: anonymous);
        await record.SendAsync("GET /version", "what runs", by: anonymous);
        await record.SendAsync("GET /nowhere", "a route that is not there", by: anonymous);
        await record.SendAsync("DELETE /api/usage", "a method that is not there");
        await record.SendAsync("GET /api/capabilities", "what is on offer");
        await record.SendAsync("GET /api/capabilities", "no credentials", by: anonymous);
        await record.SendAsync("GET /api/usage", "no budgets are set");
        await record.SendAsync("GET /api/usage", "no credentials", by: anonymous);
        // Whoever has a budget in another test is in it too.
        await record.SendAsync(
            "GET /api/usage/all", "everybody's", by: developer, tidy: answer => answer["budgets"]!.AsArray().Clear());
        await record.SendAsync("GET /api/usage/all", "for operators only");
        // What it sees is another thing on every machine.
        await record.SendAsync("GET /api/ops/doctor", "one check", "/api/ops/doctor?only=LYC-SYS-001", by: developer, tidy: answer =>
        {
            answer["verdict"] = "ok";
            (answer["checks"]![0]!["verdict"], answer["checks"]![0]!["saw"], answer["checks"]![0]!["expected"]) = ("ok", "…", "…");
        });
        await record.SendAsync("GET /api/ops/doctor", "for operators only");
        await record.SendAsync("GET /api/ops/engines", "what each would tell this client", by: developer);
        await record.SendAsync("GET /api/ops/engines", "for operators only");
        foreach (var trickle in (string[])["/api/ops/trickle", "/chat/trickle", "/v1/engine/trickle"])
        {
            await record.SendAsync($"GET {trickle}", "parts", $"{trickle}?seconds=0.5&interval=0.2&bytes=3", by: developer);
            await record.SendAsync($"GET {trickle}", "too long", $"{trickle}?seconds=86000", by: developer);
            await record.SendAsync($"GET {trickle}", "for operators only");
        }
        await record.SpeakAsync(
            "GET /ws/echo", "an echo", new UriBuilder(developer.BaseAddress!) { Scheme = "ws", Path = "/ws/echo", Query = "seconds=10" }.Uri, null, "hello",
            developer, new { type = "hello" });
        await record.SendAsync("GET /ws/echo", "not a WebSocket", by: developer);
        await record.SendAsync("PUT /api/budgets", "a person's", body: new { person = "somebody", model_tokens = 1000, period = "day" });
        await record.SendAsync("PUT /api/budgets", "no number", body: new { person = "somebody" });
        await record.SendAsync("GET /api/budgets", "with what is used");
        await record.SendAsync("GET /api/budgets", "no credentials", by: anonymous);
        await record.SendAsync("DELETE /api/budgets", "a person's", "/api/budgets?person=somebody");
        await record.SendAsync("DELETE /api/budgets", "not there", "/api/budgets?person=somebody");
        await record.SendAsync("GET /api/budgets/use", "of a month", "/api/budgets/use?from=2020-01-01&to=2020-01-31");
        await record.SendAsync("GET /api/budgets/use", "not a day", "/api/budgets/use?from=January");

        await record.SendAsync("POST /api/llm/complete", "whole", body: new { prompt = Question });
        await record.SendAsync("POST /api/llm/complete", "streamed", body: new { prompt = Question, stream = true });
        await record.SendAsync("POST /api/llm/complete", "an engine that fails amid the answer",
            body: new { prompt = "[[stub tokens=5 rate=0 fail_after=2]]", stream = true });
        await record.SendAsync("POST /api/llm/complete", "no prompt", body: new { });

        object append = new
        {
            records = new object[]
            {
                new { id = "lesson-1", type = "lesson", properties = new { title = "Recursion" } },
                new { id = "concept-7" },
            },
            edges = new object[] { new { from = "lesson-1", to = "concept-7", type = "teaches" } },
        };
        await record.SendAsync("POST /api/repo/append", "two records and an edge", body: append);
        await record.SendAsync("POST /api/repo/append", "other content", body: new
        {
            records = new object[] { new { id = "lesson-1", type = "course" } },
            edges = new object[] { new { from = "lesson-1", to = "nothing", type = "teaches" } },
        });
        await record.SendAsync(
            "POST /api/repo/append", "everything wrong", body: new { records = new object[] { new { id = "" } } });
        await record.SendAsync("GET /api/graph/recall", "a walk", "/api/graph/recall?start=lesson-1&depth=1");
        await record.SendAsync("GET /api/graph/recall", "a start that is not there", "/api/graph/recall?start=nothing");
        await record.SendAsync("GET /api/graph/recall", "no start");
        var happened = new { type = "quiz.answered", id = "a1", attributes = new { score = 1 } };
        await record.SendAsync("POST /api/observe/emit", "an event", body: new { events = new[] { happened } });
        await record.SendAsync("POST /api/observe/emit", "no events", body: new { events = Array.Empty<object>() });
        await record.SendAsync("GET /api/observe/events", "the newest", "/api/observe/events?limit=1");
        await record.SendAsync("GET /api/observe/events", "a limit out of bounds", "/api/observe/events?limit=0");

        await record.SendAsync("GET /api/tools", "all");
        await record.SendAsync("GET /api/tools", "no credentials", by: anonymous);
        await record.SendAsync(
            "POST /api/tools/execute", "echo", body: new { tool = "echo", input = new { text = "hello" } });
        await record.SendAsync("POST /api/tools/execute", "not there", body: new { tool = "nothing" });
        await record.SendAsync("POST /api/tools/execute", "not the name of a tool", body: new { tool = 7 });
        await record.SendAsync(
            "POST /api/tools/execute", "another definition", body: new { tool = "echo", digest = "sha256:0" });

        const string Config = "/api/config/tools";
        var version = new { version = "exchanges-1", manifests = new[] { new { name = "echo", kind = "builtin" } } };
        // So that there always is a page after the newest, whatever other tests registered.
        var former = new { version = "exchanges-0", version.manifests };
        using (var registered = await developer.PostAsJsonAsync(Config, former))
            registered.EnsureSuccessStatusCode();
        await record.SendAsync($"POST {Config}", "registered and in force", body: version, by: developer);
        await record.SendAsync($"POST {Config}", "a version that is there", body: version, by: developer);
        var wrong = new { version = "?", manifests = new[] { new { name = "?" } } };
        await record.SendAsync($"POST {Config}", "everything wrong", body: wrong, by: developer);
        await record.SendAsync($"GET {Config}", "the newest", $"{Config}?limit=1", by: developer);
        await record.SendAsync($"GET {Config}", "for administrators only");
        await record.SendAsync($"GET {Config}/{{version}}", "one", $"{Config}/exchanges-1", by: developer);
        await record.SendAsync($"GET {Config}/{{version}}", "not there", $"{Config}/nothing", by: developer);
        await record.SendAsync(
            $"POST {Config}/{{version}}/activate", "rolled back", $"{Config}/builtin/activate", by: developer);
        await record.SendAsync(
            $"POST {Config}/{{version}}/activate", "not there", $"{Config}/nothing/activate", by: developer);
        await record.SendAsync(
            $"GET {Config}/activations", "the newest", $"{Config}/activations?limit=1", by: developer);
        await record.SendAsync(
            $"GET {Config}/activations", "not a cursor", $"{Config}/activations?cursor=x", by: developer);
        record.Verify("gateway");
    }

    /// <summary>Without a memory for cookies: what one exchange sets, the next does not send.</summary>
    private HttpClient CreateAnonymousClient()
    {
        using var plain = system.CreateAnonymousClient();
        var handler = new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false };
        return new(handler) { BaseAddress = plain.BaseAddress };
    }

    private HttpClient CreateDeveloperClient()
    {
        var client = CreateAnonymousClient();
        client.DefaultRequestHeaders.Authorization = new("Bearer", system.DevelopmentToken);
        return client;
    }

    /// <summary>A new person, in a tenant of their own: its lists do not have what other tests made.</summary>
    private async Task<HttpClient> SignUpAsync(string name)
    {
        var client = CreateAnonymousClient();
        var (username, password) = ($"{name}@exchanges.example", Password);
        using var registered = await client.PostAsJsonAsync("/api/auth/register", new { username, password });
        registered.EnsureSuccessStatusCode();
        using var signedIn = await client.PostAsJsonAsync("/api/auth/login", new { username, password });
        client.DefaultRequestHeaders.Authorization = Bearer(await signedIn.Content.ReadFromJsonAsync<JsonElement>());
        return client;
    }

    private static AuthenticationHeaderValue Bearer(JsonElement signedIn) =>
        new("Bearer", signedIn.GetProperty("access_token").GetString());

    private static async Task<ByteArrayContent> ImageAsync() =>
        new(await File.ReadAllBytesAsync(Path.Combine(Repository.Root, "docs", "images", "dashboard-trace.png")));

    private static StringContent Text(string text, string mediaType) => new(text, Encoding.UTF8, mediaType);

    private static bool Installed(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Any(folder => File.Exists(Path.Combine(folder, program)));
}
