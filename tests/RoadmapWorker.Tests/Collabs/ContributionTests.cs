using Lyceum.RoadmapWorker.Collabs;

namespace Lyceum.Tests.RoadmapWorker.Tests.Collabs;

/// <summary>What a role says, whatever form its model gives it.</summary>
public sealed class ContributionTests
{
    [Theory]
    [InlineData("""{"text": "Hello\nyou", "sources": [1, 2]}""", "Hello\nyou", 2)]
    [InlineData("""{"text": "x", "sources": ["1"]}""", "x", 1)]
    [InlineData("""{"text": "x", "sources": "all"}""", "x", 0)]
    [InlineData("""{"text": "x"}""", "x", 0)]
    [InlineData("```json\n{\"text\": \"x\", \"sources\": [3]}\n```", "x", 1)]
    [InlineData("<think>{\"text\": \"no\"}</think> {\"text\": \"yes\"}", "yes", 0)]
    [InlineData("Plain words.", "Plain words.", 0)]
    [InlineData("```\nint x;\n```", "```\nint x;\n```", 0)]
    [InlineData("\"quoted\"", "\"quoted\"", 0)]
    [InlineData("{\"text\": \"line\nbreak\", \"sources\": []}", "line\nbreak", 0)]
    [InlineData("""{"text": "cut \"off\" in the mid""", "cut \"off\" in the mid", 0)]
    [InlineData("""{"text": "cut in an escape \u4f""", "cut in an escape 4f", 0)]
    [InlineData("""{"text": "ends in half \ud83d""", "ends in half \uFFFD", 0)]
    [InlineData("""{"text": "half \ud800 of a pair", "sources": [1]}""", "half \uFFFD of a pair", 0)]
    [InlineData("""{"text": "nul \u0000"}""", "nul \uFFFD", 0)]
    [InlineData("{curly, but no JSON}", "{curly, but no JSON}", 0)]
    [InlineData("", "", 0)]
    public void Answer_InAnyForm_IsWhatTheRoleSays(string answer, string text, int sources)
    {
        var contribution = ContributionReader.Read(answer).ShouldNotBeNull();
        (contribution.Text, contribution.Sources?.Count ?? 0).ShouldBe((text, sources));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"answer": "x"}""")]
    [InlineData("""{"text": " "}""")]
    [InlineData("""{"text": 7}""")]
    public void Answer_ThatIsAnotherObject_IsAskedForAgain(string answer) => ContributionReader.Read(answer).ShouldBeNull();
}
