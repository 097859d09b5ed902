using Microsoft.Playwright;

namespace Lyceum.Tests.BrowserTests;

/// <summary>The machine's own Chromium, headless; tests skip where there is none.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] Programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (Array.Find(Programs, File.Exists) is not { } program)
            return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = program,
            // Its sandbox needs rights that a container's root does not have; it only ever sees our own pages.
            Args = ["--no-sandbox", "--disable-dev-shm-usage"],
        });
    }

    /// <summary>A page of a browser that has never been anywhere.</summary>
    public async Task<IPage> OpenAsync(Uri url)
    {
        Assert.SkipWhen(_browser is null, "Chromium is not installed");
        var page = await _browser!.NewPageAsync();
        await page.GotoAsync(url.ToString());
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }
}
