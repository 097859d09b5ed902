using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Tests.StubModel;
using Microsoft.Playwright;

namespace Lyceum.Tests.IntegrationTests.Browser;

/// <summary>What has been read is never lost: in the page, over reloads, cut cables and killed services.</summary>
[Collection(ChatCollection.Name)]
public sealed class AnswerTests(SharedSystem system, Chromium browser) : BrowserTest(system, browser)
{
    // The stub's words need no Markdown: what is shown is what was said.
    private const int Tokens = 160;
    private const string Shown = "() => [...document.querySelectorAll('article .markdown')].at(-1)?.innerText.replace(/\\s+/g, ' ').trim() ?? ''";

    private static readonly PageWaitForFunctionOptions Patient = new() { Timeout = 90_000 };

    private readonly int _seed = Random.Shared.Next(1, int.MaxValue);

    private string Expected => StubText.Text(_seed, Tokens, unicode: false).Trim();

    /// <summary>Tokens a second.</summary>
    private string Question(int rate) => $"[[stub tokens={Tokens} rate={rate} seed={_seed}]]";

    [Fact]
    public async Task Newcomer_RegistersAsksAndReloads_ReadsTheSameText()
    {
        var tab = await OpenAsync(person: null, "/register");
        await tab.Page.Locator("input[name=username]").FillAsync($"newcomer-{Guid.CreateVersion7():N}"[..24]);
        await tab.Page.Locator("input[name=password]").FillAsync(Person.Password);
        await tab.Page.Locator("form button[type=submit]").ClickAsync();
        await tab.Page.WaitForURLAsync(url => new Uri(url).AbsolutePath == "/", new() { Timeout = 30_000 });

        await AskAsync(tab, Question(rate: 200));
        await UntilEndedAsync(tab);
        (await ShownAsync(tab)).ShouldBe(Expected);
        await tab.Page.ReloadAsync();
        await UntilEndedAsync(tab);
        (await ShownAsync(tab)).ShouldBe(Expected);
    }

    [Fact]
    public async Task ChatApi_KilledInTheMiddle_TheTextGoesOnFromItsByte() => await KillAsync(rounds: 1);

    [Fact]
    [Trait("Category", "Long")]
    public async Task ChatApi_KilledInTheMiddleTwentyTimes_TheTextGoesOnFromItsByte() => await KillAsync(rounds: 20);

    private async Task KillAsync(int rounds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3 * rounds));
        var ada = await RegisterAsync();
        var context = await BrowserAsync(ada);
        for (var round = 0; round < rounds; round++)
        {
            var tab = await OpenAsync(context, "/c");
            await AskAsync(tab, Question(rate: 20));
            await UntilShownAsync(tab, 100);
            System.Signal(await System.OwnerAsync(limit.Token), "KILL");
            await UntilEndedAsync(tab);
            await ShouldBeWholeAsync(context, tab, ada);
            await tab.Page.CloseAsync();
            await System.UntilUpAsync(limit.Token);
        }
    }

    [Fact]
    public async Task Cable_CutInTheMiddleAndRestored_TheTextGoesOnFromItsByte()
    {
        var ada = await RegisterAsync();
        await using var cable = new Relay(Address);
        var context = await BrowserAsync(ada, address: cable.Address);
        var tab = await OpenAsync(context, "/c", cable.Address);
        await AskAsync(tab, Question(rate: 20));
        await UntilShownAsync(tab, 100);
        cable.Cut();
        await tab.Page.GetByText("The connection is broken.").First.WaitForAsync(new() { Timeout = 30_000 });
        (await ShownAsync(tab)).Length.ShouldBeGreaterThan(100, "what was read stays");
        cable.Restore();
        await UntilEndedAsync(tab);
        await ShouldBeWholeAsync(context, tab, ada, cable.Address);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task BadLineAndSlowPhone_FirstTextComesSoon_AndCostsLittle()
    {
        var ada = await RegisterAsync();
        await using var cable = new Relay(Address, Line.Bad);
        var context = await BrowserAsync(ada, new Look(Width: 360), cable.Address);
        var tab = await OpenAsync(context, "/c", cable.Address);
        await AskAsync(tab, Question(rate: 200)); // warms the page
        await UntilEndedAsync(tab);
        await tab.SlowDownAsync(4);

        await tab.GoToAsync("/c");
        var field = tab.Page.Locator("textarea[data-composer]");
        await field.FillAsync($"[[stub tokens=2000 rate=50 seed={_seed}]]");
        var (before, begun) = (cable.Received, Stopwatch.GetTimestamp());
        await field.PressAsync("Enter");
        await UntilShownAsync(tab, 1);
        var first = Stopwatch.GetElapsedTime(begun);
        await UntilEndedAsync(tab);
        var (bytes, text) = (cable.Received - before, (await ShownAsync(tab)).Length);
        TestContext.Current.TestOutputHelper!.WriteLine($"first text after {first.TotalSeconds:n1} s, {bytes:n0} bytes for {text:n0} of text");
        first.ShouldBeLessThan(TimeSpan.FromSeconds(5));
        bytes.ShouldBeLessThanOrEqualTo(3L * text);
    }

    private static async Task AskAsync(BrowserTab tab, string question)
    {
        if (new Uri(tab.Page.Url).AbsolutePath != "/c")
            await tab.GoToAsync("/c");
        var field = tab.Page.Locator("textarea[data-composer]");
        await field.FillAsync(question);
        await field.PressAsync("Enter");
        await tab.Page.WaitForFunctionAsync("() => /^\\/c\\/[0-9a-f-]{36}$/.test(location.pathname)", null, Patient);
    }

    private static async Task UntilShownAsync(BrowserTab tab, int characters) =>
        await tab.Page.WaitForFunctionAsync($"() => ({Shown})().length > {characters}", null, Patient);

    private static async Task UntilEndedAsync(BrowserTab tab) => await tab.Page.WaitForFunctionAsync(
        $"() => ({Shown})().length > 0 && !document.querySelector('article[aria-busy]')", null, Patient);

    private static async Task<string> ShownAsync(BrowserTab tab) => (await tab.AskAsync(Shown)).GetString()!;

    /// <summary>What the tab shows is what a fresh tab shows, what the server has, and what the model said.</summary>
    private async Task ShouldBeWholeAsync(IBrowserContext context, BrowserTab tab, Person person, Uri? address = null)
    {
        (await ShownAsync(tab)).ShouldBe(Expected);
        var path = new Uri(tab.Page.Url).AbsolutePath;
        var fresh = await OpenAsync(context, path, address);
        await UntilEndedAsync(fresh);
        (await ShownAsync(fresh)).ShouldBe(Expected);
        await fresh.Page.CloseAsync();
        var messages = await person.Http.GetFromJsonAsync<JsonElement>($"/api/conversations/{path["/c/".Length..]}/messages");
        var answer = messages.GetProperty("messages").EnumerateArray().Last();
        answer.GetProperty("status").GetString().ShouldBe("complete");
        answer.GetProperty("content").GetString()!.Trim().ShouldBe(Expected);
    }
}
