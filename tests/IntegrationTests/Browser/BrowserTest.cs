using System.Net;
using System.Net.Http.Json;
using Microsoft.Playwright;

namespace Lyceum.Tests.IntegrationTests.Browser;

/// <summary>
/// Base of tests of the web UI in a real browser. Whatever a test is about, it fails when one of its pages wrote an error to the console,
/// broke its content security policy or asked another server for something.
/// </summary>
public abstract class BrowserTest(SharedSystem system, Chromium browser) : IAsyncLifetime
{
    private readonly List<BrowserTab> _tabs = [];
    private readonly List<IBrowserContext> _contexts = [];

    protected SharedSystem System { get; } = system;

    /// <summary>The gateway's; <c>localhost</c>, which browsers trust as they trust https.</summary>
    protected Uri Address { get; private set; } = null!;

    public virtual ValueTask InitializeAsync()
    {
        _ = System.App;
        WebUi.Require();
        using var anonymous = System.CreateAnonymousClient();
        Address = anonymous.BaseAddress!;
        return ValueTask.CompletedTask;
    }

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        try
        {
            foreach (var tab in _tabs)
                await tab.ShouldBeCleanAsync();
        }
        finally
        {
            foreach (var context in _contexts)
                await context.CloseAsync();
        }
    }

    /// <summary>Registers somebody who then calls the API as themselves.</summary>
    protected async Task<Person> RegisterAsync(string name = "ada")
    {
        var http = System.CreateAnonymousClient();
        var username = $"{name}-{Guid.CreateVersion7():N}"[..24];
        using var registered = await http.PostAsJsonAsync("/api/auth/register", new { username, password = Person.Password });
        registered.StatusCode.ShouldBe(HttpStatusCode.Created);
        var tokens = await registered.Content.ReadFromJsonAsync<System.Text.Json.JsonElement>();
        http.DefaultRequestHeaders.Authorization = new("Bearer", tokens.GetProperty("access_token").GetString());
        return new Person(username, http);
    }

    /// <summary>A browser of its own, in which <paramref name="person"/> is signed in by cookie; null: nobody is.</summary>
    /// <param name="address">Of a relay before the gateway; null: the gateway's own.</param>
    protected async Task<IBrowserContext> BrowserAsync(Person? person = null, Look? look = null, Uri? address = null)
    {
        look ??= new();
        var context = await browser.NewContextAsync(new()
        {
            BaseURL = (address ?? Address).ToString(),
            Locale = look.Language == "zh" ? "zh-CN" : "en-GB",
            ColorScheme = look.Theme == "dark" ? ColorScheme.Dark : ColorScheme.Light,
            ReducedMotion = ReducedMotion.Reduce,
            ViewportSize = new() { Width = look.Width, Height = look.Width < 600 ? 780 : 800 },
        });
        _contexts.Add(context);
        if (person is not null)
        {
            var signedIn = await context.APIRequest.PostAsync("/api/auth/login", new()
            {
                DataObject = new { username = person.Name, password = Person.Password, cookie = true },
            });
            signedIn.Status.ShouldBe((int)HttpStatusCode.OK, await signedIn.TextAsync());
        }
        return context;
    }

    /// <summary>A watched tab at <paramref name="path"/>.</summary>
    protected async Task<BrowserTab> OpenAsync(IBrowserContext context, string path = "/", Uri? address = null)
    {
        var tab = await BrowserTab.OpenAsync(context, address ?? Address);
        _tabs.Add(tab);
        await tab.GoToAsync(path);
        return tab;
    }

    protected async Task<BrowserTab> OpenAsync(Person? person, string path = "/", Look? look = null) =>
        await OpenAsync(await BrowserAsync(person, look), path);
}

/// <summary>Somebody with an account, and their API client.</summary>
public sealed record Person(string Name, HttpClient Http)
{
    public const string Password = "correct horse battery";
}

/// <summary>How a page is looked at.</summary>
/// <param name="Theme"><c>light</c> or <c>dark</c>.</param>
/// <param name="Language"><c>en</c> or <c>zh</c>.</param>
/// <param name="Width">Pixels.</param>
public sealed record Look(string Theme = "light", string Language = "en", int Width = 1280)
{
    /// <summary>Both themes, both languages, phone and desktop.</summary>
    public static readonly IReadOnlyList<Look> All =
    [
        .. from theme in (string[])["light", "dark"] from language in (string[])["en", "zh"] from width in (int[])[360, 1280]
           select new Look(theme, language, width),
    ];

    public override string ToString() => $"{Theme}-{Language}-{Width}";
}
