using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>Knowledge bases of one tenant, on a real database.</summary>
public sealed class KnowledgeTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    private const string Biology =
        """
        # Photosynthesis
        Plants turn light, water and carbon dioxide into sugar and oxygen. It happens in chloroplasts.

        # Cellular respiration
        Mitochondria release energy from sugar; oxygen is consumed, carbon dioxide is given off.

        # Mitosis
        A cell divides into two identical daughter cells. Chromosomes are copied first.
        """;

    private const string 生物 =
        """
        # 光合作用
        植物利用光能，把二氧化碳和水转化为糖和氧气。这个过程发生在叶绿体中。

        # 细胞呼吸
        线粒体从糖中释放能量，消耗氧气，产生二氧化碳。

        # 有丝分裂
        一个细胞分裂成两个相同的子细胞。染色体先被复制。
        """;

    private readonly string _token = fixture.Identity.Token(tenant: $"t-{Guid.NewGuid():N}", scope: "tutors");

    [Fact]
    public async Task Capabilities_NameTheTypesAndBoundsThatUploadsMeet()
    {
        var sessions = await fixture.StartedAsync();
        var service = fixture.Identity.Token("gateway", tenant: "lyceum", sub: "gateway", kind: "service", scope: "");

        var all = await (await sessions.SendAsync(HttpMethod.Get, "/internal/capabilities", token: service)).JsonAsync();

        all.GetProperty("documents").EnumerateArray().Select(type => type.GetString()).ShouldBe(
        [
            "text/markdown", "text/plain", "text/html", "application/pdf",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ]);
        (all.GetProperty("text_bytes").GetInt32(), all.GetProperty("document_bytes").GetInt32())
            .ShouldBe((8 * 1024 * 1024, 30 * 1024 * 1024));
    }

    [Theory]
    [InlineData("How do plants make sugar from light?", "Photosynthesis", "biology.md")]
    [InlineData("what do mitochondria do", "Cellular respiration", "biology.md")]
    [InlineData("Are chromosomes copied when cells are dividing?", "Mitosis", "biology.md")]
    [InlineData("植物怎么利用光能？", "光合作用", "生物.md")]
    [InlineData("线粒体有什么用", "细胞呼吸", "生物.md")]
    [InlineData("染色体什么时候被复制？", "有丝分裂", "生物.md")]
    public async Task Search_EnglishAndChinese_TheRightPassageFirst(string question, string section, string document)
    {
        var sessions = await BiologyAsync();
        var hits = (await SearchAsync(sessions, "bio", question)).EnumerateArray().ToList();
        hits[0].GetProperty("section").GetString().ShouldBe(section);
        hits[0].GetProperty("document").GetString().ShouldBe(document);
        hits[0].GetProperty("text").GetString().ShouldNotBeNullOrEmpty();
        hits.Select(hit => hit.GetProperty("score").GetDouble()).ShouldBeInOrder(SortDirection.Descending);
    }

    /// <summary>A text, and what is asked for it: the one has the other, however either is written.</summary>
    [Theory]
    [InlineData("中华人民共和国成立了", "共和国")]
    [InlineData("秦始皇统一六国", "统一")]
    [InlineData("学习的目的是什么", "目的")]
    [InlineData("战争与和平", "和平")]
    [InlineData("个人与集体", "个人")]
    [InlineData("植物吸收水分", "水")]
    [InlineData("植物吸收水", "水是什么？")]
    [InlineData("植物吸收水", "什么是水")]
    [InlineData("解释器执行程序", "解释器")]
    [InlineData("他的才能很高", "才能")]
    [InlineData("人们爱好和谐", "人们")]
    [InlineData("二〇二四年", "二〇二四")]
    [InlineData("About photosynthesis in plants", "'photosynthesis'")]
    [InlineData("About photosynthesis in plants", "“photosynthesis”")]
    [InlineData("photo\u00ADsyn\u00ADthesis", "photosynthesis")]
    [InlineData("photosynthesis", "photo\u200Bsynthesis")]
    [InlineData("ＰＨＯＴＯＳＹＮＴＨＥＳＩＳ １２３", "photosynthesis")]
    [InlineData("chapter 123", "１２３")]
    [InlineData("ﾊﾟﾀｰﾝ認識", "パターン")]
    [InlineData("ガラス", "ｶﾞﾗｽ")]
    [InlineData("the \uFB01nal o\uFB03ce", "final office")]
    [InlineData("cafe\u0301 culture", "café")]
    [InlineData("caf\u00E9 culture", "cafe\u0301")]
    [InlineData("か\u3099くせい", "がくせい")]
    [InlineData("\u1112\u1161\u11AB\u1100\u1173\u11AF", "한글")]
    [InlineData("학교에서 배웁니다", "학교")]
    [InlineData("die Straße", "STRASSE")]
    [InlineData("İSTANBUL", "istanbul")]
    [InlineData("ΟΔΥΣΣΕΥΣ", "οδυσσευς")]
    [InlineData("don’t panic", "panic don't")]
    [InlineData("non\u2011linear systems", "linear")]
    [InlineData("CO₂ and H₂O", "h2o")]
    [InlineData("⽔⽕相济", "水火")]
    [InlineData("हिन्दी व्याकरण", "हिन्दी")]
    [InlineData("ภาษาไทยง่าย", "ไทย")]
    [InlineData("I love 🍕 and 👍🏽", "🍕")]
    [InlineData("機器學習", "機器學習")]
    public async Task Search_OfAWordHoweverItIsWritten_FindsIt(string text, string question)
    {
        var kb = $"kb{Guid.NewGuid():N}";
        var sessions = await BaseAsync(kb);
        await UploadAsync(sessions, kb, "a.txt", "text/plain", text);
        await UploadAsync(sessions, kb, "other.txt", "text/plain", "zzz");

        (await SearchAsync(sessions, kb, question)).EnumerateArray().Select(hit => hit.GetProperty("document").GetString()).ShouldBe(["a.txt"]);
    }

    [Theory]
    [InlineData("quantum chromodynamics")]
    [InlineData("的 了 吗")]
    [InlineData("' | & ! <-> :* \\ '' ) (")]
    [InlineData("🚀")]
    public async Task Search_NothingOfIt_Empty(string question) =>
        (await SearchAsync(await BiologyAsync(), "bio", question)).GetArrayLength().ShouldBe(0);

    [Fact]
    public async Task Document_UploadedAgain_ReplacesTheFirst_AndIsGoneWhenDeleted()
    {
        var sessions = await BaseAsync("notes");
        var first = await UploadAsync(sessions, "notes", "a.txt", "text/plain", "the old heron");
        var second = await UploadAsync(sessions, "notes", "a.txt", "text/plain; charset=utf-8", "the new stork");
        second.GetProperty("length").GetInt32().ShouldBe(13);
        (await SearchAsync(sessions, "notes", "heron")).GetArrayLength().ShouldBe(0);
        (await SearchAsync(sessions, "notes", "stork")).GetArrayLength().ShouldBe(1);
        var listed = (await (await GetAsync(sessions, "/api/kb/notes/documents")).JsonAsync()).GetProperty("documents");
        listed.EnumerateArray().Single().GetProperty("id").GetGuid().ShouldBe(second.GetProperty("id").GetGuid());

        var path = $"/api/kb/notes/documents/{second.GetProperty("id").GetGuid()}";
        (await (await GetAsync(sessions, path + "/passages")).JsonAsync()).GetProperty("passages")[0].GetProperty("text").GetString().ShouldBe("the new stork");
        (await sessions.SendAsync(HttpMethod.Delete, path, token: _token)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await (await sessions.SendAsync(HttpMethod.Delete, path, token: _token)).ShouldBeProblem(HttpStatusCode.NotFound, "document_not_found");
        (await SearchAsync(sessions, "notes", "stork")).GetArrayLength().ShouldBe(0);
        first.GetProperty("id").GetGuid().ShouldNotBe(second.GetProperty("id").GetGuid());
    }

    [Fact]
    public async Task Base_Deleted_TakesItsDocumentsAlong_AndCanBeMadeAnew()
    {
        var sessions = await BaseAsync("gone");
        await UploadAsync(sessions, "gone", "a.md", "text/markdown", "# heron");
        (await sessions.SendAsync(HttpMethod.Delete, "/api/kb/gone", token: _token)).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await (await GetAsync(sessions, "/api/kb/gone/search?q=heron")).ShouldBeProblem(HttpStatusCode.NotFound, "knowledge_base_not_found");
        await BaseAsync("gone");
        (await (await GetAsync(sessions, "/api/kb/gone/documents")).JsonAsync()).GetProperty("documents").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task Reindex_MakesTheSamePassagesAgain()
    {
        var sessions = await BiologyAsync();
        var before = (await SearchAsync(sessions, "bio", "sugar")).GetRawText();
        var result = await (await sessions.PostAsync("/api/kb/bio/reindex", token: _token)).JsonAsync();
        result.GetProperty("documents").GetInt32().ShouldBe(2);
        result.GetProperty("passages").GetInt32().ShouldBe(6);
        (await SearchAsync(sessions, "bio", "sugar")).GetRawText().ShouldBe(before);
    }

    [Fact]
    public async Task Upload_SameNameAtOnceManyTimes_OneDocumentIsThere()
    {
        var sessions = await BaseAsync("race");
        await Task.WhenAll(Enumerable.Range(0, 12).Select(i => UploadAsync(sessions, "race", "a.txt", "text/plain", $"word{i} heron")));
        (await (await GetAsync(sessions, "/api/kb/race/documents")).JsonAsync()).GetProperty("documents").GetArrayLength().ShouldBe(1);
        (await SearchAsync(sessions, "race", "heron")).GetArrayLength().ShouldBe(1);
    }

    [Theory]
    [InlineData("notes.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", 415, "unsupported_media_type")]
    [InlineData("notes.doc", null, 415, "unsupported_media_type")]
    [InlineData("notes.md", "text/markdown; charset=klingon", 415, "unsupported_media_type")]
    [InlineData("", "text/plain", 400, "invalid_request")]
    public async Task Upload_OfWhatIsNoText_Refused(string name, string? contentType, int status, string code)
    {
        var sessions = await BaseAsync("refused");
        using var response = await PostAsync(sessions, "refused", name, contentType, "text"u8.ToArray());
        await response.ShouldBeProblem((HttpStatusCode)status, code);
    }

    [Theory]
    [InlineData(new byte[] { 0xC3, 0x28 })]       // no UTF-8
    [InlineData(new byte[] { 0x61, 0x00, 0x62 })] // U+0000
    public async Task Upload_OfBytesThatAreNoText_Refused(byte[] body)
    {
        var sessions = await BaseAsync("refused");
        using var response = await PostAsync(sessions, "refused", "a.txt", "text/plain", body);
        await response.ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task Upload_InAnotherCharset_IsRead()
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        var sessions = await BaseAsync("gb");
        using var response = await PostAsync(sessions, "gb", "课文.txt", "text/plain; charset=gb18030", Encoding.GetEncoding("gb18030").GetBytes("光合作用𠀀"));
        response.StatusCode.ShouldBe(HttpStatusCode.Created);
        (await SearchAsync(sessions, "gb", "光合作用"))[0].GetProperty("text").GetString().ShouldBe("光合作用𠀀");
    }

    /// <summary>Name, type, bytes: what curl and other programs send.</summary>
    public static TheoryData<string, string?, byte[]> Readable { get; } = new()
    {
        { "x.md", "application/x-www-form-urlencoded", "# 光合作用\n光合作用=a&b%zz"u8.ToArray() }, // curl --data-binary @x.md
        { "x.md", null, "光合作用"u8.ToArray() },
        { "x.md", "???", "光合作用"u8.ToArray() },
        { "x.txt", "text/plain; charset=utf8", "光合作用"u8.ToArray() },
        { "x.txt", "text/plain; charset=UTF8", "光合作用"u8.ToArray() },
        { "x.txt", "text/plain; charset=\"utf-8\"", "光合作用"u8.ToArray() },
        { "x.txt", "Text/Plain;Charset=gbk", [0xB9, 0xE2, 0xBA, 0xCF, 0xD7, 0xF7, 0xD3, 0xC3] },
        { "x.txt", "text/plain; charset=gb2312", [0xB9, 0xE2, 0xBA, 0xCF, 0xD7, 0xF7, 0xD3, 0xC3] },
        { "x.txt", "text/plain; charset=big5", [0xA5, 0xFA, 0xA6, 0x58, 0xA7, 0x40, 0xA5, 0xCE] },
        { "x.txt", "text/plain", [0xEF, 0xBB, 0xBF, .. "光合作用"u8] },
        { "x.txt", "text/plain", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes("光合作用")] },
        { "x.txt", "text/plain; charset=utf-8", [0xFE, 0xFF, .. Encoding.BigEndianUnicode.GetBytes("光合作用")] },
        { "x.txt", "text/plain; charset=utf-16", Encoding.Unicode.GetBytes("光合作用") },
        { "x.html", "text/html", [.. "<html><head><meta charset='gbk'></head><p>"u8, 0xB9, 0xE2, 0xBA, 0xCF, 0xD7, 0xF7, 0xD3, 0xC3] },
        { "x.html", "text/html", [.. "<meta http-equiv=Content-Type content=\"text/html; charset=gb2312\">"u8, 0xB9, 0xE2, 0xBA, 0xCF, 0xD7, 0xF7, 0xD3, 0xC3] },
    };

    [Theory]
    [MemberData(nameof(Readable))]
    public async Task Upload_OfAnyTypeAndCharsetThatProgramsSend_IsRead(string name, string? contentType, byte[] body)
    {
        var kb = $"kb{Guid.NewGuid():N}";
        var sessions = await BaseAsync(kb);
        using var response = await PostAsync(sessions, kb, name, contentType, body);
        response.StatusCode.ShouldBe(HttpStatusCode.Created, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        if (contentType?.Contains("big5", StringComparison.Ordinal) != true)
            (await SearchAsync(sessions, kb, "光合作用")).GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task Upload_InLatin1_IsRead()
    {
        var sessions = await BaseAsync("latin");
        using var response = await PostAsync(sessions, "latin", "a.txt", "text/plain; charset=latin-1", Encoding.Latin1.GetBytes("Grüße"));
        response.StatusCode.ShouldBe(HttpStatusCode.Created);
        (await SearchAsync(sessions, "latin", "Grüße"))[0].GetProperty("text").GetString().ShouldBe("Grüße");
    }

    private const string File = "Content-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\nheron\r\n";

    /// <summary>Content type, body, status: 201 for what is odd and can be read.</summary>
    [Theory]
    [InlineData("multipart/form-data", "--x\r\n" + File + "--x--\r\n", 400)] // no boundary
    [InlineData("multipart/form-data; boundary=", "--x\r\n" + File + "--x--\r\n", 400)]
    [InlineData("multipart/form-data; boundary=y", "--x\r\n" + File + "--x--\r\n", 400)] // another boundary
    [InlineData("multipart/form-data; boundary=x", "--x\r\n" + File, 400)] // cut off
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Dispo", 400)]
    [InlineData("multipart/form-data; boundary=x", "", 400)]
    [InlineData("multipart/form-data; boundary=x", "heron", 400)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nno header\r\n\r\nheron\r\n--x--\r\n", 400)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: nonsense;;==\r\n\r\nheron\r\n--x--\r\n", 400)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\n\r\nheron\r\n--x--\r\n", 400)] // no header at all
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nheron\r\n--x--\r\n", 400)] // no filename
    [InlineData("multipart/form-data; boundary=x", "--x\r\n" + File + "--x\r\n" + File + "--x--\r\n", 400)] // two
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=file; filename=\"\"\r\n\r\nheron\r\n--x--\r\n", 400)]
    [InlineData("multipart/mixed; boundary=x", "--x\r\n" + File + "--x--\r\n", 400)] // a bare body, without a name
    [InlineData("Multipart/Form-Data; Boundary=\"x\"", "--x\r\n" + File + "--x--\r\n", 201)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\n" + File + "--x--", 201)]
    [InlineData("multipart/form-data; boundary=x", "preamble\r\n--x\r\n" + File + "--x--\r\nepilogue", 201)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=file; filename=a.md\r\n\r\nheron\r\n--x--\r\n", 201)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=f; filename*=UTF-8''%E8%AF%BE%E6%96%87.md\r\n\r\nheron\r\n--x--\r\n", 201)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=f; filename=\"课文.md\"\r\n\r\nheron\r\n--x--\r\n", 201)]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=f; filename=\"a \\\"b\\\".md\"\r\n\r\nheron\r\n--x--\r\n", 201)]
    public async Task Upload_OfAnyForm_IsReadOrRefused_NeverAFailure(string contentType, string body, int status)
    {
        var sessions = await BaseAsync("forms");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/kb/forms/documents")
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)),
        };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);

        using var response = await sessions.Client.SendAsync(request, TestContext.Current.CancellationToken);

        ((int)response.StatusCode).ShouldBe(status, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Upload_AsAForm_IsRead()
    {
        var sessions = await BaseAsync("form");
        using var form = new MultipartFormDataContent();
        using var file = new ByteArrayContent("# Heron\nIt stands."u8.ToArray());
        file.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        form.Add(file, "file", "birds.md");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/kb/form/documents") { Content = form };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);
        using var response = await sessions.Client.SendAsync(request, TestContext.Current.CancellationToken);
        response.StatusCode.ShouldBe(HttpStatusCode.Created);
        (await response.JsonAsync()).GetProperty("media_type").GetString().ShouldBe("text/markdown");
    }

    [Fact]
    public async Task Upload_TooLarge_Is413_WithAndWithoutALength()
    {
        var sessions = await BaseAsync("large");
        var body = new byte[8 * 1024 * 1024 + 1];
        Array.Fill(body, (byte)'a');
        foreach (var chunked in (bool[])[false, true])
        {
            using var response = await PostAsync(sessions, "large", "a.txt", "text/plain", body, chunked);
            await response.ShouldBeProblem(HttpStatusCode.RequestEntityTooLarge, "payload_too_large");
        }
    }

    [Theory]
    [InlineData("UPPER")]
    [InlineData("-begins")]
    [InlineData("中文")]
    public async Task Put_BadSlug_Refused(string kbId)
    {
        var sessions = await fixture.StartedAsync();
        await (await sessions.SendAsync(HttpMethod.Put, $"/api/kb/{kbId}", new { }, _token)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
    }

    [Fact]
    public async Task Put_Again_ChangesTheTitle()
    {
        var sessions = await BaseAsync("title");
        var changed = await sessions.SendAsync(HttpMethod.Put, "/api/kb/title", new { title = "生物学" }, _token);
        changed.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await (await GetAsync(sessions, "/api/kb/title")).JsonAsync()).GetProperty("title").GetString().ShouldBe("生物学");
        (await (await GetAsync(sessions, "/api/kb")).JsonAsync()).GetProperty("knowledge_bases").GetArrayLength().ShouldBe(1);
    }

    private async Task<TestSessions> BaseAsync(string kbId)
    {
        var sessions = await fixture.StartedAsync();
        (await sessions.SendAsync(HttpMethod.Put, $"/api/kb/{kbId}", new { }, _token)).IsSuccessStatusCode.ShouldBeTrue();
        return sessions;
    }

    private async Task<TestSessions> BiologyAsync()
    {
        var sessions = await BaseAsync("bio");
        await UploadAsync(sessions, "bio", "biology.md", "text/markdown", Biology);
        await UploadAsync(sessions, "bio", "生物.md", "text/markdown", 生物);
        return sessions;
    }

    private Task<HttpResponseMessage> GetAsync(TestSessions sessions, string path) => sessions.SendAsync(HttpMethod.Get, path, token: _token);

    private async Task<JsonElement> SearchAsync(TestSessions sessions, string kbId, string question) =>
        (await (await GetAsync(sessions, $"/api/kb/{kbId}/search?q={Uri.EscapeDataString(question)}")).JsonAsync()).GetProperty("passages");

    private async Task<JsonElement> UploadAsync(TestSessions sessions, string kbId, string name, string contentType, string text)
    {
        using var response = await PostAsync(sessions, kbId, name, contentType, Encoding.UTF8.GetBytes(text));
        response.StatusCode.ShouldBe(HttpStatusCode.Created);
        return await response.JsonAsync();
    }

    private async Task<HttpResponseMessage> PostAsync(
        TestSessions sessions, string kbId, string name, string? contentType, byte[] body, bool chunked = false)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/kb/{kbId}/documents?name={Uri.EscapeDataString(name)}")
        {
            Content = new ByteArrayContent(body),
        };
        if (contentType is not null)
            request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        request.Headers.TransferEncodingChunked = chunked;
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);
        return await sessions.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
