using Lyceum.Text;

namespace Lyceum.Tests.RoadmapWorker.Tests.Practice;

/// <summary>When two answers say the same.</summary>
public sealed class ShortAnswerTests
{
    [Theory]
    [InlineData("Photosynthesis", "photosynthesis", true)]
    [InlineData("carbon  dioxide", " Carbon\tDioxide ", true)]
    [InlineData("ＣＯ２", "CO2", true)]
    [InlineData("光合作用", "光合 作用。", true)]
    [InlineData("二氧化碳", "（二氧化碳）", true)]
    [InlineData("naïve", "naive", true)]
    [InlineData("Erdős", "erdos", true)]
    [InlineData("e\u0301tude", "étude", true)]
    [InlineData("がく", "かく", false)] // a different sound, not an accent
    [InlineData("й", "и", false)]
    [InlineData("C#", "C", false)]
    [InlineData("5!", "5", false)]
    [InlineData("yes!", "yes", true)]
    [InlineData(".5", "5", false)]
    [InlineData("+", "-", false)]
    [InlineData("+", "+", true)]
    [InlineData("3.14", "314", false)]
    [InlineData("-5", "5", false)]
    [InlineData("", "", false)]
    [InlineData("光合", "光台", false)]
    [InlineData("\ud800", "x", false)]
    public void Answers_AreTheSame_ButForHowTheyAreTyped(string first, string second, bool same)
    {
        ShortAnswer.Same(first, second).ShouldBe(same);
        ShortAnswer.Same(second, first).ShouldBe(same);
    }
}
