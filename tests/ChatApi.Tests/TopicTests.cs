using Lyceum.ChatApi.Asking;

namespace Lyceum.Tests.ChatApi;

public sealed class TopicTests
{
    [Theory]
    [InlineData("How do plants turn sunlight into sugar?", "How do plants turn sunlight into sugar?")]
    [InlineData("And why?", "And why?\nmore please\nHow do chloroplasts store the energy of sunlight?")]
    [InlineData("继续", "继续\nmore please\nHow do chloroplasts store the energy of sunlight?")]
    [InlineData("植物怎么利用光能？", "植物怎么利用光能？")]
    public void ShortQuestion_IsAboutWhatWasAskedBefore(string question, string topic) =>
        Topic.Of(question, ["more please", "How do chloroplasts store the energy of sunlight?", "What is mitosis?"]).ShouldBe(topic);

    [Fact]
    public void FirstQuestion_IsItsOwnTopic() => Topic.Of("Why?", []).ShouldBe("Why?");
}
