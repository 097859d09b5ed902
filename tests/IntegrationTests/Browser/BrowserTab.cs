using System.Collections.Concurrent;
using System.Text.Json;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Lyceum.Tests.IntegrationTests.Browser;

/// <summary>A tab whose errors, policy violations and foreign requests are collected.</summary>
public sealed class BrowserTab
{
    private const string Violations =
        """
        document.addEventListener('securitypolicyviolation', e =>
            console.error(`securitypolicyviolation: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber} ${e.sample}`));
        """;

    // What the API answers a page, and a cable that is cut, are what tests are about: the browser's own lines on them are no errors.
    private static readonly string[] Expected = ["Failed to load resource:", "net::ERR_", "WebSocket connection to"];

    private readonly ConcurrentQueue<string> _wrong = new();
    private readonly List<string> _expected = [];
    private readonly Uri _address;

    private BrowserTab(IPage page, Uri address) => (Page, _address) = (page, address);

    public IPage Page { get; }

    /// <summary>Paths below the gateway that were requested, in order.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    internal static async Task<BrowserTab> OpenAsync(IBrowserContext context, Uri address)
    {
        var tab = new BrowserTab(await context.NewPageAsync(), address);
        tab.Page.Console += (_, message) =>
        {
            if (message.Type == "error" && !Expected.Any(expected => message.Text.Contains(expected, StringComparison.Ordinal)))
                tab._wrong.Enqueue($"console: {message.Text}");
        };
        tab.Page.PageError += (_, error) => tab._wrong.Enqueue($"uncaught: {error}");
        tab.Page.Request += (_, request) => tab.Saw(request.Url);
        tab.Page.WebSocket += (_, socket) => tab.Saw(socket.Url);
        await tab.Page.AddInitScriptAsync(Violations);
        return tab;
    }

    private void Saw(string address)
    {
        var url = new Uri(address);
        if (url.Scheme is not ("http" or "https" or "ws" or "wss"))
            return; // blob:, data:
        if (url.Authority != _address.Authority)
            _wrong.Enqueue($"foreign request: {address}");
        Requests.Enqueue(url.PathAndQuery);
    }

    public async Task<IResponse> GoToAsync(string path) => (await Page.GotoAsync(new Uri(_address, path).ToString()))!;

    /// <summary>
    /// The page has its heading and shows nothing that loads. The network is never idle: the stream of events stays open.
    /// </summary>
    public async Task SettledAsync()
    {
        await Page.GetByRole(AriaRole.Main).WaitForAsync();
        await Page.WaitForFunctionAsync("() => document.querySelector('h1') && !document.querySelector('main [role=status] .animate-spin')");
        await Page.WaitForTimeoutAsync(400); // what is shown late by design, such as the sign of loading itself (300 ms)
    }

    /// <summary>A test provoked this: lines with <paramref name="words"/> are no errors, but there must be one.</summary>
    public void Expect(string words) => _expected.Add(words);

    /// <summary>Checked at the end of each test; earlier where it is the test's subject.</summary>
    public async Task ShouldBeCleanAsync()
    {
        if (!Page.IsClosed)
            await Page.EvaluateAsync("() => 0"); // what happened before this was reported
        var wrong = _wrong.ToList();
        foreach (var words in _expected)
            wrong.RemoveAll(line => line.Contains(words, StringComparison.Ordinal)).ShouldBeGreaterThan(0, words);
        wrong.ShouldBeEmpty();
    }

    /// <summary>What axe finds, at any severity.</summary>
    public async Task<IReadOnlyList<string>> AxeAsync(string state)
    {
        var result = await Page.RunAxe(new AxeRunOptions
        {
            RunOnly = new() { Type = "tag", Values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
        });
        return [.. result.Violations.Select(violation => $"{state}: {violation.Id} ({violation.Impact}) {violation.Help}\n" +
            string.Join('\n', violation.Nodes.Select(node => $"    {node.Html}")))];
    }

    public async Task ShouldBeAccessibleAsync(string state) => (await AxeAsync(state)).ShouldBeEmpty();

    /// <summary><c>docs/screenshots/{name}-{look}.png</c>, only where LYCEUM_SCREENSHOTS=1 asks for it.</summary>
    public async Task PictureAsync(string name, Look look)
    {
        if (Environment.GetEnvironmentVariable("LYCEUM_SCREENSHOTS") != "1")
            return;
        await Page.EvaluateAsync("() => document.fonts.ready.then(() => 0)");
        await Page.ScreenshotAsync(new()
        {
            Path = Path.Combine(Repository.Root, "docs", "screenshots", $"{name}-{look}.png"), Animations = ScreenshotAnimations.Disabled,
        });
    }

    /// <summary>The page's processor is so many times slower; 1: as it is.</summary>
    public async Task SlowDownAsync(double times)
    {
        var devtools = await Page.Context.NewCDPSessionAsync(Page);
        await devtools.SendAsync("Emulation.setCPUThrottlingRate", new() { ["rate"] = times });
    }

    /// <summary>A laptop that sleeps (<c>frozen</c>) and wakes (<c>active</c>).</summary>
    public async Task LifeAsync(string state)
    {
        var devtools = await Page.Context.NewCDPSessionAsync(Page);
        await devtools.SendAsync("Page.setWebLifecycleState", new() { ["state"] = state });
    }

    /// <summary>What a script of the page returns, such as <c>() =&gt; location.href</c>.</summary>
    public async Task<JsonElement> AskAsync(string script) => (await Page.EvaluateAsync(script)).GetValueOrDefault();
}
