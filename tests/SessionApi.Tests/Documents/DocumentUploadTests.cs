using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Lyceum.SessionApi.Knowledge;
using Lyceum.Tests.Support;
using Lyceum.Tests.Support.Documents;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Lyceum.Tests.SessionApi.Tests.Documents;

/// <summary>Files from their upload to a citation, through the service.</summary>
public sealed class DocumentUploadTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    private static readonly CancellationToken Test = TestContext.Current.CancellationToken;

    public static TheoryData<string, byte[], string, string, int?, string> Files => new()
    {
        { "plants.pdf", Pdfs.Of("Cells divide.", "Plants turn light into sugar."), "How do plants use light?", "page 2", 2, "Plants turn light into sugar." },
        { "植物.pdf", Pdfs.Chinese("细胞会分裂。", "植物利用光能。"), "植物怎么利用光能？", "page 2", 2, "植物利用光能。" },
        { "植物.docx", Offices.Docx(["# 生物学", "## 植物", "植物利用光能。", "## 动物", "蜘蛛有八条腿。"]), "植物怎么利用光能？", "生物学 › 植物", null, "植物利用光能。" },
        { "cells.pptx", Offices.Pptx(("Cells", ["Cells divide."]), ("Plants", ["Plants turn light into sugar."])), "plants and light", "slide 2 › Plants", 2, "Plants turn light into sugar." },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public async Task File_Uploaded_IsReadInTheBackground_AndCitedWithItsPlace(
        string name, byte[] file, string question, string section, int? page, string text)
    {
        var (sessions, teacher) = await TeacherAsync();
        var id = await teacher.UploadAsync(name, file);

        var document = await teacher.EndAsync(id);
        document.GetProperty("status").GetString().ShouldBe("ready", document.GetRawText());
        document.GetProperty("name").GetString().ShouldBe(name);
        document.GetProperty("length").GetInt32().ShouldBe(file.Length);
        document.GetProperty("passages").GetInt32().ShouldBe(2);
        document.GetProperty("pages").ValueKind.ShouldBe(page is null ? JsonValueKind.Null : JsonValueKind.Number);
        document.GetProperty("failure").ValueKind.ShouldBe(JsonValueKind.Null);

        var hit = (await teacher.SearchAsync(question))[0];
        hit.GetProperty("section").GetString().ShouldBe(section);
        hit.GetProperty("document").GetString().ShouldBe(name);
        PageOf(hit).ShouldBe(page);
        var content = await teacher.ContentAsync(id);
        PlaceOf(hit, content).ShouldBe(text);
        var passages = (await teacher.GetAsync($"/documents/{id}/passages")).GetProperty("passages");
        foreach (var passage in passages.EnumerateArray())
            PlaceOf(passage, content).ShouldBe(passage.GetProperty("text").GetString());

        using var retrieved = await sessions.PostAsync("/internal/retrieval/files", new { query = question }, fixture.Identity.Token(
            "chat-api", tenant: teacher.Tenant, sub: "chat-api", kind: "service", scope: "tutors", act: "ada"));
        var cited = (await retrieved.JsonAsync()).GetProperty("passages")[0];
        cited.GetProperty("title").GetString().ShouldBe(section);
        cited.GetProperty("document_id").GetGuid().ShouldBe(id);
        cited.GetProperty("kb_id").GetString().ShouldBe("files");
        PageOf(cited).ShouldBe(page);
        PlaceOf(cited, content).ShouldBe(text);
    }

    [Fact]
    public async Task Content_OfATextToo_HasEachPassageAtItsPlace()
    {
        var (_, teacher) = await TeacherAsync();
        using var uploaded = await teacher.PostAsync("notes.md", Encoding.UTF8.GetBytes(
            "Before.\n\n# Biology 𠀀\n## Plants\nThey use light. 😀\n\n## Animals\nThey move.\n# History\n" + string.Concat(Enumerable.Repeat("A long paragraph. ", 200))));
        uploaded.StatusCode.ShouldBe(HttpStatusCode.Created);
        var id = (await uploaded.JsonAsync()).GetProperty("id").GetGuid();

        var content = await teacher.ContentAsync(id);
        content.ShouldStartWith("Before.\n\nBiology 𠀀\n\nPlants\n\nThey use light. 😀\n\nAnimals\n\nThey move.\n\nHistory\n\nA long");
        var passages = (await teacher.GetAsync($"/documents/{id}/passages")).GetProperty("passages").EnumerateArray().ToList();
        passages.Count.ShouldBeGreaterThan(4);
        foreach (var passage in passages)
            PlaceOf(passage, content).ShouldBe(passage.GetProperty("text").GetString());
    }

    [Fact]
    public async Task Original_IsWhatWasSent_AsAnAttachmentThatNoBrowserRuns()
    {
        var (_, teacher) = await TeacherAsync();
        var file = Pdfs.Of("Cells divide.");
        var id = await teacher.UploadAsync("细胞 \"1\".pdf", file);
        (await teacher.EndAsync(id)).GetProperty("status").GetString().ShouldBe("ready");
        using var pdf = await teacher.SendAsync(HttpMethod.Get, $"/documents/{id}/content?original=true");
        (await pdf.Content.ReadAsByteArrayAsync(Test)).ShouldBe(file);
        pdf.Content.Headers.ContentType!.ToString().ShouldBe("application/pdf");
        pdf.Content.Headers.ContentDisposition!.DispositionType.ShouldBe("attachment");
        pdf.Content.Headers.ContentDisposition.FileNameStar.ShouldBe("细胞 \"1\".pdf");
        pdf.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        pdf.Headers.GetValues("Content-Security-Policy").Single().ShouldContain("sandbox");

        using var uploaded = await teacher.PostAsync("page.html", "<script>alert(1)</script><p>Cells divide."u8.ToArray());
        var html = (await uploaded.JsonAsync()).GetProperty("id").GetGuid();
        using var page = await teacher.SendAsync(HttpMethod.Get, $"/documents/{html}/content?original=true");
        page.Content.Headers.ContentType!.MediaType.ShouldBe("text/plain");
        page.Content.Headers.ContentDisposition!.DispositionType.ShouldBe("attachment");
        (await teacher.ContentAsync(html)).ShouldBe("Cells divide.");
    }

    [Fact]
    public async Task File_ThatCannotBeRead_FailsWithItsReason_AndTakesNothingAlong()
    {
        var (_, teacher) = await TeacherAsync();
        var first = await teacher.UploadAsync("lesson.pdf", Pdfs.Of("The heron stands."));
        (await teacher.EndAsync(first)).GetProperty("status").GetString().ShouldBe("ready");

        var second = await teacher.UploadAsync("lesson.pdf", Pdfs.Scanned(2));
        var failed = await teacher.EndAsync(second);
        failed.GetProperty("status").GetString().ShouldBe("failed");
        failed.GetProperty("failure").GetString().ShouldBe("document_without_text");
        failed.GetProperty("detail").GetString()!.ShouldContain("scanned");
        (await teacher.SearchAsync("heron")).Count.ShouldBe(1, "the one before stays");
        (await teacher.DocumentsAsync()).Select(document => document.GetProperty("status").GetString()).ShouldBe(["ready", "failed"], ignoreOrder: true);
        await (await teacher.SendAsync(HttpMethod.Get, $"/documents/{second}/content")).ShouldBeProblem(HttpStatusCode.Conflict, "document_not_ready");
        await (await teacher.SendAsync(HttpMethod.Get, $"/documents/{second}/content?original=true")).ShouldBeProblem(HttpStatusCode.NotFound, "document_not_found");

        var third = await teacher.UploadAsync("lesson.pdf", Pdfs.Of("The stork stands."));
        (await teacher.EndAsync(third)).GetProperty("status").GetString().ShouldBe("ready");
        (await teacher.DocumentsAsync()).ShouldHaveSingleItem().GetProperty("id").GetGuid().ShouldBe(third);
        (await teacher.SearchAsync("heron")).ShouldBeEmpty();
        (await teacher.SearchAsync("stork")).Count.ShouldBe(1);
        await (await teacher.SendAsync(HttpMethod.Get, $"/documents/{first}")).ShouldBeProblem(HttpStatusCode.NotFound, "document_not_found");
    }

    [Fact]
    public async Task Documents_OfOneName_AreListedOnceEach_PageByPage()
    {
        var (sessions, teacher) = await TeacherAsync();
        foreach (var name in (string[])["a.txt", "b.txt", "c.txt"])
            (await teacher.PostAsync(name, "heron"u8.ToArray())).StatusCode.ShouldBe(HttpStatusCode.Created);
        await ExecuteAsync(sessions, """
            INSERT INTO documents (id, knowledge_base_id, name, media_type, content, length, created_at, status)
            SELECT gen_random_uuid(), d.knowledge_base_id, d.name, d.media_type, '', 1, now(), 'failed'
            FROM documents d JOIN knowledge_bases k ON k.id = d.knowledge_base_id WHERE k.tenant = $1
            """, teacher.Tenant);

        var (seen, cursor) = (new List<Guid>(), "");
        do
        {
            var page = await teacher.GetAsync($"/documents?limit=1{cursor}");
            seen.Add(page.GetProperty("documents").EnumerateArray().Single().GetProperty("id").GetGuid());
            cursor = page.GetProperty("next_cursor").GetString() is { } next ? $"&cursor={Uri.EscapeDataString(next)}" : null;
        }
        while (cursor is not null);
        seen.Count.ShouldBe(6);
        seen.Distinct().Count().ShouldBe(6);
        // A cursor of an earlier version.
        (await teacher.GetAsync("/documents?cursor=b.txt")).GetProperty("documents").GetArrayLength().ShouldBe(2);
    }

    [Fact]
    public async Task Upload_OfTheSameNameManyTimes_TheLastIsThere_Once()
    {
        var (_, teacher) = await TeacherAsync();
        for (var i = 0; i < 6; i++)
            await teacher.UploadAsync("lesson.pdf", Pdfs.Of($"The heron stands in lake {i}."));
        var last = await teacher.UploadAsync("lesson.pdf", Pdfs.Of("The heron stands in the last lake."));

        (await teacher.EndAsync(last)).GetProperty("status").GetString().ShouldBe("ready");
        (await teacher.DocumentsAsync()).ShouldHaveSingleItem().GetProperty("id").GetGuid().ShouldBe(last);
        (await teacher.SearchAsync("heron")).ShouldHaveSingleItem().GetProperty("text").GetString().ShouldBe("The heron stands in the last lake.");
    }

    [Fact]
    public async Task Document_OfAProcessThatDied_IsReadByAnother_AndNotTwice()
    {
        var (sessions, teacher) = await TeacherAsync();
        await using var scope = sessions.Services.CreateAsyncScope();
        var queue = scope.ServiceProvider.GetRequiredService<DocumentQueue>();
        // Claimed as by a process that is dead: nobody renews it.
        var dead = await StoredAsync(sessions, teacher, Pdfs.Of("The heron stands."), "reading", "clock_timestamp() - interval '1 second'", attempts: 1);

        (await teacher.EndAsync(dead.Id)).GetProperty("status").GetString().ShouldBe("ready");
        (await queue.RenewAsync(dead, DocumentStatus.Reading, Test)).ShouldBeFalse();
        (await queue.FinishAsync(dead, new([new("", "a late heron", "'heron':1D")]), Test)).ShouldBeFalse("its claim is another's");
        (await teacher.SearchAsync("heron")).ShouldHaveSingleItem().GetProperty("text").GetString().ShouldBe("The heron stands.");
    }

    [Fact]
    public async Task Document_DuringWhichProcessesDiedThreeTimes_HasFailed()
    {
        var (sessions, teacher) = await TeacherAsync();
        var poison = await StoredAsync(sessions, teacher, Pdfs.Of("The heron stands."), "reading", "clock_timestamp() - interval '1 second'", attempts: 3);

        var failed = await teacher.EndAsync(poison.Id);
        failed.GetProperty("failure").GetString().ShouldBe("document_damaged");
        failed.GetProperty("detail").GetString()!.ShouldContain("3 times");
    }

    [Fact]
    public async Task Document_DeletedWhileItIsRead_IsGone()
    {
        var (sessions, teacher) = await TeacherAsync();
        await using var scope = sessions.Services.CreateAsyncScope();
        var queue = scope.ServiceProvider.GetRequiredService<DocumentQueue>();
        var claimed = await StoredAsync(sessions, teacher, Pdfs.Of("The heron stands."), "reading", "clock_timestamp() + interval '1 hour'", attempts: 1);

        (await teacher.SendAsync(HttpMethod.Delete, $"/documents/{claimed.Id}")).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        (await queue.FinishAsync(claimed, new([new("", "a heron", "'heron':1D")]), Test)).ShouldBeFalse();
        (await queue.FailAsync(claimed, Unreadable.Empty(), Test)).ShouldBeFalse();
        (await teacher.DocumentsAsync()).ShouldBeEmpty();
        (await teacher.SearchAsync("heron")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Upload_LargerThanAllowed_Is413_WithAndWithoutALength()
    {
        var (_, teacher) = await TeacherAsync();
        var nothing = new byte[30 * 1024 * 1024 + 1];
        foreach (var chunked in (bool[])[false, true])
        {
            using var content = new ByteArrayContent(nothing);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/pdf");
            using var response = await teacher.SendAsync(
                HttpMethod.Post, "/documents?name=a.pdf", chunked ? new StreamContent(new UnknownLength(nothing)) : content);
            response.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        }
    }

    private async Task<(TestSessions Sessions, DocumentClient Teacher)> TeacherAsync()
    {
        var sessions = await fixture.StartedAsync();
        return (sessions, await DocumentClient.CreateAsync(sessions.Client.BaseAddress!, fixture.Identity));
    }

    /// <summary>A file that somebody claimed.</summary>
    private static async Task<ClaimedDocument> StoredAsync(
        TestSessions sessions, DocumentClient teacher, byte[] file, string status, string until, int attempts)
    {
        var document = new ClaimedDocument(
            Guid.CreateVersion7(), Guid.Empty, teacher.Tenant, "lesson.pdf", DocumentFiles.Pdf, file.Length, attempts, Guid.NewGuid());
        await ExecuteAsync(sessions,
            $"""
             WITH d AS (
                 INSERT INTO documents (id, knowledge_base_id, name, media_type, content, length, created_at, status, attempts, claim, claimed_until)
                 SELECT $2, k.id, $3, $4, '', $5, now(), '{status}', $6, $7, {until} FROM knowledge_bases k WHERE k.tenant = $1
                 RETURNING id)
             INSERT INTO document_originals SELECT id, $8 FROM d
             """,
            teacher.Tenant, document.Id, document.Name, document.MediaType, document.Length, attempts, document.Claim, file);
        await using var command = sessions.Database.CreateCommand("SELECT id FROM knowledge_bases WHERE tenant = $1");
        command.Parameters.Add(new() { Value = teacher.Tenant });
        return document with { KnowledgeBaseId = (Guid)(await command.ExecuteScalarAsync(Test))! };
    }

    private static async Task ExecuteAsync(TestSessions sessions, string sql, params object[] values)
    {
        await using var command = sessions.Database.CreateCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        await command.ExecuteNonQueryAsync(Test);
    }

    private static int? PageOf(JsonElement passage) =>
        passage.GetProperty("page") is { ValueKind: JsonValueKind.Number } page ? page.GetInt32() : null;

    /// <summary>What stands in the content where a passage says that it is.</summary>
    private static string PlaceOf(JsonElement passage, string content) =>
        content.Substring(passage.GetProperty("offset").GetInt32(), passage.GetProperty("length").GetInt32());

    /// <summary>Sent in chunks.</summary>
    private sealed class UnknownLength(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;
    }
}
