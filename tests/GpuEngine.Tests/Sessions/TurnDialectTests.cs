using Lyceum.Tests.GpuEngine.Upstream;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>Live turns of models whose streams are unusual.</summary>
public sealed class TurnDialectTests
{
    public static TheoryData<string> Connectors { get; } = [.. Connector.All];

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Turn_EmojiSplitOverTwoEvents_IsWhole(string connector)
    {
        await using var upstream = await RawUpstream.StartAsync();
        await using var engine = await SessionEngine.StartAsync(Connector.Settings(connector, upstream.Url, "raw"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(), subProtocol: null);
        upstream.Say("Hi ");
        upstream.Say(@"\ud83d");
        upstream.Say(@"\ude00 there");
        upstream.Finish();

        await client.SayAsync("hello");

        var answer = (await client.NextAsync())!.Value;
        answer.GetProperty("type").GetString().ShouldBe("text");
        LyceumV1Tests.Content(answer).ShouldBe("Hi 😀 there");
    }
}
