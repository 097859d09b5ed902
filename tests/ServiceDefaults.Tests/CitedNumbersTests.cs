using Lyceum.Text;

namespace Lyceum.Tests.ServiceDefaults.Tests;

public sealed class CitedNumbersTests
{
    [Theory]
    [InlineData("As [3] says, and [1], and again [3]; not [4] or [0].", new[] { 1, 3 })]
    [InlineData("Both[1][2].", new[] { 1, 2 })]
    [InlineData("Both [2, 3] of them [1;2].", new[] { 1, 2, 3 })]
    [InlineData("植物利用光能【1】，线粒体释放能量［2，3］。", new[] { 1, 2, 3 })]
    [InlineData("Nothing [here], [1.5], [a1], 1], [ or [9999].", new int[0])]
    [InlineData("", new int[0])]
    public void Answer_CitesByNumber(string answer, int[] expected) => CitedNumbers.In(answer, passages: 3).ShouldBe(expected);

    [Fact]
    public void NothingGiven_NothingCited() => CitedNumbers.In("As [1] says.", passages: 0).ShouldBeEmpty();
}
