using Lyceum.Tests.StubModel;
using Microsoft.Playwright;

namespace Lyceum.Tests.IntegrationTests.Browser;

/// <summary>What a browser does by itself with a <c>stream_url</c>: read, come back after a cut, stop at the end.</summary>
[Collection(ChatCollection.Name)]
public sealed class EventSourceTests(SharedSystem system, Chromium browser)
{
    // No close at the end: an EventSource that nobody closes must stop by itself.
    private const string Follow =
        """
        url => {
            const seen = window.seen = { text: '', opened: 0, ends: 0, last: '' };
            const source = window.source = new EventSource(url);
            source.addEventListener('start', () => seen.opened++);
            source.addEventListener('delta', e => { seen.text += JSON.parse(e.data).text; seen.last = e.lastEventId; });
            source.addEventListener('end', () => seen.ends++);
        }
        """;

    [Fact]
    public async Task EventSource_CutOffByADyingReplicaAndGateway_SeesEveryByteOnceAndStopsAtTheEnd()
    {
        _ = system.App;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        var seed = Random.Shared.Next(1, int.MaxValue);
        using var chat = system.CreateChatClient();
        await using var asked = await chat.AskAsync($"[[stub tokens=160 rate=20 seed={seed} unicode=1]]");
        var url = (await asked.NextAsync(limit.Token))!.Data.GetProperty("stream_url").GetString()!;

        var page = await browser.OpenAsync(new Uri(chat.Http.BaseAddress!, "/docs/"));
        await page.EvaluateAsync(Follow, url);
        await page.WaitForFunctionAsync("() => window.seen.text.length > 100");
        // The connection breaks under it: an EventSource comes back by itself, with its Last-Event-ID.
        var owner = await system.OwnerAsync(limit.Token);
        system.Signal(owner, "KILL");
        await page.WaitForFunctionAsync("() => window.seen.text.length > 400");
        system.Signal("gateway", "KILL");

        await page.WaitForFunctionAsync("() => window.seen.ends > 0", null, new() { Timeout = 60_000 });
        // Closed by the 204 that its next return is answered with.
        await page.WaitForFunctionAsync("() => window.source.readyState === EventSource.CLOSED", null, new() { Timeout = 15_000 });
        var seen = (await page.EvaluateAsync("() => window.seen")).GetValueOrDefault();
        seen.GetProperty("text").GetString().ShouldBe(StubText.Text(seed, 160, unicode: true));
        seen.GetProperty("ends").GetInt32().ShouldBe(1);
        seen.GetProperty("opened").GetInt32().ShouldBeGreaterThan(1); // it was cut off indeed
        await page.CloseAsync();
    }
}
