using System.Globalization;
using System.Text;
using Lyceum.Client;

namespace Lyceum.Tests.Client.Tests;

/// <summary>What changes for a person is told once, whatever the connection does.</summary>
public sealed class ChangeTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static LyceumClientOptions Quick => new() { FirstPause = TimeSpan.FromMilliseconds(1), LongestPause = TimeSpan.FromMilliseconds(5) };

    [Fact]
    public async Task Changes_CutAtEachByteOfTheirStream_AreToldOnce()
    {
        var (length, cut, first) = (Encoding.UTF8.GetByteCount(From(0)), 0, true);
        await using var gateway = new StubGateway(request =>
        {
            var after = request.Header("Last-Event-ID") is { } id ? int.Parse(id.Split('=')[1], CultureInfo.InvariantCulture) : 0;
            var reply = Reply.Stream(From(after), first ? cut : null);
            first = false;
            return reply;
        });
        using var client = new LyceumClient(gateway.Address, LyceumCredentials.Token("t"), Quick);
        for (; cut <= length; cut++)
        {
            first = true;
            List<Change> changes = [];
            await foreach (var change in client.ChangesAsync(cancellationToken: Cancel))
            {
                changes.Add(change);
                if (changes.Count == 4)
                    break;
            }
            changes.Select(change => (change.Type, change.Cursor)).ShouldBe(
                [("ready", "chat-api=0"), ("answer.started", "chat-api=1"), ("conversation.renamed", "chat-api=2"), ("answer.ended", "chat-api=3")],
                $"cut after {cut} bytes");
            changes[2].Data.GetProperty("title").GetString().ShouldBe("学习");
        }
    }

    [Fact]
    public async Task Cursor_OfAnEarlierProcess_IsGoneOnFrom()
    {
        await using var gateway = new StubGateway(_ => Reply.Stream(From(2)));
        using var client = new LyceumClient(gateway.Address, LyceumCredentials.Token("t"), Quick);

        await foreach (var change in client.ChangesAsync("chat-api=2", Cancel))
        {
            if (change.Type == "answer.ended")
                break;
        }
        gateway.Requests.First().Header("Last-Event-ID").ShouldBe("chat-api=2");
        gateway.Requests.First().Target.ShouldBe("/api/events");
    }

    [Fact]
    public async Task Cursor_ThatIsNone_IsRefused()
    {
        await using var gateway = new StubGateway(_ => Reply.Problem(400, "invalid_cursor"));
        using var client = new LyceumClient(gateway.Address, LyceumCredentials.Token("t"), Quick);

        var refused = await Should.ThrowAsync<LyceumException>(async () =>
        {
            await foreach (var _ in client.ChangesAsync("x", Cancel))
                continue;
        });
        refused.Code.ShouldBe("invalid_cursor");
        gateway.Requests.Count.ShouldBe(1);
    }

    /// <summary>As the gateway streams it (docs/events.md).</summary>
    private static string From(int after)
    {
        (string Type, string Data)[] all =
        [
            ("answer.started", "{\"message_id\":\"1\"}"), ("conversation.renamed", "{\"title\":\"学习\"}"), ("answer.ended", "{\"status\":\"complete\"}"),
        ];
        var body = new StringBuilder($"event: ping\nretry: 1000\ndata: {{}}\n\nid: chat-api={after}\nevent: ready\ndata: {{}}\n\nevent: ping\ndata: {{}}\n\n");
        for (var number = after + 1; number <= all.Length; number++)
            body.Append(CultureInfo.InvariantCulture, $"id: chat-api={number}\nevent: {all[number - 1].Type}\ndata: {all[number - 1].Data}\n\n");
        return body.ToString();
    }
}
