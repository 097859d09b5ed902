using System.Net;
using System.Text.Json;
using Microsoft.Playwright;

namespace Lyceum.Tests.IntegrationTests.Browser;

/// <summary>The UI as the gateway serves it: its policy, its addresses, its files.</summary>
[Collection(ChatCollection.Name)]
public sealed class ShellTests(SharedSystem system, Chromium browser) : BrowserTest(system, browser)
{
    /// <summary>Bytes, gzipped: what the first page costs a phone.</summary>
    private const int FirstScripts = 200_000, ChatScripts = 320_000, Styles = 30_000;

    [Fact]
    public async Task Shell_InABrowser_RunsUnderItsPolicyWithNothingFromElsewhere()
    {
        var tab = await OpenAsync(person: null, "/sign-in");
        await tab.Page.Locator("#root > *").First.WaitForAsync();
        var response = await tab.GoToAsync("/sign-in");
        (await response.HeaderValueAsync("content-security-policy"))!.ShouldStartWith("default-src 'none'; script-src 'self';");
        // The policy is the browser's, too: what an attacker would inject does nothing.
        (await tab.Page.EvaluateAsync<bool>(
            """
            () => {
                let refused = false;
                try { document.body.innerHTML = '<img src=x onerror=alert(1)>' } catch (e) { refused = e instanceof TypeError }
                return refused;
            }
            """)).ShouldBeTrue("Trusted Types are enforced");
        tab.Expect("require-trusted-types-for");
    }

    [Fact]
    public async Task DeepLink_Reloaded_IsThePageAgain_AndAnUnknownOneIs404()
    {
        var ada = await RegisterAsync();
        var context = await BrowserAsync(ada);
        foreach (var path in (string[])["/", "/c", "/plans", "/practice", "/settings"])
        {
            var tab = await OpenAsync(context, path);
            await tab.Page.GetByRole(AriaRole.Main).WaitForAsync();
            (await tab.Page.ReloadAsync())!.Status.ShouldBe(200, path);
            await tab.Page.GetByRole(AriaRole.Main).WaitForAsync();
            new Uri(tab.Page.Url).AbsolutePath.ShouldBe(path);
            await tab.ShouldBeCleanAsync();
        }
        var unknown = await OpenAsync(context, "/");
        (await unknown.GoToAsync("/no-such-page")).Status.ShouldBe(404);
        await unknown.Page.Locator("#root > *").First.WaitForAsync();
    }

    [Fact]
    public async Task Files_ThatAPageLoads_AreImmutableAndCompressed()
    {
        var tab = await OpenAsync(person: null, "about:blank");
        var assets = new List<IResponse>();
        tab.Page.Response += (_, response) =>
        {
            if (new Uri(response.Url).AbsolutePath.StartsWith("/assets/", StringComparison.Ordinal))
                assets.Add(response);
        };
        var page = await tab.GoToAsync("/sign-in");
        await tab.Page.Locator("#root > *").First.WaitForAsync();
        (await page.HeaderValueAsync("cache-control")).ShouldBe("no-cache");
        (await page.HeaderValueAsync("content-encoding")).ShouldBe("br");
        assets.Count.ShouldBeGreaterThan(1);
        foreach (var asset in assets)
        {
            (await asset.HeaderValueAsync("cache-control")).ShouldBe("public, max-age=31536000, immutable", asset.Url);
            (await asset.HeaderValueAsync("x-content-type-options")).ShouldBe("nosniff");
            if (Path.GetExtension(asset.Url) is ".js" or ".css")
                (await asset.HeaderValueAsync("content-encoding")).ShouldBe("br", asset.Url);
        }
    }

    [Fact]
    public async Task Root_ForAProgram_IsTheDescriptionOfTheApi()
    {
        using var anonymous = System.CreateAnonymousClient();
        var landing = JsonDocument.Parse(await anonymous.GetStringAsync("/")).RootElement;
        landing.GetProperty("name").GetString().ShouldBe("Lyceum");
        (await anonymous.GetAsync("/no-such-page")).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public void Budgets_OfWhatAPageLoadsFirst_AreKept()
    {
        var manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(WebUi.Dist, ".vite", "manifest.json"))).RootElement;
        var chunks = manifest.EnumerateObject().ToDictionary(chunk => chunk.Name, chunk => chunk.Value);
        var entry = chunks.Single(chunk => Flag(chunk.Value, "isEntry") && chunk.Key.EndsWith(".html", StringComparison.Ordinal)).Key;
        var pages = chunks.Keys.Where(name => name.EndsWith("Page.tsx", StringComparison.Ordinal)).ToList();
        pages.ShouldNotBeEmpty();
        foreach (var page in pages)
        {
            var (scripts, styles) = (new HashSet<string>(), new HashSet<string>());
            Load(entry);
            Load(page);
            var (script, style) = (scripts.Sum(Gzipped), styles.Sum(Gzipped));
            TestContext.Current.TestOutputHelper!.WriteLine($"{page}: JavaScript {script:n0} bytes, CSS {style:n0} bytes, gzipped");
            script.ShouldBeLessThanOrEqualTo(page.Contains("/chat/", StringComparison.Ordinal) ? ChatScripts : FirstScripts, page);
            style.ShouldBeLessThanOrEqualTo(Styles, page);

            void Load(string name)
            {
                var chunk = chunks[name];
                if (!scripts.Add(chunk.GetProperty("file").GetString()!))
                    return;
                styles.UnionWith(Names(chunk, "css"));
                foreach (var import in Names(chunk, "imports"))
                    Load(import);
            }
        }

        static bool Flag(JsonElement chunk, string name) => chunk.TryGetProperty(name, out var flag) && flag.GetBoolean();
        static IEnumerable<string> Names(JsonElement chunk, string name) =>
            chunk.TryGetProperty(name, out var names) ? names.EnumerateArray().Select(one => one.GetString()!) : [];
        static long Gzipped(string file) => new FileInfo(Path.Combine(WebUi.Dist, file + ".gz")).Length;
    }
}
