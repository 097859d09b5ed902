using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Tests.Oidc;

namespace Lyceum.Tests.IntegrationTests.Accounts;

/// <summary>A system with an OpenID Connect provider, and two replicas of the service that signs people in.</summary>
public sealed class OidcSystem : SystemFixture, IAsyncLifetime
{
    public OidcProvider Provider { get; private set; } = null!;

    protected override IEnumerable<string> Arguments =>
    [
        "--Lyceum:Replicas:session-api=2", $"--Settings:SessionApi:Accounts:Oidc:Authority={Provider.Issuer}",
        $"--Settings:SessionApi:Accounts:Oidc:ClientId={OidcProvider.ClientId}", $"--Settings:SessionApi:Accounts:Oidc:ClientSecret={OidcProvider.ClientSecret}",
    ];

    async ValueTask IAsyncLifetime.InitializeAsync()
    {
        Provider = await OidcProvider.StartAsync();
        await InitializeAsync();
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await DisposeAsync();
        await Provider.DisposeAsync();
    }
}

/// <summary>A browser, through Gateway, to the provider and back.</summary>
[Trait("Category", "Long")] // a system of its own
public sealed class ExternalSignInTests(OidcSystem system) : IClassFixture<OidcSystem>
{
    [Fact]
    public async Task Browser_SignsInWithTheProvider_AndIsKnownEverywhere()
    {
        _ = system.App;
        using var plain = system.CreateAnonymousClient();
        var home = plain.BaseAddress!;
        string? account = null;
        // Often enough that a sign-in begins at one replica and ends at the other.
        for (var i = 0; i < 6; i++)
        {
            var jar = new CookieContainer();
            using var handler = new SocketsHttpHandler { CookieContainer = jar };
            using var browser = new HttpClient(handler) { BaseAddress = home };
            system.Provider.Person = new() { ["sub"] = "mei", ["email"] = "mei@school.example", ["email_verified"] = true, ["name"] = "梅" };

            var methods = await browser.GetFromJsonAsync<JsonElement>("/api/auth/methods");
            // All the way: to the provider, back through Gateway, and on to the page.
            using var page = await browser.GetAsync($"{methods.GetProperty("oidc").GetProperty("login")}?return_to=/version%3Ffrom=provider");

            page.StatusCode.ShouldBe(HttpStatusCode.OK, await page.Content.ReadAsStringAsync());
            page.RequestMessage!.RequestUri.ShouldBe(new Uri(home, "/version?from=provider"));
            system.Provider.Asked["redirect_uri"].ShouldBe(new Uri(home, "/api/auth/oidc/callback").ToString());
            jar.GetAllCookies().Select(cookie => (cookie.Name, cookie.Path)).ShouldBe([("lyceum_session", "/"), ("lyceum_refresh", "/api/auth")], ignoreOrder: true);
            var me = await browser.GetFromJsonAsync<JsonElement>("/api/auth/me");
            me.GetProperty("account").GetProperty("name").GetString().ShouldBe("梅");
            account ??= me.GetProperty("account").GetProperty("id").GetString();
            me.GetProperty("account").GetProperty("id").GetString().ShouldBe(account);
            (await browser.GetFromJsonAsync<JsonElement>("/api/tutors")).GetProperty("tutors").GetArrayLength().ShouldBe(0);

            browser.DefaultRequestHeaders.Add("Origin", home.GetLeftPart(UriPartial.Authority));
            using (var renewed = await browser.PostAsync("/api/auth/refresh", null))
                renewed.StatusCode.ShouldBe(HttpStatusCode.OK);
            using (var ended = await browser.PostAsync("/api/auth/logout", null))
                ended.StatusCode.ShouldBe(HttpStatusCode.NoContent);
            using var gone = await browser.GetAsync("/api/auth/me");
            gone.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        }
    }

    [Fact]
    public async Task CallbackThatThisBrowserDidNotBegin_IsRefused()
    {
        _ = system.App;
        system.Provider.Person = new() { ["sub"] = "attacker" };
        using var attacker = Browser();
        using var victim = Browser();
        using var login = await attacker.GetAsync("/api/auth/oidc/login");
        using var authorized = await attacker.GetAsync(login.Headers.Location);

        using var planted = await victim.GetAsync(authorized.Headers.Location);
        planted.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await planted.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString().ShouldBe("sign_in_expired");
        planted.Headers.Contains("Set-Cookie").ShouldBeFalse();

        HttpClient Browser()
        {
            using var plain = system.CreateAnonymousClient();
            return new(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = plain.BaseAddress };
        }
    }
}
