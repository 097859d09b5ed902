using System.Net;
using System.Text.Json;
using Lyceum.Contracts;
using Lyceum.SessionApi.Transcripts;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>What a tenant and its classes ask for, and whom it holds for.</summary>
public sealed class SafetyTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    private static readonly object Help = new { text = "Talk to Ms Noether.", contact = "room 12" };

    [Fact]
    public async Task Policy_OfTenantAndClass_TheStricterHoldsForItsStudentsAlone()
    {
        var school = await SchoolAsync();
        await school.PutAsync("/api/tenant/policy", new { questions = true, words = new[] { "wand" }, when_unavailable = "go_on" }, school.Owner);
        await school.PutAsync($"/api/classes/{school.Class}/policy", new
        {
            answers = true, by = "guard", words = new[] { "broom" }, help = Help, tell = new[] { school.Teacher.ToString() },
        }, school.TeacherToken);

        var student = await school.PolicyAsync(school.Student);
        var moderation = student.GetProperty("moderation");
        (moderation.GetProperty("questions").GetBoolean(), moderation.GetProperty("answers").GetBoolean()).ShouldBe((true, true));
        Texts(moderation.GetProperty("by")).ShouldBe(["words", "guard"]);
        Texts(moderation.GetProperty("words")).ShouldBe(["wand", "broom"]);
        moderation.GetProperty("when_unavailable").GetString().ShouldBe("refuse");
        moderation.GetProperty("help").GetProperty("contact").GetString().ShouldBe("room 12");
        Texts(student.GetProperty("tell")).ShouldBe([school.Teacher.ToString()]);
        student.GetProperty("class_id").GetGuid().ShouldBe(school.Class);

        foreach (var other in (string[])[school.Teacher.ToString(), school.OtherTeacher.ToString(), "ci"])
        {
            var policy = (await school.PolicyAsync(other)).GetProperty("moderation");
            (policy.GetProperty("questions").GetBoolean(), policy.GetProperty("answers").GetBoolean()).ShouldBe((true, false), other);
        }
        // At a tutor of another class that is shared with them, that class's.
        await school.ExecuteAsync(
            $"INSERT INTO classes VALUES ('{school.Free}', '{school.Tenant}', '{school.OtherTeacher}', 'free', 'progress', now());"
            + $"INSERT INTO class_members VALUES ('{school.Free}', '{school.Student}', '{school.Tenant}', 'progress', now(), now());"
            + $"INSERT INTO shares VALUES ('{school.Free}', 'tutor', '77', '{school.Tenant}', '{school.OtherTeacher}', now())");
        (await school.PolicyAsync(school.Student, 77)).GetProperty("moderation").GetProperty("answers").GetBoolean().ShouldBeFalse();
        (await school.PolicyAsync(school.Student, 78)).GetProperty("moderation").GetProperty("answers").GetBoolean().ShouldBeTrue();
        await school.ExecuteAsync($"UPDATE classes SET archived_at = now() WHERE id = '{school.Class}'");
        (await school.PolicyAsync(school.Student)).GetProperty("moderation").GetProperty("answers").GetBoolean().ShouldBeFalse();
    }

    [Fact]
    public async Task Policy_MayBeWrittenByWhoseItIs()
    {
        var school = await SchoolAsync();
        foreach (var token in (string[])[school.TeacherToken, school.StudentToken])
        {
            await (await school.SendAsync(HttpMethod.Get, "/api/tenant/policy", null, token)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_role");
            await (await school.SendAsync(HttpMethod.Put, "/api/tenant/policy", new { }, token)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_role");
        }
        var path = $"/api/classes/{school.Class}/policy";
        foreach (var token in (string[])[school.OtherTeacherToken, school.StudentToken, school.Stranger])
        {
            await (await school.SendAsync(HttpMethod.Get, path, null, token)).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
            await (await school.SendAsync(HttpMethod.Put, path, new { }, token)).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
        }
        await school.PutAsync(path, new { questions = true }, school.Owner);
        (await (await school.SendAsync(HttpMethod.Get, path, null, school.TeacherToken)).JsonAsync()).GetProperty("questions").GetBoolean().ShouldBeTrue();

        foreach (var wrong in (object[])
            [
                new { tell = new[] { school.Teacher.ToString() } }, new { block_self_harm = true },
                new { help = Help, tell = new[] { school.Student.ToString() } }, new { help = Help, tell = new[] { "nobody" } },
                new { help = new { text = "" } }, new { words = new[] { "" } }, new { words = new[] { new string('x', 65) } },
                new { words = Enumerable.Repeat("x", 501) }, new { words = new[] { "a\0b" } }, new { by = "magic" }, new { when_unavailable = 7 },
            ])
        {
            (await school.SendAsync(HttpMethod.Put, path, wrong, school.TeacherToken)).StatusCode.ShouldBe(
                HttpStatusCode.BadRequest, JsonSerializer.Serialize(wrong));
        }
    }

    [Fact]
    public async Task Consent_WhereItIsRequired_IsMissingUntilATeacherOfTheStudentRecordsIt()
    {
        var school = await SchoolAsync();
        (await school.PolicyAsync(school.Student)).TryGetProperty("consent_missing", out var missing).ShouldBeTrue();
        missing.GetBoolean().ShouldBeFalse();
        await school.PutAsync("/api/tenant/policy", new { guardian_consent_required = true }, school.Owner);
        (await school.PolicyAsync(school.Student)).GetProperty("consent_missing").GetBoolean().ShouldBeTrue();
        (await school.PolicyAsync(school.Teacher.ToString())).GetProperty("consent_missing").GetBoolean().ShouldBeFalse();
        var tutor = (await (await school.SendAsync(HttpMethod.Post, "/api/tutors", new { name = "t" }, school.StudentToken)).JsonAsync()).GetProperty("id").GetInt32();
        // Not even their own tutor: the session is refused before an engine is asked.
        (await school.SendAsync(HttpMethod.Post, $"/api/tutors/{tutor}/sessions", new { student_id = 1 }, school.StudentToken))
            .StatusCode.ShouldBeOneOf(HttpStatusCode.Forbidden, HttpStatusCode.ServiceUnavailable);

        var path = $"/api/tenant/consents/{school.Student}";
        await (await school.SendAsync(HttpMethod.Put, path, new { }, school.StudentToken)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_role");
        foreach (var token in (string[])[school.OtherTeacherToken, school.Stranger])
            await (await school.SendAsync(HttpMethod.Put, path, new { }, token)).ShouldBeProblem(HttpStatusCode.NotFound, "member_not_found");
        (await school.SendAsync(HttpMethod.Put, path, new { note = "form of 1 September" }, school.TeacherToken)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await school.PolicyAsync(school.Student)).GetProperty("consent_missing").GetBoolean().ShouldBeFalse();
        var listed = (await (await school.SendAsync(HttpMethod.Get, "/api/tenant/consents", null, school.Owner)).JsonAsync()).GetProperty("consents");
        var consent = listed.EnumerateArray().ShouldHaveSingleItem();
        (consent.GetProperty("person").GetString(), consent.GetProperty("recorded_by").GetString()).ShouldBe((school.Student, school.Teacher.ToString()));
        (await (await school.SendAsync(HttpMethod.Get, "/api/tenant/consents", null, school.OtherTeacherToken)).JsonAsync())
            .GetProperty("consents").GetArrayLength().ShouldBe(0);

        (await school.SendAsync(HttpMethod.Delete, path, null, school.Owner)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await school.PolicyAsync(school.Student)).GetProperty("consent_missing").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task Flags_OfLiveSessions_AreStoredOnce_AndShownToWhomTheSchoolNamed()
    {
        var school = await SchoolAsync();
        await school.PutAsync($"/api/classes/{school.Class}/policy", new { help = Help, tell = new[] { school.Teacher.ToString() } }, school.TeacherToken);
        var id = $"gpu-engine.{Guid.CreateVersion7()}";
        var at = new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);
        SessionTurnRecord[] records =
        [
            new(1, 1, "user", at, "a bad question"),
            new(2, 1, "flag", at, "bad", "refused", "hate", By: "words"),
            new(3, 1, "end", at, Status: "failed", FinishReason: "question_refused", Length: 0),
            new(4, 2, "user", at, "I am sad"),
            new(5, 2, "flag", at, "sad\0", "help", "self_harm", By: "guard"),
        ];
        var recorder = school.Sessions.Services.GetRequiredService<TranscriptRecorder>();
        for (var again = 0; again < 2; again++)
            await recorder.RecordAsync([new(id, school.Tenant, school.Student, records)], TestContext.Current.CancellationToken);

        foreach (var token in (string[])[school.TeacherToken, school.Owner])
        {
            var concern = (await school.FlagsAsync("/api/sessions/concerns", token)).ShouldHaveSingleItem();
            (concern.GetProperty("person").GetString(), concern.GetProperty("turn").GetInt32(), concern.GetProperty("by").GetString())
                .ShouldBe((school.Student, 2, "guard"));
        }
        (await school.FlagsAsync("/api/sessions/concerns", school.OtherTeacherToken)).ShouldBeEmpty();
        (await school.FlagsAsync("/api/sessions/concerns", school.Stranger)).ShouldBeEmpty();
        await (await school.SendAsync(HttpMethod.Get, "/api/sessions/concerns", null, school.StudentToken)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_role");
        (await school.FlagsAsync("/api/sessions/verdicts", school.Owner)).ShouldHaveSingleItem().GetProperty("category").GetString().ShouldBe("hate");
        await (await school.SendAsync(HttpMethod.Get, "/api/sessions/verdicts", null, school.TeacherToken)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_role");

        // The student says that the refusal is wrong; nobody else can, and help is no verdict.
        string Report(int turn) => $"/api/sessions/{id}/turns/{turn}/moderation/report";
        foreach (var (turn, token) in ((int, string)[])[(2, school.StudentToken), (7, school.StudentToken), (1, school.TeacherToken)])
        {
            await (await school.SendAsync(HttpMethod.Post, Report(turn), new { }, token))
                .ShouldBeProblem(HttpStatusCode.NotFound, "session_not_found");
        }
        (await school.FlagsAsync("/api/sessions/verdicts?reported=true", school.Owner)).ShouldBeEmpty();
        foreach (var reason in (string?[])[null, "It was history. 是历史。"])
        {
            (await school.SendAsync(HttpMethod.Post, Report(1), new { reason }, school.StudentToken)).StatusCode
                .ShouldBe(HttpStatusCode.NoContent);
        }
        await (await school.SendAsync(HttpMethod.Post, Report(1), new { reason = new string('x', 1001) }, school.StudentToken))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        var wrong = (await school.FlagsAsync("/api/sessions/verdicts?reported=true", school.Owner)).ShouldHaveSingleItem();
        (wrong.GetProperty("turn").GetInt32(), wrong.GetProperty("report").GetString()).ShouldBe((1, "It was history. 是历史。"));
        wrong.GetProperty("reported_at").ValueKind.ShouldBe(JsonValueKind.String);
        (await school.FlagsAsync("/api/sessions/verdicts?reported=false", school.Owner)).ShouldBeEmpty();
        // What an engine sends again changes nothing of it.
        await recorder.RecordAsync([new(id, school.Tenant, school.Student, records)], TestContext.Current.CancellationToken);
        (await school.FlagsAsync("/api/sessions/verdicts?reported=true", school.Owner)).Count.ShouldBe(1);

        // Who looked is written down where the student sees it.
        (await school.ScalarAsync($"SELECT count(*) FROM looks WHERE person = '{school.Student}' AND view = 'concern' AND viewer = '{school.Teacher}'")).ShouldBe(1L);
        var service = fixture.Identity.Token("chat-api", tenant: school.Tenant, sub: "chat-api", kind: "service", scope: "classes", act: school.OtherTeacher.ToString());
        (await school.SendAsync(HttpMethod.Post, "/internal/concerns/looks", new { persons = new[] { school.Student, school.Student } }, service)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await school.ScalarAsync($"SELECT count(*) FROM looks WHERE person = '{school.Student}' AND view = 'concern'")).ShouldBe(3L);

        // A session that goes on with this one does not know what was refused.
        var store = school.Sessions.Services.CreateScope().ServiceProvider.GetRequiredService<TranscriptStore>();
        var number = (long)(await school.ScalarAsync($"SELECT number FROM sessions WHERE id = '{id}'"))!;
        var caller = new Lyceum.ServiceDefaults.Auth.Caller(school.Tenant, school.Student, Lyceum.ServiceDefaults.Auth.CallerKind.User, new HashSet<string>());
        (await store.HistoryAsync(caller, number, TestContext.Current.CancellationToken)).Select(m => m.Content).ShouldBe(["I am sad"]);
    }

    private static IEnumerable<string?> Texts(JsonElement array) => array.EnumerateArray().Select(text => text.GetString());

    private async Task<School> SchoolAsync()
    {
        var sessions = await fixture.StartedAsync();
        var founder = await sessions.PersonAsync();
        var school = new School(sessions, fixture.Identity, founder.Tenant, founder.Id);
        await school.ExecuteAsync(string.Concat(
            new[] { (school.Teacher, "teacher"), (school.OtherTeacher, "teacher"), (Guid.Parse(school.Student), "student") }.Select(member =>
                "INSERT INTO accounts (id, tenant, username, name, password_hash, created_at, password_changed_at)"
                + $" VALUES ('{member.Item1}', '{school.Tenant}', '{member.Item1}', 'x', 'x', now(), now());"
                + $"INSERT INTO memberships (account_id, tenant, role, joined_at) VALUES ('{member.Item1}', '{school.Tenant}', '{member.Item2}', now());"))
            + $"INSERT INTO classes VALUES ('{school.Class}', '{school.Tenant}', '{school.Teacher}', 'class', 'progress', now());"
            + $"INSERT INTO class_members VALUES ('{school.Class}', '{school.Student}', '{school.Tenant}', 'progress', now(), now())");
        return school;
    }

    /// <summary>A tenant with an owner, two teachers, and a student in the class of one of them.</summary>
    private sealed record School(TestSessions Sessions, IdentityFolder Identity, string Tenant, Guid Founder)
    {
        public Guid Teacher { get; } = Guid.CreateVersion7();
        public Guid OtherTeacher { get; } = Guid.CreateVersion7();
        public string Student { get; } = Guid.CreateVersion7().ToString();
        public Guid Class { get; } = Guid.CreateVersion7();
        public Guid Free { get; } = Guid.CreateVersion7();

        public string Owner => Token(Founder, "owner");
        public string TeacherToken => Token(Teacher, "teacher");
        public string OtherTeacherToken => Token(OtherTeacher, "teacher");
        public string StudentToken => Token(Guid.Parse(Student), "student");
        public string Stranger => Identity.Token(sub: Teacher.ToString(), tenant: "another", kind: "user", scope: "classes", role: "teacher");

        private string Token(Guid sub, string role) =>
            Identity.Token(sub: sub.ToString(), tenant: Tenant, kind: "user", scope: "tutors sessions classes", role: role);

        public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object? body, string token) =>
            Sessions.SendAsync(method, path, body, token);

        public async Task PutAsync(string path, object policy, string token) =>
            (await SendAsync(HttpMethod.Put, path, policy, token)).StatusCode.ShouldBe(HttpStatusCode.OK);

        public async Task<JsonElement> PolicyAsync(string person, int? tutor = null)
        {
            var token = Identity.Token("chat-api", tenant: Tenant, sub: "chat-api", kind: "service", scope: "tutors", act: person);
            return await (await SendAsync(HttpMethod.Get, tutor is null ? "/internal/policy" : $"/internal/policy?tutor_id={tutor}", null, token)).JsonAsync();
        }

        public async Task<List<JsonElement>> FlagsAsync(string path, string token) =>
            [.. (await (await SendAsync(HttpMethod.Get, path, null, token)).JsonAsync()).GetProperty("flags").EnumerateArray()];

        public async Task<object?> ScalarAsync(string sql)
        {
            await using var command = Sessions.Database.CreateCommand(sql);
            return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
        }

        public Task<object?> ExecuteAsync(string sql) => ScalarAsync(sql);
    }
}
