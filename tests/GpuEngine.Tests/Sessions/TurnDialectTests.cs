using System.Text;
using System.Text.Json;
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

    [Fact]
    public async Task Turn_LargerThanAnyAnswer_IsCutAtTheLimitAndItsTextIsSent()
    {
        await using var upstream = await RawUpstream.StartAsync();
        await using var engine = await SessionEngine.StartAsync(Connector.Settings(Connector.OpenAI, upstream.Url, "raw"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        upstream.Say("学" + new string('x', 1_000_000));
        upstream.Finish();

        await client.SayAsync("hello");

        var text = await client.UntilAsync("text");
        LyceumV1Tests.Content(text)!.Length.ShouldBe(256 * 1024 - 2);
        text.GetProperty("finish_reason").GetString().ShouldBe("length");
        await client.UntilAsync("latency_report");
    }

    [Fact]
    public async Task Turn_OfAModelThatReasons_TellsHowMuchAndKeepsItApart()
    {
        await using var upstream = await RawUpstream.StartAsync();
        await using var engine = await SessionEngine.StartAsync(Connector.Settings(Connector.OpenAI, upstream.Url, "raw"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        upstream.Say("<think>Let me ");
        upstream.Say("see: 学</thi");
        upstream.Say("nk>");
        upstream.Say("Hi");
        upstream.Finish();

        await client.SayAsync("hello");

        var seen = new List<JsonElement>();
        var text = await client.UntilAsync("text", seen);
        LyceumV1Tests.Content(text).ShouldBe("Hi");
        var lengths = seen.Where(e => e.GetProperty("type").ValueEquals("thinking"))
            .Select(e => e.GetProperty("length").GetInt32()).ToList();
        lengths[^1].ShouldBe(Encoding.UTF8.GetByteCount("Let me see: 学"));
        lengths.ShouldBeInOrder();
        seen.FindLastIndex(e => e.GetProperty("type").ValueEquals("thinking"))
            .ShouldBeLessThan(seen.FindIndex(e => e.GetProperty("type").ValueEquals("delta")));
    }

    [Fact]
    public async Task Turn_OfAModelThatReasons_IsForOldClientsTheAnswerAlone()
    {
        await using var upstream = await RawUpstream.StartAsync();
        await using var engine = await SessionEngine.StartAsync(Connector.Settings(Connector.OpenAI, upstream.Url, "raw"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(), subProtocol: null);
        upstream.Send("""{"choices":[{"index":0,"delta":{"reasoning_content":"hm"},"finish_reason":null}]}""");
        upstream.Say("Hi");
        upstream.Finish();

        await client.SayAsync("hello");

        LyceumV1Tests.Content((await client.NextAsync())!.Value).ShouldBe("Hi");
    }

    /// <summary>Some of the table through a socket; all of it is read by the model in Upstream/DialectTests.</summary>
    [Fact]
    public async Task Turn_OfAnyServer_IsTextOrAnErrorWithItsCause()
    {
        await using var upstream = await RawUpstream.StartAsync();
        await using var engine = await SessionEngine.StartAsync(
            [.. Connector.Settings(Connector.OpenAI, upstream.Url, "raw"), ("Engine:Sessions:MessageBurst", "1000")]);
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        var random = new Random(15);
        foreach (var dialect in DialectTable.All.Values
            .Where(d => !d.BeginsThinking && d.Text.Length < 80_000).OrderBy(_ => random.Next()).Take(60))
        {
            upstream.SendAll(dialect.Bytes, dialect.Breaks, ("Content-Type", dialect.ContentType));

            await client.SayAsync("hello");

            var seen = new List<JsonElement>();
            var end = dialect.IsComplete ? await client.UntilAsync("text", seen) : await client.UntilAsync("error", seen);
            if (dialect.IsComplete)
            {
                LyceumV1Tests.Content(end).ShouldBe(dialect.Text, dialect.Name);
                end.GetProperty("finish_reason").GetString().ShouldBe(dialect.End, dialect.Name);
                await client.UntilAsync("latency_report");
            }
            else
            {
                end.GetProperty("code").GetString().ShouldBe(
                    dialect.Cause is null ? "upstream_broken" : "upstream_error", dialect.Name);
                LyceumV1Tests.Content(end).ShouldEndWith(dialect.Cause ?? "", customMessage: dialect.Name);
            }
            string.Concat(seen.Where(e => e.GetProperty("type").ValueEquals("delta")).Select(LyceumV1Tests.Content))
                .ShouldBe(dialect.Text, dialect.Name);
            seen.Where(e => e.GetProperty("type").ValueEquals("thinking")).Select(e => e.GetProperty("length").GetInt32())
                .LastOrDefault().ShouldBe(Encoding.UTF8.GetByteCount(dialect.Thinking), dialect.Name);
        }
    }
}
