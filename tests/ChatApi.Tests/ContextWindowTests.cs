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

    [Fact]
    public void Choose_Images_TheNewestFive_AndOlderOnesWhereTheyFit()
    {
        var (asked, before, first) = (Seen("c", 3), Seen("b", 4), Seen("a", 1));

        // The question's always, of the message before it two, of the first none: five in all.
        var (messages, usage) = ContextWindow.Choose([asked, Turn("assistant", "x"), before, first], 0, "", 100_000);
        messages.Select(m => (m.Content, m.Images.Count, m.ImagesLeftOut)).ShouldBe([("a", 0, 1), ("b", 2, 2), ("x", 0, 0), ("c", 3, 0)]);
        messages[1].Images.ShouldBe(before.Images.Take(2));
        (usage.ContextImages, usage.ContextImagesLeftOut).ShouldBe((5, 3));

        // A small budget: the question's are shown all the same, and of what came before it, nothing has room beside them.
        (messages, usage) = ContextWindow.Choose([asked, before], 0, "", 1000);
        (messages.Single().Images.Count, usage.ContextMessagesLeftOut, usage.ContextImages).ShouldBe((3, 1, 3));
        // Room for the text before it, not for its images.
        (messages, usage) = ContextWindow.Choose([asked, before], 0, "", 3500);
        messages.Select(m => (m.Images.Count, m.ImagesLeftOut)).ShouldBe([(0, 4), (3, 0)]);

        (messages, usage) = ContextWindow.Choose([asked], 0, "", 8000, maxImages: 0);
        (messages.Single().ImagesLeftOut, usage.ContextImages, usage.ContextImagesLeftOut).ShouldBe((3, 0, 3));

        static ContextMessage Seen(string text, int images) =>
            Turn("user", text) with { Images = [.. Enumerable.Range(0, images).Select(_ => Guid.CreateVersion7())] };
    }
}
