using Lyceum.RoadmapWorker.Models;

namespace Lyceum.Tests.RoadmapWorker.Tests.Models;

/// <summary>What models write around the JSON that they were asked for.</summary>
public sealed class ModelJsonTests
{
    internal sealed record Shape(string Title, IReadOnlyList<int> Hours);

    private const string Good = """{"title":"Bows {and} \"strings\"","hours":[1,2]}""";

    [Theory]
    [InlineData(Good)]
    [InlineData("\uFEFF" + Good)]
    [InlineData(Good + "\n\nI left out {advanced} topics, see {\"note\": 1}.")]
    [InlineData(Good + " }")]
    [InlineData(Good + Good)]
    [InlineData("Here you are, with {placeholders} filled in:\n" + Good)]
    [InlineData("```json\n" + Good + "\n```\nHope that helps {:-}")]
    [InlineData("<think>maybe {\"title\":\"draft\",\"hours\":[]}?</think>" + Good)]
    [InlineData("The shape is {\"title\":\"…\"}. So: " + Good)]
    [InlineData("An example: {\"title\":\"\",\"hours\":[9]}. The answer: " + Good)] // which has the shape, and a fault
    [InlineData("[" + Good + "]")]
    [InlineData("{\"roadmap\":" + Good + "}")]
    [InlineData("""{"title":"Bows {and} \"strings\"","hours":[1,2,],}""")]
    [InlineData("""{"title":"Bows {and} \"strings\"", /* two */ "hours":["1", 2]}""")]
    [InlineData("{{{{ " + Good)]
    public void Answer_WithAnythingAroundIt_IsReadAtOnce(string answer)
    {
        var (value, faults) = ModelJson.Read<Shape>(answer, Check);

        faults.ShouldBeEmpty();
        value!.Title.ShouldBe("Bows {and} \"strings\"");
        value.Hours.ShouldBe([1, 2]);
    }

    [Theory]
    [InlineData("", "There is no JSON object in it")]
    [InlineData("I cannot do that.", "There is no JSON object in it")]
    [InlineData("""{"title":"cut off","hours":[1""", "It is not the JSON that was asked for")]
    [InlineData("""{"title":"no hours"}""", "It is not the JSON that was asked for")]
    [InlineData("""{"title":"","hours":[1]} and {prose}""", "title is empty")]
    public void Answer_WithoutIt_SaysWhatIsWrong(string answer, string says) =>
        ModelJson.Read<Shape>(answer, Check).ValidationErrors.ShouldHaveSingleItem().ShouldContain(says);

    [Fact]
    public void Answer_OfNothingButBeginnings_TakesNoTime()
    {
        var started = System.Diagnostics.Stopwatch.GetTimestamp();

        ModelJson.Read<Shape>(string.Concat(Enumerable.Repeat("{\"a", 250_000)), Check).Value.ShouldBeNull();

        System.Diagnostics.Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }

    private static IReadOnlyList<string> Check(Shape shape) => shape.Title.Length == 0 ? ["title is empty"] : [];
}
