using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Lyceum.Contracts;
using Lyceum.SessionApi.Transcripts;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Classes: who comes in, what they agree to, what is shared, and who saw what.</summary>
public sealed class ClassTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    private static readonly HttpMethod Get = HttpMethod.Get;

    /// <summary>A school: an owner, two teachers with a class each, a student of the first class and one of the second.</summary>
    private sealed record School(
        TestSessions Sessions, Person Owner, Person Teacher, Person Colleague, Person Student, Person Other, Guid Class, Guid OtherClass)
    {
        public Task<HttpResponseMessage> SendAsync(Person by, HttpMethod method, string path, object? body = null) =>
            Sessions.SendAsync(method, path, body, by.Identity());

        public async Task<JsonElement> JsonAsync(Person by, HttpMethod method, string path, object? body = null)
        {
            var response = await SendAsync(by, method, path, body);
            response.IsSuccessStatusCode.ShouldBeTrue($"{method} {path}: {await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)}");
            return await response.JsonAsync();
        }
    }

    private async Task<School> SchoolAsync(string visibility = "progress")
    {
        var sessions = await fixture.StartedAsync();
        var owner = await sessions.PersonAsync();
        await sessions.SendAsync(HttpMethod.Patch, "/api/tenant", new { name = "第一小学" }, owner.Identity());
        var (teacher, colleague) = (await MembershipTests.InvitedAsync(sessions, owner, "teacher"), await MembershipTests.InvitedAsync(sessions, owner, "teacher"));
        var (one, other) = (await ClassAsync(sessions, teacher, visibility), await ClassAsync(sessions, colleague, visibility));
        return new(
            sessions, owner, teacher, colleague, await StudentAsync(sessions, teacher, one), await StudentAsync(sessions, colleague, other), one, other);
    }

    private static async Task<Guid> ClassAsync(TestSessions sessions, Person teacher, string visibility = "progress")
    {
        var made = await sessions.PostAsync("/api/classes", new { name = "三年级 · 5b", visibility }, teacher.Identity());
        made.StatusCode.ShouldBe(HttpStatusCode.Created);
        return (await made.JsonAsync()).GetProperty("id").GetGuid();
    }

    private static async Task<Person> StudentAsync(TestSessions sessions, Person teacher, Guid id) => await MembershipTests.RegisteredAsync(
        sessions, await MembershipTests.InviteAsync(sessions, teacher, "student", id, uses: 5));

    private string Service(Person person) => fixture.Identity.Token(
        "chat-api", tenant: person.Tenant, sub: "chat-api", kind: "service", scope: "tutors classes", act: person.Id.ToString());

    [Fact]
    public async Task JoinCode_SaysClassAndVisibility_BeforeOneJoins_AndTheConsentIsStored()
    {
        var school = await SchoolAsync("conversations");
        var code = await MembershipTests.InviteAsync(school.Sessions, school.Teacher, "student", school.Class, uses: 3);
        code.Length.ShouldBe(14); // three groups of four, to be typed

        var said = await (await school.Sessions.SendAsync(Get, $"/api/classes/join/{code}")).JsonAsync();
        said.GetProperty("name").GetString().ShouldBe("三年级 · 5b");
        said.GetProperty("visibility").GetString().ShouldBe("conversations");
        said.GetProperty("organisation").GetString().ShouldBe("第一小学");
        await (await school.Sessions.SendAsync(Get, "/api/classes/join/no-such-code")).ShouldBeProblem(HttpStatusCode.Forbidden, "invalid_invitation");

        // Somebody with an account elsewhere.
        var founder = await school.Sessions.PersonAsync();
        await (await school.SendAsync(founder, HttpMethod.Post, "/api/classes/join", new { code, visibility = "progress" })).ShouldBeProblem(HttpStatusCode.Conflict, "conflict");
        (await school.JsonAsync(founder, Get, "/api/me")).GetProperty("memberships").GetArrayLength().ShouldBe(1); // nothing half done
        for (var i = 0; i < 2; i++)
        {
            (await school.JsonAsync(founder, HttpMethod.Post, "/api/classes/join", new { code, visibility = "conversations" }))
                .GetProperty("tenant").GetString().ShouldBe(school.Owner.Tenant);
        }
        var members = (await school.JsonAsync(school.Teacher, Get, $"/api/classes/{school.Class}/members")).GetProperty("members");
        var joined = members.EnumerateArray().Single(m => m.GetProperty("subject").GetString() == founder.Id.ToString());
        joined.GetProperty("visibility").GetString().ShouldBe("conversations");
        joined.GetProperty("agreed_at").GetDateTimeOffset().ShouldBe(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(5));
        // Joined twice, it is used once.
        var invitation = (await school.JsonAsync(school.Teacher, Get, "/api/auth/invitations")).GetProperty("invitations")[0];
        (invitation.GetProperty("uses").GetInt32(), invitation.GetProperty("max_uses").GetInt32()).ShouldBe((1, 3));
    }

    [Fact]
    public async Task JoinCode_ManyAtOnce_ExactlyAsManyAsItIsFor()
    {
        var school = await SchoolAsync();
        var code = await MembershipTests.InviteAsync(school.Sessions, school.Teacher, "student", school.Class, uses: 3);
        var people = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => school.Sessions.PersonAsync()));

        var answers = await Task.WhenAll(people.Select(person => school.SendAsync(person, HttpMethod.Post, "/api/classes/join", new { code })));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.OK).ShouldBe(3);
        foreach (var refused in answers.Where(answer => answer.StatusCode != HttpStatusCode.OK))
            await refused.ShouldBeProblem(HttpStatusCode.Forbidden, "invalid_invitation");
        (await school.JsonAsync(school.Teacher, Get, $"/api/classes/{school.Class}")).GetProperty("students").GetInt32().ShouldBe(4);
        // One person, twice at once.
        var again = await MembershipTests.InviteAsync(school.Sessions, school.Teacher, "student", school.Class, uses: 9);
        var person = await school.Sessions.PersonAsync();
        (await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => school.SendAsync(person, HttpMethod.Post, "/api/classes/join", new { code = again }))))
            .ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
        (await school.JsonAsync(school.Teacher, Get, $"/api/classes/{school.Class}")).GetProperty("students").GetInt32().ShouldBe(5);
    }

    [Fact]
    public async Task Class_IsSeenByItsOwn_AndByNobodyElse()
    {
        var school = await SchoolAsync();
        var stranger = await school.Sessions.PersonAsync();
        var path = $"/api/classes/{school.Class}";
        foreach (var who in (Person[])[school.Owner, school.Teacher, school.Student])
            (await school.JsonAsync(who, Get, path)).GetProperty("manages").GetBoolean().ShouldBe(who != school.Student);
        foreach (var who in (Person[])[school.Colleague, school.Other, stranger])
        {
            await (await school.SendAsync(who, Get, path)).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
            await (await school.SendAsync(who, Get, $"{path}/shares")).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
        }
        (await school.JsonAsync(school.Owner, Get, "/api/classes")).GetProperty("classes").GetArrayLength().ShouldBe(2);
        foreach (var who in (Person[])[school.Teacher, school.Student])
            (await school.JsonAsync(who, Get, "/api/classes")).GetProperty("classes").GetArrayLength().ShouldBe(1);
        (await school.JsonAsync(school.Student, Get, path)).GetProperty("students").ValueKind.ShouldBe(JsonValueKind.Null);

        // What is the teacher's: the scope is another matter, tested at the edge.
        foreach (var who in (Person[])[school.Colleague, school.Other, stranger, school.Student])
        {
            foreach (var (method, rest, body) in ((HttpMethod, string, object?)[])
                [
                    (HttpMethod.Patch, "", new { name = "mine now" }), (Get, "/members", null),
                    (HttpMethod.Delete, $"/members/{school.Student.Id}", null), (HttpMethod.Post, "/shares", new { kind = "tutor", id = "1" }),
                    (HttpMethod.Delete, "/shares/tutor/1", null), (HttpMethod.Post, $"/students/{school.Student.Id}/reset", null),
                    (HttpMethod.Post, "/students", null),
                ])
                await (await school.SendAsync(who, method, path + rest, body)).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
        }
        await (await school.SendAsync(school.Student, HttpMethod.Post, "/api/classes", new { name = "x" })).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_role");
        // A teacher invites into their own class alone.
        await (await school.SendAsync(school.Colleague, HttpMethod.Post, "/api/auth/invitations", new { role = "student", class_id = school.Class }))
            .ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
    }

    [Fact]
    public async Task SharedTutor_IsUsed_WithoutItsInstructions_UntilTheShareEnds()
    {
        var school = await SchoolAsync();
        var stranger = await school.Sessions.PersonAsync();
        await school.JsonAsync(school.Teacher, HttpMethod.Put, "/api/kb/biology-" + school.Class, new { });
        await UploadAsync(school, "/api/kb/biology-" + school.Class, "plain heron");
        var tutor = (await school.JsonAsync(school.Teacher, HttpMethod.Post, "/api/tutors",
            new { name = "Ms Noether", instructions = "the secret recipe", kb_id = "biology-" + school.Class, mode = "guide" })).GetProperty("id").GetInt32();
        await (await UseAsync(school.Student, tutor)).ShouldBeProblem(HttpStatusCode.NotFound, "tutor_not_found");
        await (await SearchAsync(school.Student)).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");
        await (await school.SendAsync(school.Colleague, HttpMethod.Post, $"/api/classes/{school.OtherClass}/shares", new { kind = "tutor", id = $"{tutor}" }))
            .ShouldBeProblem(HttpStatusCode.NotFound, "tutor_not_found"); // another's tutor is not theirs to share

        for (var i = 0; i < 2; i++)
            await school.JsonAsync(school.Teacher, HttpMethod.Post, $"/api/classes/{school.Class}/shares", new { kind = "tutor", id = $"0{tutor}" });

        var used = await (await UseAsync(school.Student, tutor)).JsonAsync();
        (used.GetProperty("instructions").GetString(), used.GetProperty("mode").GetString(), used.GetProperty("class_id").GetGuid())
            .ShouldBe(("the secret recipe", "guide", school.Class));
        (await (await UseAsync(school.Teacher, tutor)).JsonAsync()).GetProperty("class_id").ValueKind.ShouldBe(JsonValueKind.Null);
        foreach (var tutor_id in (int?[])[null, tutor])
            (await (await SearchAsync(school.Student, tutor_id)).JsonAsync()).GetProperty("passages").GetArrayLength().ShouldBe(1);
        await (await SearchAsync(school.Student, tutor + 1000)).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");
        var shares = await (await school.Sessions.SendAsync(Get, "/internal/shares?kind=tutor", token: Service(school.Student))).JsonAsync();
        shares.GetProperty("items")[0].GetRawText().ShouldBe(
            $$"""{"kind":"tutor","id":"{{tutor}}","owner":"{{school.Teacher.Id}}","class_id":"{{school.Class}}"}""");
        // The student sees it, and nothing of what it is told.
        var listed = await school.JsonAsync(school.Student, Get, "/api/me/tutors");
        listed.GetRawText().ShouldNotContain("recipe");
        listed.GetProperty("tutors")[0].GetProperty("mine").GetBoolean().ShouldBeFalse();
        await (await school.SendAsync(school.Student, Get, $"/api/tutors/{tutor}")).ShouldBeProblem(HttpStatusCode.NotFound, "tutor_not_found");
        // Nor does anybody of another class, or another tenant; a colleague has no more right to it than they.
        foreach (var who in (Person[])[school.Other, school.Colleague, stranger])
        {
            await (await UseAsync(who, tutor)).ShouldBeProblem(HttpStatusCode.NotFound, "tutor_not_found");
            await (await SearchAsync(who)).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");
            await (await school.SendAsync(who, HttpMethod.Post, $"/api/tutors/{tutor}/sessions", new { student_id = 1 })).ShouldBeProblem(HttpStatusCode.NotFound, "tutor_not_found");
        }
        // Archived, the class shares nothing; and it comes back with it.
        await school.JsonAsync(school.Teacher, HttpMethod.Patch, $"/api/classes/{school.Class}", new { archived = true });
        await (await UseAsync(school.Student, tutor)).ShouldBeProblem(HttpStatusCode.NotFound, "tutor_not_found");
        await (await SearchAsync(school.Student)).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");
        await school.JsonAsync(school.Teacher, HttpMethod.Patch, $"/api/classes/{school.Class}", new { archived = false });
        (await UseAsync(school.Student, tutor)).StatusCode.ShouldBe(HttpStatusCode.OK);

        (await school.SendAsync(school.Teacher, HttpMethod.Delete, $"/api/classes/{school.Class}/shares/tutor/{tutor}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await (await UseAsync(school.Student, tutor)).ShouldBeProblem(HttpStatusCode.NotFound, "tutor_not_found");
        await (await SearchAsync(school.Student)).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");

        Task<HttpResponseMessage> UseAsync(Person who, int id) => school.Sessions.SendAsync(Get, $"/internal/tutors/{id}", token: Service(who));
        Task<HttpResponseMessage> SearchAsync(Person who, int? tutor_id = null) => school.Sessions.PostAsync(
            "/internal/retrieval/biology-" + school.Class, new { query = "heron", tutor_id }, Service(who));
    }

    [Fact]
    public async Task CitedDocument_OpensForTheStudentsOfTheTutor_AsText_UntilTheShareEnds()
    {
        var school = await SchoolAsync();
        var stranger = await school.Sessions.PersonAsync();
        var kb = "birds-" + school.Class;
        await school.JsonAsync(school.Teacher, HttpMethod.Put, $"/api/kb/{kb}", new { });
        await UploadAsync(school, $"/api/kb/{kb}", "plain heron");
        await school.JsonAsync(school.Teacher, HttpMethod.Put, $"/api/kb/exam-{school.Class}", new { });
        await UploadAsync(school, $"/api/kb/exam-{school.Class}", "secret answers");
        var document = await DocumentAsync(kb);
        var tutor = (await school.JsonAsync(school.Teacher, HttpMethod.Post, "/api/tutors", new { name = "t", kb_id = kb })).GetProperty("id").GetInt32();
        var path = $"/api/kb/{kb}/documents/{document}";
        await NothingAsync(school.Student);
        await school.JsonAsync(school.Teacher, HttpMethod.Post, $"/api/classes/{school.Class}/shares", new { kind = "tutor", id = $"{tutor}" });

        foreach (var query in (string[])["", $"?tutor_id={tutor}"])
        {
            (await (await school.SendAsync(school.Student, Get, $"{path}/content{query}")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken))
                .ShouldContain("plain heron");
            (await school.JsonAsync(school.Student, Get, $"{path}/passages{query}")).GetProperty("passages")[0].GetProperty("text").GetString()
                .ShouldBe("plain heron");
        }
        // The text, and nothing beside it: not the file, not the list, not another base's document below this one's name.
        await (await school.SendAsync(school.Student, Get, $"{path}/content?original=true")).ShouldBeProblem(HttpStatusCode.NotFound, "document_not_found");
        (await school.SendAsync(school.Teacher, Get, $"{path}/content?original=true&tutor_id={tutor}")).StatusCode.ShouldBe(HttpStatusCode.OK);
        foreach (var rest in (string[])["", "/documents", $"/documents/{document}", "/search?q=heron"])
            await (await school.SendAsync(school.Student, Get, $"/api/kb/{kb}{rest}")).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");
        var other = await DocumentAsync($"exam-{school.Class}");
        await (await school.SendAsync(school.Student, Get, $"/api/kb/{kb}/documents/{other}/content?tutor_id={tutor}")).ShouldBeProblem(HttpStatusCode.NotFound, "document_not_found");
        await (await school.SendAsync(school.Student, Get, $"/api/kb/exam-{school.Class}/documents/{other}/content?tutor_id={tutor}"))
            .ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");
        await (await school.SendAsync(school.Student, Get, $"{path}/content?tutor_id={tutor + 1000}")).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");
        (await school.SendAsync(school.Student, Get, $"{path}/content?tutor_id=x")).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        foreach (var who in (Person[])[school.Other, school.Colleague, school.Owner, stranger])
            await NothingAsync(who);

        (await school.SendAsync(school.Teacher, HttpMethod.Delete, $"/api/classes/{school.Class}/shares/tutor/{tutor}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await NothingAsync(school.Student);

        async Task<string> DocumentAsync(string of) => (await school.JsonAsync(school.Teacher, Get, $"/api/kb/{of}/documents"))
            .GetProperty("documents")[0].GetProperty("id").GetString()!;

        async Task NothingAsync(Person who)
        {
            foreach (var rest in (string[])["content", "passages", $"content?tutor_id={tutor}", $"passages?tutor_id={tutor}"])
                await (await school.SendAsync(who, Get, $"{path}/{rest}")).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");
        }
    }

    /// <summary>A tutor names a knowledge base by its slug, which may be a colleague's.</summary>
    [Fact]
    public async Task SharedTutor_ThatNamesAnothersKnowledge_OpensIt_ToNobody()
    {
        var school = await SchoolAsync();
        var kb = "exam-" + school.Class;
        await school.JsonAsync(school.Colleague, HttpMethod.Put, $"/api/kb/{kb}", new { });
        var tutor = (await school.JsonAsync(school.Teacher, HttpMethod.Post, "/api/tutors", new { name = "t", kb_id = kb })).GetProperty("id").GetInt32();
        await school.JsonAsync(school.Teacher, HttpMethod.Post, $"/api/classes/{school.Class}/shares", new { kind = "tutor", id = $"{tutor}" });

        foreach (var who in (Person[])[school.Student, school.Teacher])
        {
            await (await school.Sessions.PostAsync($"/internal/retrieval/{kb}", new { query = "heron", tutor_id = tutor }, Service(who)))
                .ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");
        }
    }

    [Fact]
    public async Task Transcripts_AreSeenByTheClassesTeachers_OfWhoAgrees_WithTheClassesTutors()
    {
        var school = await SchoolAsync("conversations");
        var quiet = await StudentAsync(school.Sessions, school.Teacher, school.Class);
        await school.JsonAsync(quiet, HttpMethod.Put, $"/api/classes/{school.Class}/visibility", new { visibility = "progress" });
        var (shared, own) = (await TutorAsync(), await TutorAsync());
        await school.JsonAsync(school.Teacher, HttpMethod.Post, $"/api/classes/{school.Class}/shares", new { kind = "tutor", id = $"{shared}" });
        var (first, second) = (await SaidAsync(school.Student, "first 天空", shared), await SaidAsync(school.Student, "second", shared));
        foreach (var (who, tutor, before) in ((Person, int, bool)[])[(school.Student, own, false), (quiet, shared, false), (school.Other, shared, false), (school.Student, shared, true)])
            await SaidAsync(who, "hidden", tutor, before);
        var path = $"/api/classes/{school.Class}/transcripts";

        var page = await school.JsonAsync(school.Teacher, Get, $"{path}?limit=1");
        var rest = await school.JsonAsync(school.Teacher, Get, $"{path}?limit=1&cursor={page.GetProperty("next_cursor").GetString()}");
        (Ids(page), Ids(rest), rest.GetProperty("next_cursor").ValueKind).ShouldBe((second, first, JsonValueKind.Null));
        (page.GetRawText() + rest.GetRawText()).ShouldNotContain(school.Student.Id.ToString()); // no names
        var read = await school.JsonAsync(school.Owner, Get, $"{path}/{first}");
        var turn = read.GetProperty("turns")[0];
        (turn.GetProperty("question").GetString(), turn.GetProperty("answer").GetString()).ShouldBe(("first 天空", "first 天空"));
        (turn.GetProperty("thinking").ValueKind, read.GetRawText().Contains(school.Student.Id.ToString())).ShouldBe((JsonValueKind.Null, false));
        (await school.JsonAsync(school.Student, Get, "/api/me/audit")).GetProperty("looks").EnumerateArray()
            .Select(look => (look.GetProperty("view").GetString(), look.GetProperty("viewer_name").GetString()))
            .ShouldBe([("transcripts", school.Owner.Username), ("transcripts", school.Teacher.Username)], ignoreOrder: true);
        foreach (var unseen in (Person[])[quiet, school.Other])
            (await school.JsonAsync(unseen, Get, "/api/me/audit")).GetProperty("looks").GetArrayLength().ShouldBe(0);

        foreach (var who in (Person[])[school.Colleague, school.Student, school.Other, await school.Sessions.PersonAsync()])
        {
            await (await school.SendAsync(who, Get, path)).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
            await (await school.SendAsync(who, Get, $"{path}/{first}")).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
        }
        await (await school.SendAsync(school.Colleague, Get, $"/api/classes/{school.OtherClass}/transcripts/{first}")).ShouldBeProblem(HttpStatusCode.NotFound, "session_not_found");
        await (await school.SendAsync(school.Teacher, Get, $"{path}?cursor=x")).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_cursor");
        await (await school.SendAsync(school.Teacher, Get, $"{path}?limit=101")).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");

        // A refused question is not shown; and who takes it back, or whose tutor is not the class's any more, is not.
        await ExecuteAsync($"INSERT INTO session_flags SELECT number, 1, tenant, subject, id, 1, 'refused', 'words', 'c', 'q', now() FROM sessions WHERE id = '{first}'");
        (await school.JsonAsync(school.Teacher, Get, $"{path}/{first}")).GetProperty("turns").GetArrayLength().ShouldBe(0);
        await school.JsonAsync(school.Student, HttpMethod.Put, $"/api/classes/{school.Class}/visibility", new { visibility = "progress" });
        (await school.JsonAsync(school.Teacher, Get, path)).GetProperty("transcripts").GetArrayLength().ShouldBe(0);
        await (await school.SendAsync(school.Teacher, Get, $"{path}/{second}")).ShouldBeProblem(HttpStatusCode.NotFound, "session_not_found");

        static string Ids(JsonElement page) => page.GetProperty("transcripts").EnumerateArray().Single().GetProperty("session_id").GetString()!;

        async Task<int> TutorAsync() =>
            (await school.JsonAsync(school.Teacher, HttpMethod.Post, "/api/tutors", new { name = "t" })).GetProperty("id").GetInt32();

        async Task<string> SaidAsync(Person who, string text, int tutor, bool before = false)
        {
            var at = DateTimeOffset.UtcNow;
            var turns = new SessionTurns($"gpu-engine.{Guid.CreateVersion7()}", who.Tenant, who.Id.ToString(),
            [
                new(1, 1, "user", at, text), new(2, 1, "thinking", at, "hm"), new(3, 1, "delta", at, text),
                new(4, 1, "end", at, Status: "complete", FinishReason: "stop", Length: Encoding.UTF8.GetByteCount(text)),
            ]);
            await school.Sessions.Services.GetRequiredService<TranscriptRecorder>().RecordAsync([turns], TestContext.Current.CancellationToken);
            await ExecuteAsync($"UPDATE sessions SET tutor_id = {tutor}, created_at = now() - interval '{(before ? 1 : 0)} days' WHERE id = '{turns.SessionId}'");
            return turns.SessionId;
        }

        async Task ExecuteAsync(string sql)
        {
            await using var command = school.Sessions.Database.CreateCommand(sql);
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task SeveralTeachers_TeachAClass_AndItIsHandedOver()
    {
        var school = await SchoolAsync();
        var path = $"/api/classes/{school.Class}";
        var (teacher, colleague, third) = (school.Teacher, school.Colleague, await MembershipTests.InvitedAsync(school.Sessions, school.Owner, "teacher"));
        var stranger = await school.Sessions.PersonAsync();
        foreach (var nobody in (string[])[school.Student.Id.ToString(), stranger.Id.ToString(), "owner", "x"])
            await (await school.SendAsync(teacher, HttpMethod.Put, $"{path}/teachers/{nobody}")).ShouldBeProblem(HttpStatusCode.NotFound, "member_not_found");

        for (var i = 0; i < 2; i++)
            (await school.SendAsync(teacher, HttpMethod.Put, $"{path}/teachers/{colleague.Id}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        // They do what its teacher does with it: see it, look at it, invite, share their own, set its policy.
        (await school.JsonAsync(colleague, Get, path)).GetProperty("manages").GetBoolean().ShouldBeTrue();
        (await school.JsonAsync(colleague, Get, "/api/classes")).GetProperty("classes").GetArrayLength().ShouldBe(2);
        (await school.Sessions.PostAsync($"/internal/classes/{school.Class}/looks", new { view = "overview" }, Service(colleague))).StatusCode.ShouldBe(HttpStatusCode.OK);
        await StudentAsync(school.Sessions, colleague, school.Class);
        await school.JsonAsync(colleague, HttpMethod.Put, $"{path}/policy", new { answers = true });
        (await school.SendAsync(colleague, HttpMethod.Put, $"/api/tenant/consents/{school.Student.Id}", new { note = "form" })).IsSuccessStatusCode.ShouldBeTrue();
        var tutor = (await school.JsonAsync(colleague, HttpMethod.Post, "/api/tutors", new { name = "t" })).GetProperty("id").GetInt32();
        await school.JsonAsync(colleague, HttpMethod.Post, $"{path}/shares", new { kind = "tutor", id = $"{tutor}" });
        (await TeachersAsync(colleague)).ShouldBe([(teacher.Id.ToString(), true), (colleague.Id.ToString(), false)]);
        // But who else teaches it, says who has it.
        await (await school.SendAsync(colleague, HttpMethod.Put, $"{path}/teachers/{third.Id}")).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_role");
        await (await school.SendAsync(colleague, HttpMethod.Post, $"{path}/hand-over", new { to = colleague.Id })).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_role");
        await (await school.SendAsync(third, HttpMethod.Put, $"{path}/teachers/{third.Id}")).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
        await (await school.SendAsync(teacher, HttpMethod.Delete, $"{path}/teachers/{teacher.Id}")).ShouldBeProblem(HttpStatusCode.Conflict, "conflict");

        await (await school.SendAsync(teacher, HttpMethod.Post, $"{path}/hand-over", new { to = school.Student.Id })).ShouldBeProblem(HttpStatusCode.NotFound, "member_not_found");
        (await school.JsonAsync(teacher, HttpMethod.Post, $"{path}/hand-over", new { to = colleague.Id })).GetProperty("teacher").GetString().ShouldBe(colleague.Id.ToString());

        await (await school.SendAsync(teacher, Get, path)).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
        (await TeachersAsync(colleague)).ShouldBe([(colleague.Id.ToString(), true)]);
        // An owner hands over too, and lets teach; who teaches it may end that themselves.
        (await school.SendAsync(school.Owner, HttpMethod.Put, $"{path}/teachers/{third.Id}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await school.SendAsync(third, HttpMethod.Delete, $"{path}/teachers/{third.Id}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await (await school.SendAsync(third, Get, path)).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
        await school.JsonAsync(school.Owner, HttpMethod.Post, $"{path}/hand-over", new { to = third.Id });
        (await TeachersAsync(third)).ShouldBe([(third.Id.ToString(), true)]);

        async Task<List<(string?, bool)>> TeachersAsync(Person who) =>
        [
            .. (await school.JsonAsync(who, Get, $"{path}/teachers")).GetProperty("teachers").EnumerateArray()
                .Select(each => (each.GetProperty("subject").GetString(), each.GetProperty("has_it").GetBoolean())),
        ];
    }

    [Theory]
    [InlineData("removed")]
    [InlineData("student")]
    [InlineData("left")]
    public async Task TeacherWhoTeachesNoMore_LeavesTheirClassToAnOwner(string how)
    {
        var school = await SchoolAsync();
        await school.SendAsync(school.Colleague, HttpMethod.Put, $"/api/classes/{school.OtherClass}/teachers/{school.Teacher.Id}");
        var gone = how switch
        {
            "removed" => await school.SendAsync(school.Owner, HttpMethod.Delete, $"/api/members/{school.Teacher.Id}"),
            "student" => await school.SendAsync(school.Owner, HttpMethod.Patch, $"/api/members/{school.Teacher.Id}", new { role = "student" }),
            _ => await school.SendAsync(school.Teacher, HttpMethod.Delete, $"/api/me/memberships/{school.Owner.Tenant}"),
        };
        gone.IsSuccessStatusCode.ShouldBeTrue();

        (await school.JsonAsync(school.Owner, Get, $"/api/classes/{school.Class}")).GetProperty("teacher").GetString().ShouldBe(school.Owner.Id.ToString());
        (await school.JsonAsync(school.Colleague, Get, $"/api/classes/{school.OtherClass}/teachers")).GetProperty("teachers").GetArrayLength().ShouldBe(1);
        // Those who are still there keep theirs, whatever they become beside it.
        await school.JsonAsync(school.Owner, HttpMethod.Patch, $"/api/members/{school.Colleague.Id}", new { role = "owner" });
        await school.JsonAsync(school.Owner, HttpMethod.Patch, $"/api/members/{school.Colleague.Id}", new { role = "teacher" });
        (await school.JsonAsync(school.Owner, Get, $"/api/classes/{school.OtherClass}")).GetProperty("teacher").GetString().ShouldBe(school.Colleague.Id.ToString());
    }

    [Fact]
    public async Task Look_IsRecordedBeforeItIsAnswered_AndShownToTheStudent()
    {
        var school = await SchoolAsync("conversations");
        var quiet = await StudentAsync(school.Sessions, school.Teacher, school.Class);
        await school.JsonAsync(quiet, HttpMethod.Put, $"/api/classes/{school.Class}/visibility", new { visibility = "progress" });
        var roadmap = Guid.CreateVersion7();
        await school.JsonAsync(school.Teacher, HttpMethod.Post, $"/api/classes/{school.Class}/shares", new { kind = "roadmap", id = roadmap });

        var overview = await (await LookAsync(school.Teacher, new { view = "overview" })).JsonAsync();
        var questions = await (await LookAsync(school.Owner, new { view = "questions" })).JsonAsync();
        for (var i = 0; i < 2; i++)
            (await LookAsync(school.Teacher, new { view = "student", student = school.Student.Id })).StatusCode.ShouldBe(HttpStatusCode.OK);

        overview.GetProperty("students").GetArrayLength().ShouldBe(2);
        overview.GetProperty("shares")[0].GetProperty("id").GetGuid().ShouldBe(roadmap);
        questions.GetProperty("students").EnumerateArray().Select(s => (s.GetProperty("subject").GetString(), s.GetProperty("visibility").GetString()))
            .ShouldBe([(school.Student.Id.ToString(), "conversations")]);
        (await AuditAsync(school.Student)).ShouldBe(
            [("questions", school.Owner.Username), ("overview", school.Teacher.Username), ("student", school.Teacher.Username)], ignoreOrder: true);
        (await AuditAsync(quiet)).ShouldBe([("overview", school.Teacher.Username)]);
        (await AuditAsync(school.Other)).ShouldBeEmpty();

        // Whoever may not look is told nothing, and nothing is written.
        var stranger = await school.Sessions.PersonAsync();
        foreach (var who in (Person[])[school.Student, school.Other, school.Colleague, stranger])
            await (await LookAsync(who, new { view = "overview" })).ShouldBeProblem(HttpStatusCode.NotFound, "class_not_found");
        await (await LookAsync(school.Teacher, new { view = "student", student = school.Other.Id })).ShouldBeProblem(HttpStatusCode.NotFound, "member_not_found");
        (await AuditAsync(school.Other)).ShouldBeEmpty();
        // Who has left is not looked at any more, and keeps what was written.
        (await school.SendAsync(school.Student, HttpMethod.Post, $"/api/classes/{school.Class}/leave")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await (await LookAsync(school.Teacher, new { view = "student", student = school.Student.Id })).ShouldBeProblem(HttpStatusCode.NotFound, "member_not_found");
        (await AuditAsync(school.Student)).Count.ShouldBe(3);

        Task<HttpResponseMessage> LookAsync(Person who, object look) =>
            school.Sessions.PostAsync($"/internal/classes/{school.Class}/looks", look, Service(who));
        async Task<List<(string?, string?)>> AuditAsync(Person who) =>
            [.. (await school.JsonAsync(who, Get, "/api/me/audit")).GetProperty("looks").EnumerateArray()
                .Select(look => (look.GetProperty("view").GetString(), look.GetProperty("viewer_name").GetString()))];
    }

    [Fact]
    public async Task Visibility_ChangedByTheTeacher_BindsNobodyWhoJoinedBefore()
    {
        var school = await SchoolAsync();

        await school.JsonAsync(school.Teacher, HttpMethod.Patch, $"/api/classes/{school.Class}", new { visibility = "conversations" });

        (await school.JsonAsync(school.Student, Get, $"/api/classes/{school.Class}")).GetProperty("agreed").GetString().ShouldBe("progress");
        (await school.JsonAsync(school.Student, HttpMethod.Put, $"/api/classes/{school.Class}/visibility", new { visibility = "conversations" }))
            .GetProperty("agreed").GetString().ShouldBe("conversations");
        await (await school.SendAsync(school.Other, HttpMethod.Put, $"/api/classes/{school.OtherClass}/visibility", new { visibility = "conversations" }))
            .ShouldBeProblem(HttpStatusCode.Conflict, "conflict");
    }

    [Fact]
    public async Task ArchivedClass_TakesNobodyIn()
    {
        var school = await SchoolAsync();
        var code = await MembershipTests.InviteAsync(school.Sessions, school.Teacher, "student", school.Class, uses: 3);
        await school.JsonAsync(school.Teacher, HttpMethod.Patch, $"/api/classes/{school.Class}", new { archived = true });
        var person = await school.Sessions.PersonAsync();

        await (await school.Sessions.SendAsync(Get, $"/api/classes/join/{code}")).ShouldBeProblem(HttpStatusCode.Forbidden, "invalid_invitation");
        await (await school.SendAsync(person, HttpMethod.Post, "/api/classes/join", new { code })).ShouldBeProblem(HttpStatusCode.Forbidden, "invalid_invitation");
        (await school.JsonAsync(person, Get, "/api/me")).GetProperty("memberships").GetArrayLength().ShouldBe(1);
        await (await school.SendAsync(school.Teacher, HttpMethod.Post, "/api/auth/invitations", new { role = "student", class_id = school.Class }))
            .ShouldBeProblem(HttpStatusCode.Conflict, "conflict");
        await (await CsvAsync(school, "Ada")).ShouldBeProblem(HttpStatusCode.Conflict, "conflict");
    }

    [Fact]
    public async Task StudentsOfAList_SignInWithTheirCodes_AndAreResetByTheirTeacher()
    {
        var school = await SchoolAsync("conversations");
        var made = await CsvAsync(school, "\uFEFFname,username\r\n\"Lovelace, Ada\",\r\n王小明,xiaoming-" + school.Class.ToString("N")[..8] + "\r\n王小明\r\n\r\n");
        made.StatusCode.ShouldBe(HttpStatusCode.Created);
        var students = (await made.JsonAsync()).GetProperty("students").EnumerateArray().ToList();

        students.Select(s => s.GetProperty("name").GetString()).ShouldBe(["Lovelace, Ada", "王小明", "王小明"]);
        students[0].GetProperty("username").GetString().ShouldStartWith("lovelaceada-");
        students[2].GetProperty("username").GetString().ShouldStartWith("student-");
        var (username, code) = (students[1].GetProperty("username").GetString()!, students[1].GetProperty("code").GetString()!);
        (await school.Sessions.PostAsync("/api/auth/first-password", new { username, code, new_password = "short" })).StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        var signedIn = await school.Sessions.PostAsync("/api/auth/first-password", new { username, code, new_password = TestSessions.Password });
        signedIn.StatusCode.ShouldBe(HttpStatusCode.OK);
        var xiaoming = Person.Of(await signedIn.JsonAsync(), fixture.Identity);
        // Nobody agreed for them.
        var seen = await school.JsonAsync(xiaoming, Get, $"/api/classes/{school.Class}");
        (seen.GetProperty("visibility").GetString(), seen.GetProperty("agreed").GetString()).ShouldBe(("conversations", "progress"));
        (await school.JsonAsync(school.Teacher, Get, $"/api/classes/{school.Class}/members")).GetProperty("members").GetArrayLength().ShouldBe(4);

        // Their teacher resets them; a colleague, or of a colleague's class, not.
        var reset = await school.JsonAsync(school.Teacher, HttpMethod.Post, $"/api/classes/{school.Class}/students/{xiaoming.Id}/reset");
        await (await school.Sessions.SignInAsync(username)).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_credentials");
        (await school.Sessions.PostAsync("/api/auth/first-password", new { username, code = reset.GetProperty("code").GetString(), new_password = "an even quieter evening" }))
            .StatusCode.ShouldBe(HttpStatusCode.OK);
        await (await school.SendAsync(school.Teacher, HttpMethod.Post, $"/api/classes/{school.Class}/students/{school.Other.Id}/reset")).ShouldBeProblem(HttpStatusCode.NotFound, "member_not_found");
        // A teacher who sits in the class is nobody's student.
        await school.JsonAsync(school.Colleague, HttpMethod.Post, "/api/classes/join", new { code = await MembershipTests.InviteAsync(school.Sessions, school.Teacher, "student", school.Class, uses: 2) });
        await (await school.SendAsync(school.Teacher, HttpMethod.Post, $"/api/classes/{school.Class}/students/{school.Colleague.Id}/reset")).ShouldBeProblem(HttpStatusCode.NotFound, "member_not_found");

        // All or none.
        await (await CsvAsync(school, $"Bob\nEve,{username}")).ShouldBeProblem(HttpStatusCode.Conflict, "account_exists");
        (await school.JsonAsync(school.Teacher, Get, $"/api/classes/{school.Class}")).GetProperty("students").GetInt32().ShouldBe(5);
    }

    [Fact]
    public async Task OneListTwiceAtOnce_MakesItsStudentsOnce()
    {
        var school = await SchoolAsync();
        var list = string.Join('\n', Enumerable.Range(0, 30).Select(i => $"student {i},s{i}-{school.Class:N}"));

        var answers = await Task.WhenAll(CsvAsync(school, list), CsvAsync(school, list));

        answers.Count(answer => answer.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        await answers.Single(answer => answer.StatusCode != HttpStatusCode.Created).ShouldBeProblem(HttpStatusCode.Conflict, "account_exists");
        (await school.JsonAsync(school.Teacher, Get, $"/api/classes/{school.Class}")).GetProperty("students").GetInt32().ShouldBe(31);
    }

    [Theory]
    [InlineData("", 400)]
    [InlineData("name,username\n", 400)]
    [InlineData("Ada,a b", 400)]
    [InlineData("Ada,same-name\nBob,SAME-NAME", 400)]
    [InlineData("Ada,ada-1,more", 400)]
    [InlineData("\"Ada\nBob", 400)]
    [InlineData("A\0da", 400)]
    public async Task List_WithErrors_MakesNobody(string csv, int status)
    {
        var school = await SchoolAsync();

        ((int)(await CsvAsync(school, csv)).StatusCode).ShouldBe(status);

        (await school.JsonAsync(school.Teacher, Get, $"/api/classes/{school.Class}")).GetProperty("students").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task List_TooLong_OrOfAnotherType_IsRefused()
    {
        var school = await SchoolAsync();

        await (await CsvAsync(school, string.Join('\n', Enumerable.Range(0, 10_000).Select(i => $"student {i}")))).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        await (await CsvAsync(school, new string('a', 300_000))).ShouldBeProblem(HttpStatusCode.RequestEntityTooLarge, "payload_too_large");
        await (await CsvAsync(school, "Ada", "application/json")).ShouldBeProblem(HttpStatusCode.UnsupportedMediaType, "unsupported_media_type");
        using var gbk = new ByteArrayContent([0xCD, 0xF5, 0xD0, 0xA1, 0xC3, 0xF7]);
        gbk.Headers.ContentType = MediaTypeHeaderValue.Parse("text/csv; charset=gbk");
        (await (await CsvAsync(school, gbk)).JsonAsync()).GetProperty("students")[0].GetProperty("name").GetString().ShouldBe("王小明");
    }

    /// <summary>With an engine that keeps what it is asked for.</summary>
    [Fact]
    public async Task LiveSession_WithASharedTutor_IsTheStudentsOwn_AndSearchesThroughTheTutor()
    {
        var school = await SchoolAsync();
        var kb = $"biology-{school.Class}";
        await school.JsonAsync(school.Teacher, HttpMethod.Put, $"/api/kb/{kb}", new { });
        await UploadAsync(school, $"/api/kb/{kb}", "plain heron");
        var tutor = (await school.JsonAsync(school.Teacher, HttpMethod.Post, "/api/tutors", new { name = "t", kb_id = kb })).GetProperty("id").GetInt32();
        await school.JsonAsync(school.Teacher, HttpMethod.Post, $"/api/classes/{school.Class}/shares", new { kind = "tutor", id = $"{tutor}" });
        var asked = new System.Collections.Concurrent.ConcurrentQueue<JsonElement>();
        var incarnation = Guid.CreateVersion7();
        await using var engine = Microsoft.AspNetCore.Builder.WebApplication.CreateSlimBuilder().Build();
        engine.Urls.Add("http://127.0.0.1:0");
        Microsoft.AspNetCore.Builder.EndpointRouteBuilderExtensions.MapPost(engine, "/v1/sessions", (JsonElement body) =>
        {
            asked.Enqueue(body.Clone());
            return Microsoft.AspNetCore.Http.Results.Json(new
            {
                session_id = $"test.{Guid.CreateVersion7()}", engine_url = "ws://x", engine_token = "x", expires_at = DateTimeOffset.UtcNow.AddHours(1), incarnation,
            }, statusCode: 201);
        });
        await engine.StartAsync(TestContext.Current.CancellationToken);
        (await school.Sessions.SendAsync(HttpMethod.Put, "/internal/engines/test",
            new { id = "test", incarnation, url = engine.Urls.Single(), capacity = 10, sessions = 0 },
            fixture.Identity.Token("chat-api", sub: "chat-api", tenant: "lyceum", kind: "service", scope: "sessions"))).IsSuccessStatusCode.ShouldBeTrue();

        var made = await school.JsonAsync(school.Student, HttpMethod.Post, $"/api/tutors/{tutor}/sessions", new { student_id = "somebody else" });
        await school.JsonAsync(school.Student, HttpMethod.Post, $"/api/tutors/{tutor}/sessions"); // nor need it be said
        await school.JsonAsync(school.Teacher, HttpMethod.Post, $"/api/tutors/{tutor}/sessions", new { student_id = 7 });
        await (await school.SendAsync(school.Student, HttpMethod.Post, $"/api/tutors/{tutor}/sessions", new { kb_id = "another" }))
            .ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");

        var me = school.Student.Id.ToString();
        asked.Select(body => body.GetProperty("student_id").GetString()).ShouldBe([me, me, "7"]);
        var sessions = (await school.JsonAsync(school.Student, Get, "/api/sessions?student_id=somebody")).GetProperty("sessions");
        sessions.EnumerateArray().Select(s => s.GetProperty("student_id").GetString()).ShouldBe([me, me]);
        await (await school.SendAsync(school.Teacher, Get, $"/api/sessions/{made.GetProperty("session_id").GetString()}")).ShouldBeProblem(HttpStatusCode.NotFound, "session_not_found");
        // The engine searches with what it was given, for as long as the tutor is shared.
        var retrieval = asked.First().GetProperty("retrieval");
        (await SearchAsync()).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await school.SendAsync(school.Teacher, HttpMethod.Delete, $"/api/classes/{school.Class}/shares/tutor/{tutor}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await (await SearchAsync()).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");

        Task<HttpResponseMessage> SearchAsync() => school.Sessions.PostAsync(
            new Uri(retrieval.GetProperty("url").GetString()!).AbsolutePath, new { query = "heron" }, retrieval.GetProperty("token").GetString());
    }

    private static Task<HttpResponseMessage> CsvAsync(School school, string csv, string type = "text/csv") =>
        CsvAsync(school, new StringContent(csv, new UTF8Encoding(false), type));

    private static Task<HttpResponseMessage> CsvAsync(School school, HttpContent content)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/api/classes/{school.Class}/students") { Content = content };
        request.Headers.Authorization = new("Bearer", school.Teacher.Identity());
        return school.Sessions.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private static async Task UploadAsync(School school, string kb, string text)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{kb}/documents?name=a.txt") { Content = new StringContent(text) };
        request.Headers.Authorization = new("Bearer", school.Teacher.Identity());
        using var response = await school.Sessions.Client.SendAsync(request, TestContext.Current.CancellationToken);
        response.StatusCode.ShouldBe(HttpStatusCode.Created);
    }
}
