using Microsoft.Playwright;

namespace Lyceum.Tests.IntegrationTests.Browser;

/// <summary>The machine's own Chromium, headless, launched by the first test that needs it; skips the test where there is none.</summary>
public sealed class Chromium : IAsyncDisposable
{
    private static readonly string[] Programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    private async Task<IBrowser> LaunchAsync()
    {
        var program = Array.Find(Programs, File.Exists);
        Assert.SkipWhen(program is null, "Chromium is not installed");
        _playwright = await Playwright.CreateAsync();
        return await _playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = program,
            // Its sandbox needs rights that a container's root does not have; it only ever sees our own pages.
            Args =
            [
                "--no-sandbox", "--disable-dev-shm-usage",
                // The microphone is there, allowed, and hears a tone.
                "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
            ],
        });
    }

    /// <summary>A browser that has never been anywhere: cookies, storage and caches of its own.</summary>
    public async Task<IBrowserContext> NewContextAsync(BrowserNewContextOptions? options = null)
    {
        _browser ??= await LaunchAsync();
        return await _browser.NewContextAsync(options);
    }

    /// <summary>A page of a browser that has never been anywhere.</summary>
    public async Task<IPage> OpenAsync(Uri url)
    {
        var page = await (await NewContextAsync()).NewPageAsync();
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
