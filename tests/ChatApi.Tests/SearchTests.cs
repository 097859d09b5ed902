using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Lyceum.ChatApi.Searching;
using Lyceum.Knowledge;
using Lyceum.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.ChatApi;

/// <summary>Finding again what was said: by every word, in Chinese by pairs, and of oneself alone.</summary>
public sealed class SearchTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Search_FindsQuestionsAnswersAndTitles_OfTheCallerAlone()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var (ada, bob) = (host.As("ada"), host.As("bob"));
        engine.Reply = _ => "Chlorophyll absorbs light.";
        var plants = await ada.AskAsync("How do plants absorb sunlight?");
        engine.Reply = _ => "植物利用光能制造葡萄糖，这叫光合作用。";
        var chinese = await ada.AskAsync("植物怎么制造养分？");
        await ada.JsonAsync(HttpMethod.Patch, $"/api/conversations/{chinese.Conversation}", new { title = "Biology homework" });
        await bob.AskAsync("What is chlorophyll, and 光合作用?");

        (await FoundAsync(ada, "chlorophyll")).ShouldBe([plants.Answer]);
        (await FoundAsync(ada, "absorbing light")).ShouldBe([plants.Answer]); // stems; every word of it
        (await FoundAsync(ada, "光合作用")).ShouldBe([chinese.Answer]);
        (await FoundAsync(ada, "养分")).ShouldBe([chinese.Question]);
        (await FoundAsync(ada, "光能养分")).ShouldBeEmpty();
        (await FoundAsync(ada, "homework")).ShouldBe([null]);
        (await FoundAsync(host.As("ada", tenant: "other"), "chlorophyll")).ShouldBeEmpty();

        var hit = (await ada.GetAsync("/api/search?q=光合作用")).GetProperty("hits")[0];
        var range = hit.GetProperty("ranges")[0];
        hit.GetProperty("snippet").GetString()!.Substring(range.GetProperty("start").GetInt32(), range.GetProperty("length").GetInt32()).ShouldBe("光合作用");
        hit.GetProperty("title").GetString().ShouldBe("Biology homework");

        // Other branches too; not what is deleted.
        engine.Reply = _ => "Mitochondria.";
        var anew = await ada.AskAsync(new { regenerate_of = plants.Answer });
        await ada.AskAsync("cells?", plants.Conversation, plants.Conversation);
        (await FoundAsync(ada, "chlorophyll")).ShouldBe([plants.Answer]);
        (await FoundAsync(ada, "mitochondria")).ShouldContain(anew.Answer);
        using var deleted = await ada.SendAsync(HttpMethod.Delete, $"/api/conversations/{plants.Conversation}");
        (await FoundAsync(ada, "chlorophyll")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Search_PageByPage_FindsEachOnce_TheNewestFirst()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var asked = new List<Guid?>();
        for (var i = 0; i < 7; i++)
        {
            engine.Reply = _ => "yes";
            asked.Insert(0, (await ada.AskAsync(i % 2 == 0 ? $"Is glucose number {i} sweet?" : $"{i} 葡萄糖 glucose")).Question);
        }
        var (found, cursor) = (new List<Guid?>(), "");
        while (true)
        {
            var page = await ada.GetAsync($"/api/search?q=glucose&limit=3{cursor}");
            found.AddRange(page.GetProperty("hits").EnumerateArray().Select(Message));
            if (page.GetProperty("next_cursor").GetString() is not { } next)
                break;
            cursor = $"&cursor={next}";
        }
        found.Where(id => id is not null).ShouldBe(asked);
        found.Count(id => id is null).ShouldBe(7); // their titles

        foreach (var (query, code) in new[]
            { ("", "invalid_request"), ("q=%20", "invalid_request"), ("q=a%00", "invalid_request"), ("q=a&limit=0", "invalid_request"),
              ("q=a&cursor=1", "invalid_cursor"), ("q=a&cursor=1_x", "invalid_cursor"), ($"q={new string('a', 201)}", "invalid_request") })
            await ada.RefusedAsync(HttpMethod.Get, $"/api/search?{query}", null, 400, code);
        foreach (var odd in (string[])["'", @"\", "a' & !b | c:*", "%", "🚀", "的", "a\u0301", "<->", "\ud800"])
            await ada.GetAsync($"/api/search?q={Uri.EscapeDataString(odd)}");
    }

    /// <summary>From before there was a search, of the version before, or ended by another than its writer.</summary>
    [Fact]
    public async Task MessagesWithoutTerms_AreFoundAfterTheSweep()
    {
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(await postgres.CreateDatabaseAsync(), engine);
        var ada = host.As("ada");
        var told = await ada.AskAsync("Where is the hippocampus?");
        await host.ScalarAsync("UPDATE messages SET terms = NULL");
        await host.ScalarAsync("UPDATE conversations SET title_terms = NULL");
        await Eventually.TrueAsync(async () => (await FoundAsync(ada, "hippocampus")).Count == 3, "all is found");
        (await FoundAsync(ada, "hippocampus")).ShouldBe([told.Answer, told.Question, null], ignoreOrder: true);
    }

    [Fact]
    public async Task NastyTexts_HaveTerms_ThatTheDatabaseTakes()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var texts = new[]
        {
            "", "'", @"\", @"\' '' \\", "a:1A b:*", "\u0001\u0002", "\ufffd", "🚀🚀", new string('学', 70_000), new string('a', 5000),
            string.Join(' ', Enumerable.Range(0, 20_000)), "e" + new string('\u0301', 5000), "\ud800 half",
        };
        foreach (var text in texts)
            (await replica.ScalarAsync("SELECT length($1::tsvector)", PersonTerms.Vector("t", "o", text))).ShouldNotBeNull();
    }

    [Theory]
    [InlineData("The mitochondria is the powerhouse of the cell.", "mitochondria", "[mitochondria]")]
    [InlineData("Cells divide. A cell grows.", "cell", "[Cells]|[cell]")]
    [InlineData("植物利用光能，光合作用。", "光合作用", "[光合作用]")]
    [InlineData("学学学", "学学", "[学学学]")]
    [InlineData("Ｃｅｌｌｓ are wide.", "cell", "[Ｃｅｌｌｓ]")]
    [InlineData("🚀 rocket 🚀", "rocket", "[rocket]")]
    [InlineData("nothing of it", "mitochondria", "")]
    public void Excerpt_MarksWhatMatches(string text, string search, string marked)
    {
        var excerpt = Excerpt.Of(text, PersonTerms.Of(search));
        string.Join('|', excerpt.Ranges.Select(range => $"[{excerpt.Text.Substring(range.Start, range.Length)}]")).ShouldBe(marked);
    }

    [Fact]
    public void Excerpt_OfALongText_IsThePlace_NeverHalfACharacter()
    {
        for (var before = 300; before < 340; before++)
        {
            var text = string.Concat(Enumerable.Repeat("🚀", before)) + "a\nglucose" + string.Concat(Enumerable.Repeat("🚀", 300));
            var excerpt = Excerpt.Of(text, PersonTerms.Of("glucose"));
            var range = excerpt.Ranges.ShouldHaveSingleItem();
            excerpt.Text.Substring(range.Start, range.Length).ShouldBe("glucose");
            excerpt.Text.Length.ShouldBeLessThanOrEqualTo(162);
            excerpt.Text.ShouldNotContain('\n');
            (excerpt.Text[0], excerpt.Text[^1]).ShouldBe(('…', '…'));
            new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(excerpt.Text).ShouldNotBeEmpty();
        }
    }

    /// <summary>
    /// A word that everybody uses costs a person what they have said themselves: the plan reads rows of theirs alone.
    /// </summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task Search_AmongAHundredThousandMessages_ReadsThePersonsOwn()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        for (var person = 0; person < 1000; person++)
        {
            var text = "The cell is a common word here, and 细胞 too.";
            await replica.ExecuteAsync(
                """
                WITH c AS (
                    INSERT INTO conversations (id, tenant, owner, title, title_terms, created_at, updated_at)
                    VALUES (gen_random_uuid(), 't', $1, '', '', now(), now()) RETURNING id)
                INSERT INTO messages (id, conversation_id, position, depth, role, content, status, created_at, terms)
                SELECT gen_random_uuid(), c.id, n, n, 'user', $2, 'complete', now() + n * interval '1 second', $3::tsvector
                FROM c, generate_series(0, 99) n
                """, $"p{person}", text, PersonTerms.Vector("t", $"p{person}", text));
        }
        await replica.ExecuteAsync("ANALYZE");
        var search = ActivatorUtilities.CreateInstance<MessageSearch>(
            replica.Services, ActivatorUtilities.CreateInstance<TranscriptClient>(replica.Services, ActivatorUtilities.CreateInstance<SessionApiClient>(replica.Services)));
        var caller = ChatMachinery.Caller with { Subject = "p500" };
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < 100; i++)
            (await search.FindAsync(caller, "细胞 cell", null, 20, false, default)).Hits.Count.ShouldBe(20);
        TestContext.Current.TestOutputHelper!.WriteLine($"{Stopwatch.GetElapsedTime(started).TotalMilliseconds / 100:f1} ms a search");

        var plan = (string)(await replica.ScalarAsync(
            $"EXPLAIN (ANALYZE, FORMAT JSON) SELECT id FROM messages WHERE terms @@ $q${PersonTerms.Query("t", "p500", PersonTerms.Of("cell"))}$q$::tsquery"))!;
        var rows = JsonElement.Parse(plan)[0].GetProperty("Plan").GetProperty("Actual Rows").GetDouble();
        rows.ShouldBe(100);
        plan.ShouldContain("ix_messages_terms");
    }

    /// <summary>Live sessions are SessionApi's: what it finds stands among what is found here, and where it is away it is said.</summary>
    [Fact]
    public async Task Search_WithLiveSessions_OneOrderAndOneCursor()
    {
        var now = DateTimeOffset.UtcNow;
        var turns = Enumerable.Range(0, 5).Select(i => new FoundTurn(
            $"e.{i}", i, now.AddHours(i % 2 == 0 ? i + 1 : -i), Guid.CreateVersion7(), new Excerpt("glucose", [new(0, 7)])))
            .OrderByDescending(turn => turn.At).ToList();
        var queries = new List<TranscriptQuery>();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower);
        await using var sessions = builder.Build();
        sessions.MapPost("/internal/transcripts/search", (TranscriptQuery query) =>
        {
            queries.Add(query);
            return new FoundTurns([.. turns.Where(turn => query.Before is not { } before || turn.At < before).Take(query.Limit)]);
        });
        await sessions.StartAsync(TestContext.Current.CancellationToken);
        await using var engine = await StubEngine.StartAsync();
        await using var host = await ChatHost.StartAsync(
            await postgres.CreateDatabaseAsync(), engine, ("services:session-api:http:0", sessions.Urls.First()));
        var ada = host.As("ada", scope: "chat sessions");
        engine.Reply = _ => "yes";
        await ada.AskAsync("glucose");

        var (found, cursor) = (new List<string>(), "");
        while (true)
        {
            var page = await ada.GetAsync($"/api/search?q=glucose&limit=2{cursor}");
            page.GetProperty("sessions_searched").GetBoolean().ShouldBeTrue();
            found.AddRange(page.GetProperty("hits").EnumerateArray().Select(hit => hit.GetProperty("session_id").GetString()
                ?? (Message(hit) is null ? "title" : "message")));
            if (page.GetProperty("next_cursor").GetString() is not { } next)
                break;
            cursor = $"&cursor={next}";
        }
        found.Take(3).ShouldBe(["e.4", "e.2", "e.0"]);
        found.Skip(3).Take(2).ShouldBe(["message", "title"], ignoreOrder: true);
        found.Skip(5).ShouldBe(["e.1", "e.3"]);
        queries.ShouldAllBe(query => query.Query == "glucose");

        var asked = queries.Count;
        (await host.As("ada").GetAsync("/api/search?q=glucose")).GetProperty("sessions_searched").GetBoolean().ShouldBeFalse();
        queries.Count.ShouldBe(asked); // without the scope nothing is asked
        await sessions.StopAsync(TestContext.Current.CancellationToken);
        var alone = await ada.GetAsync("/api/search?q=glucose");
        (alone.GetProperty("sessions_searched").GetBoolean(), alone.GetProperty("hits").GetArrayLength()).ShouldBe((false, 2));
    }

    private static async Task<List<Guid?>> FoundAsync(Person person, string search) =>
        [.. (await person.GetAsync($"/api/search?q={Uri.EscapeDataString(search)}")).GetProperty("hits").EnumerateArray().Select(Message)
            .Where((_, i) => i < 100)];

    private static Guid? Message(JsonElement hit) =>
        hit.GetProperty("message_id") is { ValueKind: JsonValueKind.String } id ? id.GetGuid() : null;
}
