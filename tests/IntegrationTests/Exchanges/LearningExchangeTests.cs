using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lyceum.Tests.IntegrationTests.Exchanges;

/// <summary>
/// As <see cref="ExchangeTests"/>, of what learners make of answers, what their school sees of them, and the events
/// of a person.
/// </summary>
[Collection(ChatCollection.Name)]
public sealed class LearningExchangeTests(SharedSystem system)
{
    private const string Question = "[[stub tokens=5 rate=0 seed=3]]";
    private static readonly Guid Unknown = Guid.Parse("01900000-0000-7000-8000-000000000000");

    [Fact]
    public async Task Branches_SearchAndSafety_AnswerAsRecorded()
    {
        using var owner = await Learner.SignUpAsync(system, "branches");
        // Before anybody asks: a policy is remembered for some seconds.
        var policy = new
        {
            questions = true, words = new[] { "quicksand" },
            help = new { text = "You are not alone.", contact = "room 12" },
        };
        using (var set = await owner.PutAsJsonAsync("/api/tenant/policy", policy))
            set.EnsureSuccessStatusCode();
        await Learner.MakeBaseAsync(owner, "lichens", "# Lichens\n\nA lichen is a fungus that lives with algae.");
        var tutor = (await Learner.PostAsync(owner, "/api/tutors", new { name = "Ms Noether", kb_id = "lichens" }))
            .GetProperty("id").GetInt32();
        var (id, student) = await Learner.JoinAsync(system, owner, "branches");
        using var _ = student;
        await Learner.PostAsync(owner, $"/api/classes/{id}/shares", new { kind = "tutor", id = $"{tutor}" });

        var record = new Recorder(student);
        const string Ask = "POST /chat";
        var start = await record.SendAsync(
            Ask, "a shared tutor", body: new { message = $"Lichen {Question}", tutor_id = tutor });
        var conversation = start.GetProperty("conversation_id").GetGuid();
        var message = start.GetProperty("message_id").GetGuid();
        await record.SendAsync(Ask, "another answer to the same question", body: new { regenerate_of = message });
        await record.SendAsync(Ask, "another first question", body: new
        {
            conversation_id = conversation, parent_id = conversation, message = $"Moss {Question}", mode = "guide",
            reading_level = "simple", language = "en",
        });
        await record.SendAsync(Ask, "an answer that is not there", body: new { regenerate_of = Unknown });
        const string One = "/api/conversations/{id}";
        var one = $"/api/conversations/{conversation}";
        await record.SendAsync($"GET {One}/messages", "of all branches", $"{one}/messages?all=true");
        await record.SendAsync($"PATCH {One}", "another branch is shown", one, new { active_leaf_id = message });
        await record.SendAsync($"PATCH {One}", "a branch that is not there", one, new { active_leaf_id = Unknown });
        const string Feedback = $"PUT {One}/messages/{{message_id}}/feedback";
        var feedback = $"{one}/messages/{message}/feedback";
        await record.SendAsync(Feedback, "helpful", feedback, new { rating = "up", comment = "Clear." });
        await record.SendAsync(Feedback, "no such rating", feedback, new { rating = "well" });
        await record.SendAsync(
            Feedback, "not there", $"{one}/messages/{Unknown}/feedback", new { rating = "down" });
        await record.SendAsync($"GET {One}/export", "Markdown", $"{one}/export");
        await record.SendAsync($"GET {One}/export", "JSON", $"{one}/export?format=json");
        await record.SendAsync($"GET {One}/export", "a format that is none", $"{one}/export?format=pdf");
        await record.SendAsync($"GET {One}/export", "not there", $"/api/conversations/{Unknown}/export");
        await record.WaitAsync("/api/search?q=moss", found => found.GetProperty("hits").GetArrayLength() > 0);
        await record.SendAsync("GET /api/search", "found", "/api/search?q=moss");
        await record.SendAsync("GET /api/search", "no words");

        var refused = await record.SendAsync(
            Ask, "a question that is refused", body: new { message = "How deep is quicksand?" });
        var withheld = refused.GetProperty("message_id").GetGuid();
        const string Report = $"POST {One}/messages/{{message_id}}/moderation/report";
        var inside = $"/api/conversations/{refused.GetProperty("conversation_id").GetGuid()}/messages";
        await record.SendAsync(
            Report, "a mistake", $"{inside}/{withheld}/moderation/report", new { reason = "It was geography." });
        await record.SendAsync(
            Report, "nothing was withheld", $"{one}/messages/{message}/moderation/report", new { });
        await record.SendAsync(
            Ask, "signs of self-harm", body: new { message = $"I want to die {Question}", tutor_id = tutor });
        await record.SendAsync(Ask, "an answer that cites", body: new
        {
            message = $"Lichen? {Learner.Saying("It is a fungus [1].")}", tutor_id = tutor,
        });

        const string Verdicts = "/api/moderation/verdicts";
        await record.SendAsync($"GET {Verdicts}", "what was withheld", by: owner);
        await record.SendAsync($"GET {Verdicts}", "not a cursor", $"{Verdicts}?cursor=x", by: owner);
        await record.SendAsync($"GET {Verdicts}", "for owners only");
        await record.SendAsync("GET /api/concerns", "who needs help", by: owner);
        await record.SendAsync("GET /api/concerns", "a limit out of bounds", "/api/concerns?limit=0", by: owner);
        await record.SendAsync("GET /api/concerns", "for teachers only");
        const string Questions = "GET /api/classes/{id}/questions";
        await record.SendAsync(Questions, "what was asked", $"/api/classes/{id}/questions", by: owner);
        await record.SendAsync(Questions, "not there", $"/api/classes/{Unknown}/questions", by: owner);
        await record.SendAsync(Questions, "for teachers only", $"/api/classes/{id}/questions");
        record.Verify("chat-api.branches");
    }

    [Fact]
    public async Task Documents_OneAndItsContent_AnswerAsRecorded()
    {
        using var owner = await Learner.SignUpAsync(system, "documents");
        var record = new Recorder(owner);
        await Learner.MakeBaseAsync(owner, "rivers");
        const string Documents = "/api/kb/rivers/documents";
        const string Upload = "POST /api/kb/{kb_id}/documents";
        const string One = "GET /api/kb/{kb_id}/documents/{document_id}";
        var text = await record.SendAsync(
            Upload, "Markdown", $"{Documents}?name=spring.md",
            new StringContent("# Spring\n\nWater comes from the ground.", Encoding.UTF8, "text/markdown"));
        var torn = new ByteArrayContent("%PDF-1.7\ntorn"u8.ToArray());
        torn.Headers.ContentType = new("application/pdf");
        var file = await record.SendAsync(Upload, "a file, read later", $"{Documents}?name=mouth.pdf", torn);
        var (spring, mouth) = (
            $"{Documents}/{text.GetProperty("id").GetGuid()}", $"{Documents}/{file.GetProperty("id").GetGuid()}");
        await record.SendAsync(One, "one that is read", spring);
        await record.WaitAsync(mouth, read => read.GetProperty("status").GetString() == "failed");
        await record.SendAsync(One, "one that cannot be read", mouth);
        await record.SendAsync(One, "not there", $"{Documents}/{Unknown}");
        await record.SendAsync($"{One}/content", "as it is quoted", $"{spring}/content");
        await record.SendAsync($"{One}/content", "as it was uploaded", $"{spring}/content?original=true");
        await record.SendAsync($"{One}/content", "one that cannot be read", $"{mouth}/content");
        await record.SendAsync($"{One}/content", "not there", $"{Documents}/{Unknown}/content");
        record.Verify("session-api.documents");
    }

    [Fact]
    public async Task EventsAndModerations_AnswerAsRecorded()
    {
        using var person = await Learner.SignUpAsync(system, "events");
        using var anonymous = Learner.Create(system);
        var record = new Recorder(person);
        await record.SendAsync("GET /api/events", "from now on");
        await record.SendAsync("GET /api/events", "not a cursor", "/api/events?cursor=x");
        await record.SendAsync("GET /api/events", "no credentials", by: anonymous);

        const string Moderate = "POST /v1/moderations";
        var judged = Learner.Saying("""{"categories":["violence"]}""");
        await record.SendAsync(Moderate, "by the language model", body: new { model = "guard", input = judged });
        await record.SendAsync(Moderate, "no judgement", body: new { model = "guard", input = Question });
        await record.SendAsync(Moderate, "no server is configured", body: new { input = "a text" });
        await record.SendAsync(Moderate, "no text", body: new { model = "guard" });
        record.Verify("gateway.events");
    }
}

/// <summary>
/// As <see cref="LearningExchangeTests"/>, of practice and progress, on a machine without a language model.
/// </summary>
[Collection(PrimerCollection.Name)]
public sealed class PrimerLearningExchangeTests(SharedSystem system)
{
    private const string Sets = "/api/practice/sets";
    private const string Tasks = "/api/practice/tasks";
    private const string Attempt = "POST /api/practice/items/{id}/attempts";
    private static readonly Guid Unknown = Guid.Parse("01900000-0000-7000-8000-000000000000");

    [Fact]
    public async Task Practice_EveryRoute_AnswersAsRecorded()
    {
        using var owner = await Learner.SignUpAsync(system, "practice");
        var (id, student) = await Learner.JoinAsync(system, owner, "practice");
        using var _ = student;
        var record = new Recorder(owner);
        var order = new { user_query = "Python", preferences = new { weekly_commitment_hours = 10 } };
        var task = (await Learner.PostAsync(owner, "/api/v1/roadmaps/generate", order))
            .GetProperty("task_id").GetGuid();
        var roadmap = $"/api/v1/roadmaps/{task}";
        await record.WaitAsync($"{roadmap}/status", now => now.GetProperty("status").GetString() == "completed");
        var concepts = (await owner.GetFromJsonAsync<JsonElement>($"{roadmap}/progress")).GetProperty("concepts");
        var (first, second) = (Concept(0), Concept(1));

        var set = await SetsAsync(record, task, first);
        var item = await AttemptsAsync(record, set);
        await ProgressAsync(record, roadmap, first, second);
        await ChangesAsync(record, item);
        await Learner.PostAsync(owner, $"/api/classes/{id}/shares", new { kind = "roadmap", id = $"{task}" });
        await Learner.PostAsync(owner, $"/api/classes/{id}/shares", new { kind = "practice_set", id = $"{set}" });
        await ClassAsync(record, $"/api/classes/{id}", student, set);

        await record.SendAsync($"DELETE {Sets}/{{id}}", "deleted", $"{Sets}/{set}");
        await record.SendAsync($"DELETE {Sets}/{{id}}", "gone", $"{Sets}/{set}");
        record.Verify("roadmap-worker.practice");

        string Concept(int index) => concepts[index].GetProperty("concept_id").GetString()!;
    }

    private static async Task<Guid> SetsAsync(Recorder record, Guid roadmap, string concept)
    {
        object Set(string of, int count = 1) =>
            new { from = new { kind = "concept", task_id = roadmap, concept_id = of }, count };
        var key = ("Idempotency-Key", "exchanges");
        var made = await record.SendAsync($"POST {Sets}", "recorded", body: Set(concept), headers: key);
        await record.SendAsync($"POST {Sets}", "the same request again", body: Set(concept), headers: key);
        await record.SendAsync(
            $"POST {Sets}", "another request of this key", body: Set(concept, count: 2), headers: key);
        await record.SendAsync($"POST {Sets}", "everything wrong", body: new { from = new { kind = "?" }, count = 0 });
        await record.SendAsync($"POST {Sets}", "a concept that is not there", body: Set("nothing"));
        var task = $"{Tasks}/{made.GetProperty("task_id").GetGuid()}";
        const string One = $"{Tasks}/{{task_id}}";
        await record.SendAsync($"GET {One}/events", "to its end", $"{task}/events");
        await record.SendAsync(
            $"GET {One}/events", "asked again behind the end", $"{task}/events", headers: ("Last-Event-ID", "5"));
        await record.SendAsync($"GET {One}/events", "not there", $"{Tasks}/{Unknown}/events");
        await record.SendAsync($"GET {One}/status", "ended", $"{task}/status");
        await record.SendAsync($"GET {One}/status", "not there", $"{Tasks}/{Unknown}/status");
        await record.SendAsync($"GET {One}/logs", "its stages", $"{task}/logs");
        await record.SendAsync($"GET {One}/logs", "not there", $"{Tasks}/{Unknown}/logs");
        await record.SendAsync($"POST {One}/cancel", "one that has ended", $"{task}/cancel");
        await record.SendAsync($"POST {One}/cancel", "not there", $"{Tasks}/{Unknown}/cancel");
        await record.SendAsync($"POST {One}/retry", "one that is completed", $"{task}/retry");
        await record.SendAsync($"POST {One}/retry", "not there", $"{Tasks}/{Unknown}/retry");
        await record.SendAsync($"GET {Tasks}", "all", $"{Tasks}?status=completed");
        await record.SendAsync($"GET {Tasks}", "a limit out of bounds", $"{Tasks}?limit=0");
        await record.SendAsync($"GET {Sets}", "all");
        await record.SendAsync($"GET {Sets}", "a limit out of bounds", $"{Sets}?limit=0");
        return made.GetProperty("set_id").GetGuid();
    }

    private static async Task<string> AttemptsAsync(Recorder record, Guid set)
    {
        var read = await record.SendAsync($"GET {Sets}/{{id}}", "with answers, for who made it", $"{Sets}/{set}");
        await record.SendAsync($"GET {Sets}/{{id}}", "not there", $"{Sets}/{Unknown}");
        await record.SendAsync("GET /api/practice/due", "a new item");
        await record.SendAsync("GET /api/practice/due", "not a cursor", "/api/practice/due?cursor=x");

        var item = read.GetProperty("items")[0];
        var right = item.GetProperty("solution").GetProperty("choice").GetInt32();
        var one = $"/api/practice/items/{item.GetProperty("id").GetGuid()}";
        await record.SendAsync(Attempt, "the right one", $"{one}/attempts", new { attempt_id = "1", choice = right });
        await record.SendAsync(Attempt, "the same again", $"{one}/attempts", new { attempt_id = "1", choice = right });
        await record.SendAsync(
            Attempt, "another answer of this id", $"{one}/attempts", new { attempt_id = "1", choice = 1 - right });
        await record.SendAsync(Attempt, "no such option", $"{one}/attempts", new { choice = 9 });
        await record.SendAsync(
            Attempt, "an item that is not there", $"/api/practice/items/{Unknown}/attempts", new { choice = 0 });
        return one;
    }

    private static async Task ChangesAsync(Recorder record, string one)
    {
        const string Change = "PUT /api/practice/items/{id}";
        var other = new { question = "Which?", options = new[] { "This", "That" }, answers = new[] { "That" } };
        await record.SendAsync(Change, "everything wrong", one, new { question = "", answers = new[] { "This" } });
        await record.SendAsync(Change, "another item in its place", one, other);
        await record.SendAsync(Change, "an item that was replaced", one, other);
        await record.SendAsync(Attempt, "an item that was replaced", $"{one}/attempts", new { choice = 0 });
        await record.SendAsync(Change, "not there", $"/api/practice/items/{Unknown}", other);
    }

    private static async Task ProgressAsync(Recorder record, string roadmap, string first, string second)
    {
        const string One = "/api/v1/roadmaps/{task_id}";
        var unknown = $"/api/v1/roadmaps/{Unknown}";
        await record.SendAsync(
            $"PUT {One}/marks", "known", $"{roadmap}/marks", new { concept_id = second, mark = "known" });
        await record.SendAsync(
            $"PUT {One}/marks", "no such mark", $"{roadmap}/marks", new { concept_id = second, mark = "?" });
        await record.SendAsync($"PUT {One}/marks", "not there", $"{roadmap}/marks", new { concept_id = "nothing" });
        object[] dates = [new { week = 1, due = "2100-01-31" }, new { concept_id = first, due = "2100-01-15" }];
        await record.SendAsync($"PUT {One}/dates", "of a week and a concept", $"{roadmap}/dates", new { dates });
        object[] wrong = [new { week = 1000, due = "2100-01-31" }, new { due = "2100-01-31" }];
        await record.SendAsync($"PUT {One}/dates", "everything wrong", $"{roadmap}/dates", new { dates = wrong });
        await record.SendAsync($"PUT {One}/dates", "not there", $"{unknown}/dates", new { dates });
        await record.SendAsync($"GET {One}/progress", "after an attempt", $"{roadmap}/progress");
        await record.SendAsync($"GET {One}/progress", "not there", $"{unknown}/progress");
        var hours = new { weekly_commitment_hours = 6 };
        await record.SendAsync($"POST {One}/reschedule", "what is left", $"{roadmap}/reschedule", hours);
        await record.SendAsync(
            $"POST {One}/reschedule", "hours out of bounds", $"{roadmap}/reschedule",
            new { weekly_commitment_hours = 0 });
        await record.SendAsync($"POST {One}/reschedule", "not there", $"{unknown}/reschedule", hours);
    }

    private static async Task ClassAsync(Recorder record, string one, HttpClient student, Guid set)
    {
        var read = await record.SendAsync(
            $"GET {Sets}/{{id}}", "without answers, for a student", $"{Sets}/{set}", by: student);
        var item = read.GetProperty("items")[0].GetProperty("id").GetGuid();
        await record.SendAsync(
            Attempt, "a wrong one, of a student", $"/api/practice/items/{item}/attempts",
            new { attempt_id = "1", choice = 0 }, by: student);

        const string One = "/api/classes/{id}";
        var unknown = $"/api/classes/{Unknown}";
        var overview = await record.SendAsync($"GET {One}/overview", "of one student", $"{one}/overview");
        await record.SendAsync($"GET {One}/overview", "not there", $"{unknown}/overview");
        await record.SendAsync($"GET {One}/overview", "for teachers only", $"{one}/overview", by: student);
        var subject = overview.GetProperty("students")[0].GetProperty("subject").GetString();
        await record.SendAsync($"GET {One}/students/{{student}}", "one", $"{one}/students/{subject}");
        await record.SendAsync($"GET {One}/students/{{student}}", "not there", $"{one}/students/{Unknown}");
        await record.SendAsync($"GET {One}/progress.csv", "for a spreadsheet", $"{one}/progress.csv");
        await record.SendAsync($"GET {One}/progress.csv", "not there", $"{unknown}/progress.csv");
    }
}

/// <summary>Who sends what is recorded here.</summary>
internal static class Learner
{
    private const string Password = "a quiet afternoon";

    /// <summary>Without a memory for cookies, and with <see cref="Steady"/> answers.</summary>
    public static HttpClient Create(SharedSystem system)
    {
        using var plain = system.CreateAnonymousClient();
        var handler = new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false };
        return new(new Steady(handler)) { BaseAddress = plain.BaseAddress };
    }

    /// <summary>A new person, who owns a tenant, or joins one with a code.</summary>
    public static async Task<HttpClient> SignUpAsync(SharedSystem system, string name, string? code = null)
    {
        var client = Create(system);
        var username = $"learning-{name}@exchanges.example";
        var account = new { username, name, password = Password, invitation_code = code };
        await PostAsync(client, "/api/auth/register", account);
        var signedIn = await PostAsync(client, "/api/auth/login", new { username, password = Password });
        var token = signedIn.GetProperty("access_token").GetString();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    /// <summary>A knowledge base, with a text in it.</summary>
    public static async Task MakeBaseAsync(HttpClient owner, string id, string? text = null)
    {
        using var made = await owner.PutAsJsonAsync($"/api/kb/{id}", new { title = id });
        made.EnsureSuccessStatusCode();
        if (text is null)
            return;
        using var content = new StringContent(text, Encoding.UTF8, "text/markdown");
        using var added = await owner.PostAsync($"/api/kb/{id}/documents?name={id}.md", content);
        added.EnsureSuccessStatusCode();
    }

    /// <summary>What makes the stub say this and nothing else.</summary>
    public static string Saying(string text)
    {
        object Chunk(object delta, string? finish) =>
            new { choices = new[] { new { index = 0, delta, finish_reason = finish } } };
        var said = JsonSerializer.Serialize(Chunk(new { content = text }, null));
        var end = JsonSerializer.Serialize(Chunk(new { }, "stop"));
        var stream = $"data: {said}\n\ndata: {end}\n\ndata: [DONE]\n\n";
        return $"[[stub raw={Convert.ToBase64String(Encoding.UTF8.GetBytes(stream))}]]";
    }

    /// <summary>A class of this owner, and its one student, whose conversations may be seen.</summary>
    public static async Task<(Guid Class, HttpClient Student)> JoinAsync(
        SharedSystem system, HttpClient owner, string name)
    {
        var made = await PostAsync(owner, "/api/classes", new { name = "5b", visibility = "conversations" });
        var id = made.GetProperty("id").GetGuid();
        var invitation = await PostAsync(owner, "/api/auth/invitations", new { role = "student", class_id = id });
        return (id, await SignUpAsync(system, $"{name}-student", invitation.GetProperty("code").GetString()));
    }

    public static async Task<JsonElement> PostAsync(HttpClient client, string path, object body)
    {
        using var response = await client.PostAsJsonAsync(path, body);
        var text = await response.Content.ReadAsStringAsync();
        response.IsSuccessStatusCode.ShouldBeTrue($"{path}: {(int)response.StatusCode} {text}");
        return text.Length > 0 ? JsonElement.Parse(text) : default;
    }
}

/// <summary>
/// Of the endless stream of a person's events the first one; in texts no times, and in plans no days from today on.
/// </summary>
internal sealed partial class Steady(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        var type = response.Content.Headers.ContentType?.MediaType;
        if (type == "text/event-stream" && request.RequestUri!.AbsolutePath == "/api/events")
            Replace(response, await ReadReadyAsync(response.Content, cancellationToken));
        else if (type is "text/markdown" or "text/csv")
        {
            var text = Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync(cancellationToken));
            Replace(response, Moment().Replace(text, "<time>"));
        }
        else if (type == "application/json")
        {
            var text = await response.Content.ReadAsStringAsync(cancellationToken);
            Replace(response, Begin().Replace(text, "\"starts_on\":\"<date>\""));
        }
        return response;
    }

    /// <summary>What comes up to <c>ready</c>; where the services stand with their events is masked.</summary>
    private static async Task<string> ReadReadyAsync(HttpContent content, CancellationToken cancellationToken)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        using var reader = new StreamReader(stream);
        var (text, isReady) = (new StringBuilder(), false);
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            isReady |= line == "event: ready";
            text.Append(line.StartsWith("id: ", StringComparison.Ordinal) ? "id: <cursor>" : line).Append('\n');
            if (isReady && line.Length == 0)
                break;
        }
        return text.ToString();
    }

    /// <summary>With the headers that it had.</summary>
    private static void Replace(HttpResponseMessage response, string text)
    {
        var (before, after) = (response.Content, new ByteArrayContent(Encoding.UTF8.GetBytes(text)));
        foreach (var (name, values) in before.Headers.Where(header => header.Key != "Content-Length"))
            after.Headers.TryAddWithoutValidation(name, values);
        response.Content = after;
        before.Dispose();
    }

    [GeneratedRegex(@"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\dZ)?")]
    private static partial Regex Moment();

    [GeneratedRegex(@"""starts_on"":""\d{4}-\d\d-\d\d""")]
    private static partial Regex Begin();
}
