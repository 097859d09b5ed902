using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lyceum.Tests.IntegrationTests.Exchanges;

/// <summary>As <see cref="ExchangeTests"/>, of members of an organisation, classes and what keeps them safe.</summary>
[Collection(ChatCollection.Name)]
public sealed partial class PeopleExchangeTests(SharedSystem system)
{
    private const string Password = "a quiet afternoon";
    private static readonly Guid Unknown = Guid.Parse("01900000-0000-7000-8000-000000000000");
    private static readonly object Progress = new { visibility = "progress" };

    [Fact]
    public async Task People_EveryRoute_AnswersAsRecorded()
    {
        using var anonymous = CreateClient();
        using var developer = CreateDeveloperClient();
        using var owner = await SignUpAsync("ada", "people");
        using var teacher = await SignUpAsync("emmy", "people", await InviteAsync(owner, new { role = "teacher" }));
        using var student = await SignUpAsync("ben", "people", await InviteAsync(owner, new { role = "student" }));
        using var guest = await SignUpAsync("eve", "people");
        var record = new Recorder(owner.Http);

        await record.SendAsync("GET /api/me", "an owner");
        await record.SendAsync("GET /api/me", "a student", by: student.Http);
        await record.SendAsync("GET /api/me", "an API token", by: developer);
        await record.SendAsync("GET /api/me", "no credentials", by: anonymous);
        await record.SendAsync("PATCH /api/me", "called otherwise", body: new { name = "Ada Lovelace" });
        await record.SendAsync("PATCH /api/me", "without a name", body: new { });
        await record.SendAsync("PATCH /api/me", "an API token has no account", body: new { name = "x" }, by: developer);

        const string SignIns = "/api/me/sign-ins";
        using var device = await SignInAsync(owner.Username);
        var signIns = await record.SendAsync($"GET {SignIns}", "the one used last first");
        await record.SendAsync($"GET {SignIns}", "an API token has no account", by: developer);
        var other = $"{SignIns}/{signIns.GetProperty("sign_ins")[0].GetProperty("id").GetGuid()}";
        await record.SendAsync($"DELETE {SignIns}/{{id}}", "ended", other);
        await record.SendAsync($"DELETE {SignIns}/{{id}}", "gone", other);

        await TenantAsync(record, teacher.Http);

        const string Memberships = "/api/me/memberships";
        var code = await InviteAsync(owner, new { role = "teacher" });
        await record.SendAsync($"POST {Memberships}", "an invitation accepted", body: new { code }, by: guest.Http);
        await record.SendAsync($"POST {Memberships}", "one that is used", body: new { code }, by: guest.Http);
        await record.SendAsync(
            $"POST {Memberships}", "everything wrong", body: new { visibility = "x" }, by: guest.Http);
        await MembersAsync(record, teacher, guest);
        var left = $"{Memberships}/{owner.Tenant}";
        await record.SendAsync($"DELETE {Memberships}/{{tenant}}", "left", left, by: guest.Http);
        await record.SendAsync($"DELETE {Memberships}/{{tenant}}", "not a member", left, by: guest.Http);
        await record.SendAsync($"DELETE {Memberships}/{{tenant}}", "the last owner", left);

        await record.SendAsync("GET /api/me/export", "an archive", by: student.Http);
        await record.SendAsync("GET /api/me/export", "an API token has no account", by: developer);
        var password = new { password = Password };
        await record.SendAsync("DELETE /api/me", "a wrong password", body: new { password = "x" }, by: student.Http);
        await record.SendAsync("DELETE /api/me", "the last owner", body: password);
        var erasure = await record.SendAsync("DELETE /api/me", "recorded", body: password, by: student.Http);
        var erased = $"/api/erasures/{erasure.GetProperty("id").GetGuid()}";
        await record.WaitAsync(erased, read => read.GetProperty("done_at").ValueKind != JsonValueKind.Null);
        await record.SendAsync("GET /api/erasures/{id}", "every service confirmed", erased, by: anonymous);
        await record.SendAsync("GET /api/erasures/{id}", "not there", $"/api/erasures/{Unknown}", by: anonymous);
        record.Verify("session-api.people");
    }

    private static async Task TenantAsync(Recorder record, HttpClient teacher)
    {
        await record.SendAsync("PATCH /api/tenant", "called otherwise", body: new { name = "The school" });
        await record.SendAsync("PATCH /api/tenant", "without a name", body: new { });
        await record.SendAsync("PATCH /api/tenant", "for owners only", body: new { name = "x" }, by: teacher);
        const string Retention = "/api/tenant/retention";
        await record.SendAsync($"GET {Retention}", "never set");
        await record.SendAsync($"GET {Retention}", "for owners only", by: teacher);
        await record.SendAsync($"PUT {Retention}", "of two kinds", body: new { conversations = 365, logs = 90 });
        await record.SendAsync($"PUT {Retention}", "everything wrong", body: new { transcripts = 0, uploads = -1 });
        await record.SendAsync($"GET {Retention}", "set");
    }

    private static async Task MembersAsync(Recorder record, Person teacher, Person guest)
    {
        const string Members = "/api/members";
        const string First = "POST /api/auth/first-password";
        await record.SendAsync($"GET {Members}", "of one role", $"{Members}?role=teacher");
        await record.SendAsync($"GET {Members}", "a page", $"{Members}?limit=1");
        await record.SendAsync($"GET {Members}", "not a cursor", $"{Members}?cursor=x");
        await record.SendAsync($"GET {Members}", "for owners only", by: teacher.Http);

        var (one, missing) = ($"{Members}/{teacher.Subject}", $"{Members}/{Unknown}");
        var owner = (await record.SendAsync($"GET {Members}", "the owner", $"{Members}?role=owner"))
            .GetProperty("members")[0].GetProperty("subject").GetString();
        await record.SendAsync($"PATCH {Members}/{{subject}}", "another role", one, new { role = "student" });
        await record.SendAsync($"PATCH {Members}/{{subject}}", "without a role", one, new { });
        await record.SendAsync($"PATCH {Members}/{{subject}}", "not there", missing, new { role = "student" });
        await record.SendAsync(
            $"PATCH {Members}/{{subject}}", "the last owner", $"{Members}/{owner}", new { role = "teacher" });

        var reset = await record.SendAsync($"POST {Members}/{{subject}}/reset", "a code", $"{one}/reset");
        await record.SendAsync($"POST {Members}/{{subject}}/reset", "not there", $"{missing}/reset");
        await record.SendAsync(
            $"POST {Members}/{{subject}}/reset", "of another organisation", $"{Members}/{guest.Subject}/reset");
        var (username, code, new_password) = (teacher.Username, SteadyAnswers.Code(reset), "an even quieter evening");
        await record.SendAsync(First, "everything wrong", body: new { username, new_password = "short" });
        await record.SendAsync(First, "a wrong code", body: new { username, code = "none", new_password });
        await record.SendAsync(First, "signed in", body: new { username, code, new_password });
        await record.SendAsync(First, "a code that is used", body: new { username, code, new_password });

        await record.SendAsync($"DELETE {Members}/{{subject}}", "removed", one);
        await record.SendAsync($"DELETE {Members}/{{subject}}", "gone", one);
        await record.SendAsync($"DELETE {Members}/{{subject}}", "the last owner", $"{Members}/{owner}");
    }

    [Fact]
    public async Task Classes_EveryRoute_AnswersAsRecorded()
    {
        using var anonymous = CreateClient();
        using var developer = CreateDeveloperClient();
        using var owner = await SignUpAsync("ada", "classes");
        using var teacher = await SignUpAsync("emmy", "classes", await InviteAsync(owner, new { role = "teacher" }));
        using var student = await SignUpAsync("ben", "classes", await InviteAsync(owner, new { role = "student" }));
        var record = new Recorder(teacher.Http);
        const string Classes = "/api/classes";
        const string One = $"{Classes}/{{id}}";

        var made = await record.SendAsync(
            $"POST {Classes}", "a class", body: new { name = "Biology 7b", visibility = "conversations" });
        await record.SendAsync($"POST {Classes}", "everything wrong", body: new { name = "", visibility = "x" });
        await record.SendAsync($"POST {Classes}", "not for students", body: new { name = "x" }, by: student.Http);
        var (id, missing) = (made.GetProperty("id").GetGuid(), $"{Classes}/{Unknown}");
        var one = $"{Classes}/{id}";
        await record.SendAsync($"PATCH {One}", "renamed", one, new { name = "Biology 8b" });
        await record.SendAsync($"PATCH {One}", "an empty name", one, new { name = "" });
        await record.SendAsync($"PATCH {One}", "not there", missing, new { name = "x" });

        const string Join = $"{Classes}/join";
        var code = await InviteAsync(teacher, new { role = "student", class_id = id, uses = 30 });
        await record.SendAsync($"GET {Join}/{{code}}", "what it is for", $"{Join}/{code}", by: anonymous);
        await record.SendAsync($"GET {Join}/{{code}}", "a code that is none", $"{Join}/none", by: anonymous);
        await record.SendAsync($"POST {Join}", "joined", body: new { code }, by: student.Http);
        await record.SendAsync($"POST {Join}", "a code that is none", body: new { code = "none" }, by: student.Http);
        await record.SendAsync($"POST {Join}", "everything wrong", body: new { visibility = "x" }, by: student.Http);
        await record.SendAsync($"POST {Join}", "an API token has no account", body: new { code }, by: developer);
        using var another = await SignUpAsync("mei", "classes", code);

        await record.SendAsync($"GET {Classes}", "that I teach");
        await record.SendAsync($"GET {Classes}", "not a cursor", $"{Classes}?cursor=x");
        await record.SendAsync($"GET {One}", "as its teacher", one);
        await record.SendAsync($"GET {One}", "as a student", one, by: student.Http);
        await record.SendAsync($"GET {One}", "not there", missing);
        await record.SendAsync($"PUT {One}/visibility", "taken back", $"{one}/visibility", Progress, student.Http);
        await record.SendAsync($"PUT {One}/visibility", "neither", $"{one}/visibility", new { }, student.Http);
        await record.SendAsync($"PUT {One}/visibility", "not there", $"{missing}/visibility", Progress, student.Http);
        await record.SendAsync($"GET {One}/members", "all", $"{one}/members");
        await record.SendAsync($"GET {One}/members", "not there", $"{missing}/members");
        await record.SendAsync($"GET {One}/members", "not for students", $"{one}/members", by: student.Http);

        using (var overview = await teacher.Http.GetAsync($"{one}/overview"))
            overview.EnsureSuccessStatusCode();
        await record.SendAsync("GET /api/me/audit", "a look", by: student.Http);
        await record.SendAsync("GET /api/me/audit", "not a cursor", "/api/me/audit?cursor=x", by: student.Http);
        await SharesAsync(record, teacher.Http, one, missing, student.Http);
        await StudentsAsync(record, one, missing);

        var member = $"{one}/members/{another.Subject}";
        await record.SendAsync($"DELETE {One}/members/{{subject}}", "removed", member);
        await record.SendAsync($"DELETE {One}/members/{{subject}}", "gone", member);
        await record.SendAsync($"POST {One}/leave", "left", $"{one}/leave", by: student.Http);
        await record.SendAsync($"POST {One}/leave", "gone", $"{one}/leave", by: student.Http);
        await TeachersAsync(record, one, missing, teacher, await SignUpAsync("noor", "classes", await InviteAsync(owner, new { role = "teacher" })));
        await record.SendAsync($"GET {One}/archive/content", "not archived", $"{one}/archive/content");
        await record.SendAsync($"PATCH {One}", "archived", one, new { archived = true });
        await record.WaitAsync($"{one}/archive", read => read.GetProperty("status").GetString() == "ready");
        await record.SendAsync($"GET {One}/archive", "ready", $"{one}/archive");
        await record.SendAsync($"GET {One}/archive", "not there", $"{missing}/archive");
        await record.SendAsync($"GET {One}/archive/content", "a ZIP", $"{one}/archive/content");
        await record.SendAsync(
            $"POST {One}/students", "one that is archived", $"{one}/students", Text("Noor", "text/csv"));
        record.Verify("session-api.classes");
    }

    private static async Task TeachersAsync(Recorder record, string one, string missing, Person teacher, Person another)
    {
        using var other = another.Http;
        const string Teachers = "/api/classes/{id}/teachers";
        var named = $"{one}/teachers/{another.Subject}";
        await record.SendAsync($"PUT {Teachers}/{{subject}}", "named", named);
        await record.SendAsync($"PUT {Teachers}/{{subject}}", "not a member", $"{one}/teachers/{Unknown}");
        await record.SendAsync($"GET {Teachers}", "two", $"{one}/teachers");
        await record.SendAsync($"GET {Teachers}", "not there", $"{missing}/teachers");
        await record.SendAsync($"DELETE {Teachers}/{{subject}}", "no longer", named);
        await record.SendAsync($"DELETE {Teachers}/{{subject}}", "gone", named);
        const string HandOver = "POST /api/classes/{id}/hand-over";
        await record.SendAsync(HandOver, "to another", $"{one}/hand-over", new { to = another.Subject });
        await record.SendAsync(HandOver, "to nobody", $"{one}/hand-over", new { to = Unknown }, other);
        await record.SendAsync(HandOver, "and back", $"{one}/hand-over", new { to = teacher.Subject }, other);
    }

    private static async Task SharesAsync(
        Recorder record, HttpClient teacher, string one, string missing, HttpClient student)
    {
        const string Shares = "/api/classes/{id}/shares";
        // A roadmap is looked up by the service that has it. A tutor's number would be another one in each run.
        var roadmap = new { kind = "roadmap", id = Unknown };
        await record.SendAsync($"POST {Shares}", "a roadmap", $"{one}/shares", roadmap);
        await record.SendAsync($"POST {Shares}", "again", $"{one}/shares", roadmap);
        await record.SendAsync($"POST {Shares}", "everything wrong", $"{one}/shares", new { kind = "x" });
        await record.SendAsync($"POST {Shares}", "not there", $"{missing}/shares", roadmap);
        await record.SendAsync(
            $"POST {Shares}", "a tutor that is not there", $"{one}/shares", new { kind = "tutor", id = "2000000000" });
        await record.SendAsync($"GET {Shares}", "all", $"{one}/shares", by: student);
        await record.SendAsync($"GET {Shares}", "not there", $"{missing}/shares", by: student);
        var share = $"{one}/shares/roadmap/{Unknown}";
        await record.SendAsync($"DELETE {Shares}/{{kind}}/{{thing}}", "ended", share);
        await record.SendAsync($"DELETE {Shares}/{{kind}}/{{thing}}", "gone", share);

        await ShareTutorAsync(teacher, one);
        await record.SendAsync("GET /api/me/tutors", "one of a class", by: student);
        await record.SendAsync("GET /api/me/tutors", "one's own");
        await record.SendAsync("GET /api/me/tutors", "not a cursor", "/api/me/tutors?cursor=x", by: student);
    }

    private static async Task StudentsAsync(Recorder record, string one, string missing)
    {
        const string Students = "/api/classes/{id}/students";
        var list = "name,username\nZo\u00eb,zoe@classes.example\n\u674e\u6653\u660e,li@classes.example\n";
        var made = await record.SendAsync(
            $"POST {Students}", "two accounts", $"{one}/students", Text(list, "text/csv"));
        await record.SendAsync($"POST {Students}", "names that are taken", $"{one}/students", Text(list, "text/csv"));
        await record.SendAsync($"POST {Students}", "no list", $"{one}/students", Text("a,b,c\n,?", "text/csv"));
        await record.SendAsync($"POST {Students}", "another media type", $"{one}/students", new { name = "Noor" });
        await record.SendAsync($"POST {Students}", "not there", $"{missing}/students", Text(list, "text/csv"));
        var student = made.GetProperty("students")[0].GetProperty("subject").GetString();
        await record.SendAsync($"POST {Students}/{{subject}}/reset", "a code", $"{one}/students/{student}/reset");
        await record.SendAsync($"POST {Students}/{{subject}}/reset", "not there", $"{one}/students/{Unknown}/reset");
    }

    [Fact]
    public async Task Safety_EveryRoute_AnswersAsRecorded()
    {
        using var owner = await SignUpAsync("ada", "safety");
        using var teacher = await SignUpAsync("emmy", "safety", await InviteAsync(owner, new { role = "teacher" }));
        var made = await PostAsync(teacher.Http, "/api/classes", new { name = "Biology", visibility = "conversations" });
        var id = made.GetProperty("id").GetGuid();
        using var student = await SignUpAsync(
            "ben", "safety", await InviteAsync(teacher, new { role = "student", class_id = id }));
        var (record, one, missing) = (new Recorder(owner.Http), $"/api/classes/{id}", $"/api/classes/{Unknown}");

        const string Tenant = "/api/tenant/policy";
        await record.SendAsync($"GET {Tenant}", "nothing is asked for");
        await record.SendAsync($"GET {Tenant}", "for owners only", by: teacher.Http);
        await record.SendAsync(
            $"PUT {Tenant}", "questions are moderated", body: new { questions = true, words = new[] { "broomstick" } });
        await record.SendAsync(
            $"PUT {Tenant}", "everything wrong",
            body: new { words = new[] { "" }, block_self_harm = true, tell = new[] { teacher.Subject } });
        await record.SendAsync($"PUT {Tenant}", "for owners only", body: new { }, by: teacher.Http);
        const string Class = "/api/classes/{id}/policy";
        var help = new { text = "You are not alone. Talk to us.", contact = "room 12" };
        await record.SendAsync($"GET {Class}", "nothing is asked for", $"{one}/policy", by: teacher.Http);
        await record.SendAsync($"GET {Class}", "not there", $"{missing}/policy");
        await record.SendAsync(
            $"PUT {Class}", "help, and who is told", $"{one}/policy", new { help, tell = new[] { teacher.Subject } },
            teacher.Http);
        await record.SendAsync(
            $"PUT {Class}", "a student is not told", $"{one}/policy", new { help, tell = new[] { student.Subject } });
        await record.SendAsync($"PUT {Class}", "not there", $"{missing}/policy", new { });

        const string Consents = "/api/tenant/consents";
        var note = new { note = "signed form of 1 September" };
        await record.SendAsync($"PUT {Consents}/{{person}}", "recorded", $"{Consents}/{student.Subject}", note);
        await record.SendAsync($"PUT {Consents}/{{person}}", "not there", $"{Consents}/{Unknown}", note);
        await record.SendAsync($"GET {Consents}", "all", by: teacher.Http);
        await record.SendAsync($"GET {Consents}", "a limit out of bounds", $"{Consents}?limit=0");
        await record.SendAsync($"GET {Consents}", "not for students", by: student.Http);
        await record.SendAsync($"DELETE {Consents}/{{person}}", "withdrawn", $"{Consents}/{student.Subject}");
        await record.SendAsync($"DELETE {Consents}/{{person}}", "not there", $"{Consents}/{Unknown}");

        const string Concerns = "/api/sessions/concerns";
        const string Verdicts = "/api/sessions/verdicts";
        var tutor = await ShareTutorAsync(teacher.Http, one);
        using (var socket = await TalkAsync(student.Http, tutor))
        {
            await socket.SayAsync("[[stub tokens=3 rate=0 seed=3]] I want to kill myself.");
            await record.WaitAsync(Concerns, read => read.GetProperty("flags").GetArrayLength() == 1);
            await socket.SayAsync("[[stub tokens=3 rate=0 seed=3]] I have a broomstick.");
            await record.WaitAsync(Verdicts, read => read.GetProperty("flags").GetArrayLength() == 1);
        }
        await record.SendAsync($"GET {Concerns}", "one of a teacher's student", by: teacher.Http);
        await record.SendAsync($"GET {Concerns}", "not a cursor", $"{Concerns}?cursor=x");
        await record.SendAsync($"GET {Concerns}", "not for students", by: student.Http);
        var verdicts = await record.SendAsync($"GET {Verdicts}", "a question that was refused");
        await TranscriptsAsync(record, $"{one}/transcripts", $"{missing}/transcripts", verdicts.GetProperty("flags")[0], teacher.Http, student.Http);
        await record.SendAsync($"GET {Verdicts}", "not a cursor", $"{Verdicts}?cursor=x");
        await record.SendAsync($"GET {Verdicts}", "for owners only", by: teacher.Http);
        record.Verify("session-api.safety");
    }

    private static async Task TranscriptsAsync(
        Recorder record, string transcripts, string missing, JsonElement verdict, HttpClient teacher, HttpClient student)
    {
        const string All = "/api/classes/{id}/transcripts";
        const string Report = "POST /api/sessions/{session_id}/turns/{turn}/moderation/report";
        var session = verdict.GetProperty("session_id").GetString();
        await record.SendAsync($"GET {All}", "one", transcripts, by: teacher);
        await record.SendAsync($"GET {All}", "not there", missing, by: teacher);
        await record.SendAsync($"GET {All}/{{session_id}}", "what was said", $"{transcripts}/{session}", by: teacher);
        await record.SendAsync($"GET {All}/{{session_id}}", "not there", $"{transcripts}/none", by: teacher);
        var turn = $"/api/sessions/{session}/turns/{verdict.GetProperty("turn").GetInt32()}/moderation/report";
        await record.SendAsync(Report, "said to be wrong", turn, new { reason = "It is for the school play." }, student);
        await record.SendAsync(Report, "not there", $"/api/sessions/{session}/turns/99/moderation/report", new { }, student);
    }

    private static async Task<SessionSocket> TalkAsync(HttpClient student, string tutor)
    {
        var made = await PostAsync(student, $"/api/tutors/{tutor}/sessions", new { student_id = "ben" });
        return await SessionSocket.OpenAsync(
            new(made.GetProperty("engine_url").GetString()!), cancellationToken: TestContext.Current.CancellationToken);
    }

    /// <summary>Makes a tutor and shares it with the class.</summary>
    private static async Task<string> ShareTutorAsync(HttpClient teacher, string one)
    {
        var tutor = await PostAsync(teacher, "/api/tutors", new { name = "Flora", instructions = "Ask back." });
        var id = $"{tutor.GetProperty("id").GetInt32()}";
        await PostAsync(teacher, $"{one}/shares", new { kind = "tutor", id });
        return id;
    }

    private static async Task<string> InviteAsync(Person person, object invitation) =>
        (await PostAsync(person.Http, "/api/auth/invitations", invitation)).GetProperty("code").GetString()!;

    private async Task<Person> SignUpAsync(string name, string test, string? invitation_code = null)
    {
        using var anonymous = CreateClient();
        var username = $"{name}@{test}.example";
        await PostAsync(
            anonymous, "/api/auth/register", new { username, password = Password, name, invitation_code });
        return await SignInAsync(username);
    }

    private async Task<Person> SignInAsync(string username)
    {
        var client = CreateClient();
        var signedIn = await PostAsync(client, "/api/auth/login", new { username, password = Password });
        client.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Bearer", signedIn.GetProperty("access_token").GetString());
        var account = signedIn.GetProperty("account");
        return new(
            client, username, account.GetProperty("id").GetString()!, account.GetProperty("tenant").GetString()!);
    }

    private HttpClient CreateDeveloperClient()
    {
        var client = CreateClient();
        client.DefaultRequestHeaders.Authorization = new("Bearer", system.DevelopmentToken);
        return client;
    }

    /// <summary>Without a memory for cookies: what one exchange sets, the next does not send.</summary>
    private HttpClient CreateClient()
    {
        using var plain = system.CreateAnonymousClient();
        var handler = new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false };
        return new(new SteadyAnswers(handler)) { BaseAddress = plain.BaseAddress };
    }

    private static async Task<JsonElement> PostAsync(HttpClient client, string path, object body)
    {
        using var response = await client.PostAsJsonAsync(path, body);
        response.IsSuccessStatusCode.ShouldBeTrue($"{path}: {await response.Content.ReadAsStringAsync()}");
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    private static StringContent Text(string text, string mediaType) => new(text, Encoding.UTF8, mediaType);

    /// <param name="Http">Signed in.</param>
    private sealed record Person(HttpClient Http, string Username, string Subject, string Tenant) : IDisposable
    {
        public void Dispose() => Http.Dispose();
    }

    /// <summary>
    /// Brings what differs from run to run into a form that <see cref="Mask"/> knows: a short code stands twice, as a
    /// long one; the day in the name of a file becomes a word.
    /// </summary>
    private sealed partial class SteadyAnswers(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        private const int CodeLength = 19;

        /// <summary>The code of an answer, as it was before.</summary>
        public static string Code(JsonElement answer) => answer.GetProperty("code").GetString()![..CodeLength];

        protected override async Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            var headers = response.Content.Headers;
            if (headers.ContentDisposition?.FileName is { } name)
                headers.ContentDisposition.FileName = Day().Replace(name, "day");
            if (headers.ContentType?.MediaType != "application/json")
                return response;
            var type = headers.ContentType;
            var body = await response.Content.ReadAsStringAsync(cancellationToken);
            response.Content = new StringContent(ShortCode().Replace(body, "$1$2-$2\""));
            response.Content.Headers.ContentType = type;
            return response;
        }

        [GeneratedRegex("(\"code\":\")((?:[a-z2-9]{4}-){3}[a-z2-9]{4})\"")]
        private static partial Regex ShortCode();

        [GeneratedRegex(@"\d{4}-\d\d-\d\d")]
        private static partial Regex Day();
    }
}
