using System.Text.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>A model that fails: asked once more while nobody has seen a token, never after.</summary>
[Collection(ChatCollection.Name)]
public sealed class EngineFaultTests(SharedSystem system)
{
    private readonly long _seed = Random.Shared.Next(1, int.MaxValue); // each test its own

    [Theory]
    [InlineData("fail_after=0")]
    [InlineData("drop_after=0")]
    [InlineData("cut_after=0")]
    [InlineData("garbage_after=0")]
    [InlineData("status=503")]
    public async Task Model_FailsOnceBeforeItsFirstToken_AskedOnceMore(string fault)
    {
        var answer = await AskAsync($"[[stub tokens=20 rate=200 seed={_seed} {fault} faults=1]]");
        answer.Text.ShouldBe(StubText.Text(_seed, 20, unicode: false));
        answer.End!.Data.GetProperty("status").GetString().ShouldBe("complete");
        Asked().ShouldBe(2);
    }

    [Theory]
    [InlineData("fail_after=0", 2)] // once more, and not again
    [InlineData("status=400", 1)]   // the question itself is refused: asking again cannot help
    public async Task Model_FailsForGood_SaidSo(string fault, int asked)
    {
        var answer = await AskAsync($"[[stub tokens=20 rate=200 seed={_seed} {fault}]]");
        answer.Text.ShouldBe("");
        answer.End!.Type.ShouldBe("error");
        answer.End.Data.GetProperty("code").ValueKind.ShouldBe(JsonValueKind.String);
        Asked().ShouldBe(asked);
    }

    [Fact]
    public async Task Model_FailsAfterATokenWasShown_NotAskedAgain()
    {
        var answer = await AskAsync($"[[stub tokens=20 rate=200 seed={_seed} fail_after=1 faults=1]]");
        answer.Text.ShouldBe(StubText.Text(_seed, 1, unicode: false));
        answer.End!.Data.GetProperty("status").GetString().ShouldBe("interrupted");
        Asked().ShouldBe(1);
    }

    private async Task<ChatReading> AskAsync(string message)
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var answer = await chat.AskAsync(message);
        return await answer.ToEndAsync();
    }

    private int Asked() => system.Stub.Log.Requests.Count(r => r.LastUserMessage.Contains($"seed={_seed} ", StringComparison.Ordinal));
}
