namespace Lyceum.Tests.IntegrationTests.Browser;

/// <summary>axe finds nothing at any severity, and nothing has to be scrolled sideways.</summary>
[Collection(ChatCollection.Name)]
public sealed class AccessibilityTests(SharedSystem system, Chromium browser) : BrowserTest(system, browser)
{
    private static readonly (string Path, string Name, bool SignedIn)[] Pages =
    [
        ("/sign-in", "sign-in", false), ("/register", "register", false), ("/join", "join", false), ("/", "today", true), ("/c", "chat", true),
        ("/plans", "plans", true), ("/practice", "practice", true), ("/live", "live", true), ("/teach", "teach", true), ("/settings", "settings", true),
    ];

    /// <summary>A seeded sample: each page once, in looks that take turns.</summary>
    [Fact]
    public async Task Pages_InALookEach_AreAccessible() =>
        await CheckAsync(Pages.Index().Select(page => (page.Item, Look.All[page.Index * 3 % Look.All.Count])));

    [Fact]
    [Trait("Category", "Long")]
    public async Task Pages_InEveryLook_AreAccessible() =>
        await CheckAsync(from page in Pages from look in Look.All select (page, look));

    private async Task CheckAsync(IEnumerable<((string Path, string Name, bool SignedIn) Page, Look Look)> cases)
    {
        var ada = await RegisterAsync();
        var wrong = new List<string>();
        foreach (var (page, look) in cases)
        {
            var tab = await OpenAsync(page.SignedIn ? ada : null, page.Path, look);
            await tab.SettledAsync();
            wrong.AddRange(await tab.AxeAsync($"{page.Name}-{look}"));
            if ((await tab.AskAsync("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")).GetInt32() > 0)
                wrong.Add($"{page.Name}-{look}: scrolls sideways");
            await tab.Page.Context.CloseAsync();
        }
        wrong.ShouldBeEmpty();
    }
}
