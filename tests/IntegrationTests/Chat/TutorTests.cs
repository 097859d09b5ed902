using System.Net.Http.Json;
using System.Text.Json;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>A tutor as the language model meets it.</summary>
[Collection(ChatCollection.Name)]
public sealed class TutorTests(SharedSystem system)
{
    [Fact]
    public async Task Question_ToATutor_TheModelIsToldWhoItIsAndWhatItKnows()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        var kbId = await Knowledge.CreateAsync(chat.Http, "rings.md", "# Rings\nA ring has two operations.");
        using var made = await chat.Http.PostAsJsonAsync(
            "/api/tutors", new { name = "Ms Noether", subject = "algebra", instructions = "Ask back.", kb_id = kbId }, TestContext.Current.CancellationToken);
        var tutor = (await made.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken)).GetProperty("id").GetInt32();

        await using var answer = await chat.AskAsync("How many operations has a ring? [[stub tokens=3 rate=0]]", tutorId: tutor);
        await answer.ToEndAsync();

        var request = system.Stub.Log.Requests.Last(r => r.LastUserMessage.StartsWith("How many operations", StringComparison.Ordinal));
        request.MessageCount.ShouldBe(2);
        var prompt = JsonElement.Parse(request.Body).GetProperty("messages")[0].GetProperty("content").GetString()!;
        prompt.ShouldContain("Your name is Ms Noether. You teach algebra.");
        prompt.ShouldContain("Ask back.");
        prompt.ShouldMatch("<passages-([0-9a-f]{16})>\n\\[1\\] Rings \\(rings.md\\)\nA ring has two operations.\n</passages-\\1>\\z");
        var end = answer.End!.Data;
        end.GetProperty("grounding").GetString().ShouldBe("found");
        end.GetProperty("sources")[0].GetProperty("cited").GetBoolean().ShouldBeFalse(); // the stub cites nothing
        var stored = (await chat.MessagesAsync(answer.ConversationId))[1];
        (stored.GetProperty("tutor_id").GetInt32(), stored.GetProperty("kb_id").GetString()).ShouldBe((tutor, kbId));
    }
}
