using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace Lyceum.Tests.IntegrationTests.Browser;

/// <summary>The API's page runs in a browser under its own strict policy, with nothing from elsewhere.</summary>
[Collection(ChatCollection.Name)]
public sealed class DocsPageTests(SharedSystem system, Chromium browser)
{
    [Fact]
    public async Task DocsPage_InABrowser_ShowsTheApiWithoutOtherServers()
    {
        _ = system.App;
        using var anonymous = system.CreateAnonymousClient();
        var address = anonymous.BaseAddress!;
        var page = await browser.OpenAsync(new Uri(address, "/version"));
        var (violations, elsewhere) = (new ConcurrentBag<string>(), new ConcurrentBag<string>());
        page.Console += (_, message) =>
        {
            if (message.Text.Contains("Content Security Policy", StringComparison.Ordinal))
                violations.Add(message.Text);
        };
        page.Request += (_, request) =>
        {
            var url = new Uri(request.Url);
            if (url.Scheme.StartsWith("http", StringComparison.Ordinal) && url.Authority != address.Authority)
                elsewhere.Add(request.Url);
        };
        await page.GotoAsync(new Uri(address, "/docs/").ToString());
        await page.GetByRole(AriaRole.Button, new() { Name = "conversations" }).First.WaitForAsync();

        elsewhere.ShouldBeEmpty();
        violations.ShouldBeEmpty();
    }
}
