using Lyceum.ChatApi.Answers;
using Lyceum.EngineClient;

namespace Lyceum.Tests.ChatApi;

public sealed class ContextWindowTests
{
    private static ContextMessage Turn(string role, string content) => new(role, content);

    [Fact]
    public void Choose_EverythingFits_SystemFirstThenOldestFirst()
    {
        var (messages, usage) = ContextWindow.Choose([Turn("user", "c"), Turn("assistant", "b"), Turn("user", "a")], 0, "S", 1000);
        messages.Select(m => m.Content).ShouldBe(["S", "a", "b", "c"]);
        usage.ShouldBe(new Usage(null, null, null, 3, 0));
    }

    [Fact]
    public void Choose_TooMuch_OldestLeftOutQuestionKept()
    {
        var (messages, usage) = ContextWindow.Choose(
            [Turn("user", new string('q', 4000)), Turn("assistant", new string('o', 400))], 7, "S", 50);
        messages.Select(m => m.Role).ShouldBe(["system", "user"]);
        usage.ShouldBe(new Usage(null, null, null, 1, 8)); // the one that did not fit, and seven before it
    }

    [Fact]
    public void Choose_WithPassages_TheyTakeTheirPartOfTheBudget_AndTheTutorSpeaks()
    {
        var grounding = new AnswerGrounding(1, "bio", GroundingStatus.Found, [new(1, "p", "t", "s", new string('p', 400))], "I am Ada.");
        var (messages, usage) = ContextWindow.Choose(
            [Turn("user", "question"), Turn("assistant", new string('o', 400))], 0, "S", 150, grounding);
        messages.ShouldBe([new("system", "I am Ada."), new("user", "question")]);
        usage.ContextMessagesLeftOut.ShouldBe(1);
        ContextWindow.Choose([Turn("user", "question"), Turn("assistant", new string('o', 400))], 0, "S", 150).Usage.ContextMessagesLeftOut.ShouldBe(0);
    }

    [Fact]
    public void Choose_EmptyAnswer_NeitherShownNorCalledLeftOut()
    {
        var (messages, usage) = ContextWindow.Choose([Turn("user", "again"), Turn("assistant", ""), Turn("user", "first")], 0, "", 1000);
        messages.Select(m => m.Content).ShouldBe(["first", "again"]);
        usage.ShouldBe(new Usage(null, null, null, 2, 0));
    }
}
