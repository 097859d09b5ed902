using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.ChatApi;

/// <summary>What a teacher sees of a class's conversations: what visibility allows, of the class's tutors, after the look is recorded.</summary>
public sealed class ClassQuestionsTests(PostgresFixture postgres)
{
    private static readonly Guid Class = Guid.Parse("0193f3a0-0000-7000-8000-000000000001");
    private static readonly object Tutors = new[] { new { kind = "tutor", id = "3", owner = "teacher", class_id = Class } };

    [Fact]
    public async Task Questions_GroupedByPassage_OfWhoAllowsIt_WithTheClassesTutors()
    {
        var students = Enumerable.Range(0, 6).Select(i => new { subject = $"s{i}", name = $"S{i}", visibility = "conversations" })
            .Append(new { subject = "private", name = "P", visibility = "progress" });
        await using var sessions = await People.StartAsync(_ => new { id = Class, name = "9b", students, shares = Tutors });
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(
            await postgres.CreateDatabaseAsync(), engine, ("services:session-api:http:0", sessions.Address));
        for (var i = 0; i < 6; i++)
            await AskedAsync(host, $"s{i}", $"Why do leaves fall? {i}", "leaves", minutes: i);
        await AskedAsync(host, "s0", "Is a stem alive?", "stems", minutes: 10);
        await AskedAsync(host, "s1", "Who won yesterday?", null, minutes: 11);
        await AskedAsync(host, "private", "secret", "leaves", minutes: 12);
        await AskedAsync(host, "outsider", "no member any more", "leaves", minutes: 12);
        await AskedAsync(host, "s2", "of another tutor", "leaves", minutes: 12, tutor: 4);
        await AskedAsync(host, "s2", "of another class", "leaves", minutes: 12, classId: Guid.NewGuid());
        await AskedAsync(host, "s2", "of another tenant", "leaves", minutes: 12, tenant: "other");
        var teacher = host.As("teacher", scope: "chat classes");

        var seen = await teacher.GetAsync($"/api/classes/{Class}/questions");
        var groups = seen.GetProperty("groups").EnumerateArray().ToList();
        groups.ConvertAll(group => group.GetProperty("passage_id").GetString()).ShouldBe(["stems", "leaves"]);
        (groups[1].GetProperty("questions").GetInt32(), groups[1].GetProperty("students").GetInt32()).ShouldBe((6, 6));
        groups[1].GetProperty("asked").EnumerateArray().Select(asked => asked.GetProperty("text").GetString())
            .ShouldBe(Enumerable.Range(0, 6).Reverse().Select(i => $"Why do leaves fall? {i}"));
        groups[0].GetProperty("questions").ValueKind.ShouldBe(JsonValueKind.Null); // one student
        (groups[0].GetProperty("title").GetString(), groups[0].GetProperty("source").GetString()).ShouldBe(("About stems", "stems.md"));
        seen.GetProperty("unanswered").GetProperty("asked")[0].GetProperty("text").GetString().ShouldBe("Who won yesterday?");
        (seen.GetProperty("figures_hidden").GetBoolean(), seen.GetProperty("considered").GetInt32()).ShouldBe((true, 8));
        seen.GetRawText().ShouldNotContain("\"s0\""); // no names
        sessions.Looks.ShouldHaveSingleItem().ShouldBe("""{"view":"questions"}""");

        // A page at a time, and what no passage answered on the first alone.
        var first = await teacher.GetAsync($"/api/classes/{Class}/questions?limit=1");
        var second = await teacher.GetAsync($"/api/classes/{Class}/questions?limit=1&cursor={first.GetProperty("next_cursor").GetString()}");
        second.GetProperty("groups")[0].GetProperty("passage_id").GetString().ShouldBe("leaves");
        (second.GetProperty("next_cursor").ValueKind, second.GetProperty("unanswered").ValueKind).ShouldBe((JsonValueKind.Null, JsonValueKind.Null));
        await teacher.RefusedAsync(HttpMethod.Get, $"/api/classes/{Class}/questions?cursor=x", null, 400, "invalid_cursor");
    }

    [Fact]
    public async Task ErasedClass_IsForgotten_AndConversationsStay()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var other = Guid.CreateVersion7();
        await AskedAsync(host, "s0", "one", "leaves", minutes: 1);
        await AskedAsync(host, "s1", "of another class", "leaves", minutes: 1, classId: other);
        await AskedAsync(host, "s2", "of another tenant", "leaves", minutes: 1, tenant: "other");

        for (var i = 0; i < 2; i++)
            (await host.AsService().JsonAsync(HttpMethod.Delete, $"/internal/classes/{Class}")).GetProperty("done").GetBoolean().ShouldBeTrue();

        (await host.ScalarAsync("SELECT count(*) FROM messages")).ShouldBe(9L);
        (await host.ScalarAsync("SELECT count(*) FROM messages WHERE class_id = $1", other)).ShouldBe(2L);
        (await host.ScalarAsync("SELECT count(*) FROM messages WHERE class_id = $1", Class)).ShouldBe(2L); // another tenant's
        using var refused = await host.As("teacher", scope: "chat classes").SendAsync(HttpMethod.Delete, $"/internal/classes/{Class}");
        ((int)refused.StatusCode).ShouldBe(403);
    }

    [Fact]
    public async Task Questions_FromBeforeTheConsent_AreNotSeen()
    {
        var since = DateTimeOffset.UtcNow.AddMinutes(5);
        await using var sessions = await People.StartAsync(_ => new
        {
            id = Class, name = "9b", shares = Tutors,
            students = new[] { new { subject = "s", name = "S", visibility = "conversations", since } },
        });
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(
            await postgres.CreateDatabaseAsync(), engine, ("services:session-api:http:0", sessions.Address));
        await AskedAsync(host, "s", "before", "leaves", minutes: 4);
        await AskedAsync(host, "s", "after", "leaves", minutes: 6);

        var seen = await host.As("teacher", scope: "classes").GetAsync($"/api/classes/{Class}/questions");
        seen.GetProperty("groups")[0].GetProperty("asked").EnumerateArray().Select(asked => asked.GetProperty("text").GetString())
            .ShouldBe(["after"]);
        seen.GetProperty("considered").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task AskedThroughAClass_IsStoredWithIt_AndALockedTutorGuides()
    {
        await using var sessions = await People.StartAsync(
            _ => new { id = Class, name = "9b", students = Array.Empty<object>(), shares = Tutors },
            () => new { name = "Ms Noether", subject = "", language = "en", instructions = "", kb_id = "algebra", mode = "guide", class_id = Class });
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(
            await postgres.CreateDatabaseAsync(), engine, ("services:session-api:http:0", sessions.Address));
        var told = await host.As("s").AskAsync(new { message = "x = ?", tutor_id = 3, mode = "answer", language = "zh-Hans" });
        told.Start.GetProperty("mode").GetString().ShouldBe("guide");

        // What it rests on is said first, with its text; at the end, what it cites. Read again, the same.
        foreach (var read in new[] { told, await host.As("s").ReadAsync(told.Answer) })
        {
            read.Start.GetProperty("grounding").GetString().ShouldBe("found");
            var source = read.Start.GetProperty("sources").EnumerateArray().ShouldHaveSingleItem();
            (source.GetProperty("number").GetInt32(), source.GetProperty("title").GetString()).ShouldBe((1, "Rings"));
            read.End.GetProperty("sources")[0].GetProperty("cited").GetBoolean().ShouldBeFalse();
        }
        told.Start.GetProperty("sources")[0].GetProperty("text").GetString().ShouldBe("A ring is a set.");
        (await host.ScalarAsync("SELECT class_id FROM messages WHERE id = $1", told.Answer)).ShouldBe(Class);
        var system = StubEngine.Messages(engine.Asked.Last()).First();
        system.Content.ShouldContain("请引导学习者");
        system.Content.ShouldContain("请用 zh-Hans 回答");
    }

    [Fact]
    public async Task ALookThatIsRefusedOrCannotBeRecorded_ShowsNothing()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var sessions = await People.StartAsync(_ => null);
        await using var host = await ChatHost.StartAsync(
            await postgres.CreateDatabaseAsync(), engine, ("services:session-api:http:0", sessions.Address));
        var path = $"/api/classes/{Class}/questions";
        await host.As("teacher", scope: "classes").RefusedAsync(HttpMethod.Get, path, null, 404, "class_not_found");
        await host.As("student").RefusedAsync(HttpMethod.Get, path, null, 403, "forbidden_scope");
        await sessions.DisposeAsync();
        await host.As("teacher", scope: "classes").RefusedAsync(HttpMethod.Get, path, null, 503, "service_unavailable");
    }

    /// <summary>A question and its answer, as they are stored.</summary>
    private static async Task AskedAsync(
        ChatHost host, string student, string text, string? passage, int minutes, int tutor = 3, Guid? classId = null, string tenant = "t")
    {
        var sources = AnswerJson.Write(new[]
        {
            new AnswerSource(1, passage, $"About {passage}", $"{passage}.md", "…", Cited: passage is not null),
            new AnswerSource(2, "other", "Other", "other.md", null),
        })!;
        await host.ScalarAsync(
            """
            WITH c AS (
                INSERT INTO conversations (id, tenant, owner, title, created_at, updated_at)
                VALUES (gen_random_uuid(), $1, $2, '', now(), now()) RETURNING id),
            q AS (
                INSERT INTO messages (id, conversation_id, position, depth, role, content, status, created_at)
                SELECT gen_random_uuid(), id, 0, 0, 'user', $3, 'complete', now() + $4 * interval '1 minute' FROM c RETURNING *)
            INSERT INTO messages (id, conversation_id, parent_id, position, depth, role, content, status, created_at, tutor_id, class_id,
                                  kb_id, grounding, sources)
            SELECT gen_random_uuid(), conversation_id, id, n, 1, 'assistant', 'said', 'complete', created_at, $5, $6, 'kb', 'found', $7::jsonb
            FROM q, generate_series(1, 2) n -- once anew: it counts once
            """, tenant, student, text, minutes, tutor, classId ?? Class, sources);
    }

    /// <summary>SessionApi's part, as it would go over the wire.</summary>
    private sealed class People(WebApplication app) : IAsyncDisposable
    {
        public List<string> Looks { get; } = [];

        public string Address => app.Urls.First();

        public static async Task<People> StartAsync(Func<string, object?> roll, Func<object>? tutor = null)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var people = new People(builder.Build());
            people.Serve(roll, tutor);
            await people.StartAsync();
            return people;
        }

        private Task StartAsync() => app.StartAsync(TestContext.Current.CancellationToken);

        private void Serve(Func<string, object?> roll, Func<object>? tutor)
        {
            app.MapPost("/internal/classes/{id}/looks", async (string id, HttpRequest request) =>
            {
                using var reader = new StreamReader(request.Body);
                Looks.Add(await reader.ReadToEndAsync());
                return roll(id) is { } found ? Results.Json(found) : Results.NotFound();
            });
            app.MapPost("/internal/retrieval/{kb}", () => Results.Json(
                new { passages = new[] { new { id = "1", title = "Rings", text = "A ring is a set.", source = "r.md" } } }));
            app.MapGet("{**path}", (string path) =>
                path.Contains("tutors", StringComparison.Ordinal) && tutor is not null ? Results.Json(tutor()) : Results.NotFound());
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
