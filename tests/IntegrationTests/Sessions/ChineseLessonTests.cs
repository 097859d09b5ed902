using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Lyceum.Tests.IntegrationTests.Sessions;

/// <summary>From a Chinese knowledge base to a cited answer, with no language model: the house as it is on a fresh machine.</summary>
[Collection(HouseCollection.Name)]
public sealed class ChineseLessonTests(HouseFixture house)
{
    private const string Fact = "叶绿体中的叶绿素吸收光能，把二氧化碳和水合成为糖，并放出氧气。";
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Question_InChinese_IsAnsweredFromTheKnowledgeBase_Cited_AndStoredByteForByte()
    {
        _ = house.App;
        var student = new SessionClient(house.CreateGatewayClient());
        using (var kb = await student.Http.PutAsJsonAsync("/api/kb/shengwu", new { title = "生物学" }))
            kb.EnsureSuccessStatusCode();
        using (var document = new ByteArrayContent(Encoding.UTF8.GetBytes($"# 植物\n\n## 光合作用\n\n{Fact}\n\n## 呼吸\n\n植物在夜里也呼吸。\n")))
        {
            document.Headers.ContentType = new MediaTypeHeaderValue("text/markdown");
            using var uploaded = await student.Http.PostAsync($"/api/kb/shengwu/documents?name={Uri.EscapeDataString("植物.md")}", document);
            uploaded.EnsureSuccessStatusCode();
        }
        var tutor = await student.TutorAsync(new { name = "王老师", subject = "生物", language = "zh", kb_id = "shengwu" });
        var made = await student.CreateAsync(tutor, new { student_id = "小明" });
        made.Raw.TryGetProperty("warnings", out _).ShouldBeFalse();

        const string question = "植物怎样利用光能？叶绿素有什么作用？";
        using var socket = await SessionSocket.OpenAsync(made.EngineUrl, cancellationToken: Cancel);
        await socket.SayAsync(question, Cancel);
        var answer = (await socket.UntilAsync("text", Cancel))!.Value;
        var content = answer.GetProperty("content").GetString()!;
        content.ShouldContain(Fact);
        content.ShouldContain("[1]");
        answer.GetProperty("citations")[0].GetProperty("source").GetString()!.ShouldContain("植物.md");

        var kept = (await TalkTests.TurnsAsync(student, made.SessionId, 1))[0];
        kept.GetProperty("question").GetString().ShouldBe(question);
        Encoding.UTF8.GetBytes(kept.GetProperty("answer").GetString()!).ShouldBe(Encoding.UTF8.GetBytes(content));
        JsonElement.DeepEquals(kept.GetProperty("citations"), answer.GetProperty("citations")).ShouldBeTrue(kept.GetRawText());
    }
}
