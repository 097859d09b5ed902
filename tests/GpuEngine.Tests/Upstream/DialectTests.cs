using Lyceum.GpuEngine.Completions.Answers;
using System.Text;
using Lyceum.GpuEngine.Completions;
using Lyceum.GpuEngine.OpenAI;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.GpuEngine.Upstream;

/// <summary>
/// What a relayed completion, a detached generation and a live turn make of an unusual model server. The whole table of
/// dialects is the reader's own (EngineClient.Tests); here stands what the three do with it.
/// </summary>
public sealed class DialectTests
{
    private const string Hi = "data: {\"object\":\"chat.completion.chunk\","
        + "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n";

    private const string Stop = "data: {\"object\":\"chat.completion.chunk\","
        + "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

    private const string Done = "data: [DONE]\n\n";
    private const string Breaks = "✂";

    /// <summary>Name, stream, text, and the finish reason or the error's code.</summary>
    public static TheoryData<string, string, string, string> Dialects { get; } = new()
    {
        { "BOM", "\uFEFF" + Hi + Stop + Done, "Hi", "stop" },
        { "two data lines", Hi.Replace("[{", "[\ndata: {", StringComparison.Ordinal) + Stop + Done, "Hi", "stop" },
        { "broken after the finish reason", Hi + Stop + Breaks, "Hi", "stop" },
        { "no last line end", Hi + Stop.TrimEnd(), "Hi", "stop" },
        { "counts null", Hi + Stop + "data: {\"usage\":{\"prompt_tokens\":null}}\n\n" + Done, "Hi", "stop" },
        {
            "list of parts",
            Hi.Replace("\"Hi\"", "[{\"type\":\"text\",\"text\":\"Hi\"}]", StringComparison.Ordinal) + Stop + Done,
            "Hi", "stop"
        },
        {
            "error object, then [DONE]",
            Hi + "data: {\"object\":\"error\",\"message\":\"boom\",\"code\":400}\n\n" + Done,
            "Hi", "upstream_error"
        },
        { "broken amid the answer", Hi + Breaks, "Hi", "upstream_broken" },
        { "empty without a reason", Done, "", "upstream_broken" },
    };

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task Answer_OfAnUnusualServer_IsTheSameForAll(string name, string stream, string text, string end)
    {
        await using var upstream = await RawUpstream.StartAsync();
        await using var engine = await upstream.EngineAsync();
        var (events, breaks) = (stream.TrimEnd(Breaks[0]), stream.EndsWith(Breaks, StringComparison.Ordinal));

        upstream.SendAll(events, breaks);
        using (var relayed = await engine.AskAsync("hi"))
        {
            var body = await relayed.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            if (end is "stop")
            {
                var sent = events.TrimStart('\uFEFF').Replace(Done, "", StringComparison.Ordinal).TrimEnd();
                body.ShouldBe($"{sent}\n\n{Done}", name);
            }
            else
            {
                body.ShouldContain(end, customMessage: name);
                body.ShouldNotContain("[DONE]", customMessage: name);
            }
        }

        upstream.SendAll(events, breaks);
        using (var detached = await engine.DetachAsync(Guid.NewGuid(), "hi"))
        {
            if (text.Length > 0)
            {
                var answer = await StreamedAnswer.ReadAsync(detached);
                (answer.Text, answer.FinishReason ?? answer.ErrorCode).ShouldBe((text, end), name);
            }
            else
            {
                await detached.ShouldBeApiError(502, end);
            }
        }

        upstream.SendAll(events, breaks);
        (await LiveAsync(engine)).ShouldBe((text, end), name);
    }

    private static async Task<(string Text, string? End)> LiveAsync(Engine engine)
    {
        var model = engine.Services.GetRequiredService<IChatModel>();
        var body = """{"messages":[{"role":"user","content":"hi"}]}"""u8.ToArray();
        var request = new ChatRequest { Messages = [], Body = body };
        var text = new StringBuilder();
        try
        {
            var last = default(ChatDelta);
            await foreach (var delta in model.AnswerAsync(request, "raw", TestContext.Current.CancellationToken))
            {
                text.Append(delta.Text);
                last = delta;
            }
            return (text.ToString(), last.FinishReason);
        }
        catch (ApiException e)
        {
            return (text.ToString(), e.Error.Code);
        }
    }
}
