using System.Net;
using Lyceum.Tests.Oidc;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests.Oidc;

/// <summary>Signing in with an external provider, when all goes as it should.</summary>
public sealed class OidcSignInTests(OidcFixture fixture, PostgresFixture postgres) : IClassFixture<OidcFixture>
{
    private readonly OidcProvider _provider = fixture.Fresh();

    [Fact]
    public async Task NewPerson_GetsAnAccount_AndTheCookiesOfASignIn()
    {
        var sessions = await fixture.StartedAsync();
        using var browser = new OidcBrowser(sessions);

        var callback = await browser.BeginAsync("?return_to=/courses%3Fpage=2%23top");
        browser.Jar.GetCookies(browser.Home).ShouldBeEmpty(); // the state is for its own path alone
        var response = await browser.GetAsync(callback);

        response.StatusCode.ShouldBe(HttpStatusCode.Found, await response.Content.ReadAsStringAsync());
        response.Headers.Location!.ToString().ShouldBe("/courses?page=2#top");
        response.Headers.CacheControl!.NoStore.ShouldBeTrue();
        var cookies = response.Headers.GetValues("Set-Cookie").ToList();
        cookies.Count.ShouldBe(3);
        cookies.ShouldContain(cookie => cookie.StartsWith("lyceum_oidc=; expires=Thu, 01 Jan 1970") && cookie.Contains("path=/api/auth/oidc"));
        cookies.Where(cookie => !cookie.StartsWith("lyceum_oidc")).ShouldAllBe(cookie => cookie.Contains("samesite=strict") && cookie.Contains("httponly"));
        _provider.Asked["scope"].ShouldBe("openid profile email");
        _provider.Asked["redirect_uri"].ShouldBe($"{browser.Home}api/auth/oidc/callback");
        _provider.Asked.Keys.ShouldBe(
            ["client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method"], ignoreOrder: true);
        var account = await browser.SignedInAsync(sessions);
        account.Username.ShouldBe(((string)_provider.Person["email"]).ToLowerInvariant());
        account.Name.ShouldBe("梅");
        account.Password.ShouldBeFalse();
        using var renewed = await sessions.PostAsync("/api/auth/refresh", headers: ("Cookie", $"lyceum_refresh={browser.Cookie("lyceum_refresh")}"));
        renewed.StatusCode.ShouldBe(HttpStatusCode.OK);
        await (await sessions.SignInAsync(account.Username, "not the password")).ShouldBeProblem(HttpStatusCode.Unauthorized, "invalid_credentials");
        var change = await sessions.PostAsync(
            "/api/auth/change-password", new { current_password = "not the password", new_password = "an even quieter evening" },
            fixture.Identity.Token(sub: account.Id, tenant: account.Tenant, kind: "user", scope: "chat"));
        await change.ShouldBeProblem(HttpStatusCode.Forbidden, "password_login_disabled");
    }

    [Fact]
    public async Task SamePerson_ByAnotherAddress_IsTheSameAccount_AndAnotherPersonByTheirsIsNot()
    {
        var sessions = await fixture.StartedAsync();
        var email = (string)_provider.Person["email"];
        var first = await SignInAsync(sessions);
        _provider.Person["email"] = "married@school.example";
        var again = await SignInAsync(sessions);
        _provider.Person = OidcFixture.Somebody(email);
        var other = await SignInAsync(sessions);

        again.Id.ShouldBe(first.Id);
        again.Username.ShouldBe(email.ToLowerInvariant());
        other.Id.ShouldNotBe(first.Id);
        other.Tenant.ShouldNotBe(first.Tenant);
        other.Username.ShouldStartWith(email.Split('@')[0] + "-");
    }

    /// <summary>A registration verifies no address: whoever registered this one first may be anybody.</summary>
    [Fact]
    public async Task PasswordAccountOfTheSameAddress_IsLeftAlone()
    {
        var sessions = await fixture.StartedAsync();
        var person = await sessions.PersonAsync();
        _provider.Person["email"] = $"{person.Username}@school.example";
        (await sessions.PostAsync("/api/auth/register", new { username = _provider.Person["email"], password = TestSessions.Password })).StatusCode.ShouldBe(HttpStatusCode.Created);
        var registered = await sessions.PersonAsync((string)_provider.Person["email"]);

        var account = await SignInAsync(sessions);

        account.Id.ShouldNotBe(registered.Id.ToString());
        account.Tenant.ShouldNotBe(registered.Tenant);
    }

    [Fact]
    public async Task SimultaneousFirstSignIns_OneAccount()
    {
        var sessions = await fixture.StartedAsync();
        var before = await sessions.CountAsync("accounts");

        var accounts = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => SignInAsync(sessions)));

        accounts.Select(account => account.Id).Distinct().ShouldHaveSingleItem();
        (await sessions.CountAsync("accounts")).ShouldBe(before + 1);
    }

    [Fact]
    public async Task PersonWithoutAnAddress_IsCalledSomehow()
    {
        var sessions = await fixture.StartedAsync();
        _provider.Person = new() { ["sub"] = "0|äüß 中", ["preferred_username"] = $"Ren{Guid.NewGuid():N}" };
        var named = await SignInAsync(sessions);
        _provider.Person = new() { ["sub"] = "1", ["name"] = "\u0000\u0007" };
        var nameless = await SignInAsync(sessions);

        named.Username.ShouldStartWith("ren");
        nameless.Username.ShouldStartWith("person-");
        nameless.Name.ShouldBe(nameless.Username);
    }

    [Fact]
    public async Task RotatedKey_IsFetchedOnce()
    {
        var sessions = await fixture.StartedAsync();
        await SignInAsync(sessions);
        var before = _provider.KeySets;

        _provider.Rotate();
        await SignInAsync(sessions);
        await SignInAsync(sessions);

        _provider.KeySets.ShouldBe(before + 1);
    }

    [Fact]
    public async Task RedirectAddress_IsAsTheGatewayWasReached()
    {
        var sessions = await fixture.StartedAsync();
        using var browser = new OidcBrowser(sessions);

        var login = await browser.GetAsync("/api/auth/oidc/login", headers: [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "lyceum.example:8443")]);

        login.Headers.Location!.Query.ShouldContain($"redirect_uri={Uri.EscapeDataString("https://lyceum.example:8443/api/auth/oidc/callback")}");
        var cookie = login.Headers.GetValues("Set-Cookie").ShouldHaveSingleItem();
        foreach (var part in (string[])["__Host-lyceum_oidc=", "secure", "httponly", "samesite=lax", "path=/;", "max-age=600"])
            cookie.ShouldContain(part);
    }

    [Fact]
    public async Task SignInBegunAtOneReplica_EndsAtAnother_WithAPostedSecretFromAFile()
    {
        _provider.AuthMethods = ["client_secret_post"];
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, OidcProvider.ClientSecret + "\n");
        var settings = OidcSettings.For(_provider, ("Accounts:Oidc:ClientSecretFile", file), ("Accounts:Oidc:ClientSecret", ""));
        var database = await postgres.CreateDatabaseAsync();
        await using var one = await TestSessions.StartAsync(fixture.Identity, database, settings: settings);
        await using var other = await TestSessions.StartAsync(fixture.Identity, database, settings: settings);
        using var browser = new OidcBrowser(one);

        var callback = new Uri(await browser.BeginAsync());
        var response = await browser.GetAsync(new Uri(other.Client.BaseAddress!, callback.PathAndQuery).ToString());

        response.StatusCode.ShouldBe(HttpStatusCode.Found, await response.Content.ReadAsStringAsync());
        await browser.SignedInAsync(one);
        File.Delete(file);
    }

    [Fact]
    public async Task Methods_SayWhatThereIs()
    {
        var sessions = await fixture.StartedAsync();

        var methods = await (await sessions.SendAsync(HttpMethod.Get, "/api/auth/methods")).JsonAsync();

        methods.GetRawText().ShouldBe("""{"password":true,"oidc":{"name":"The School","login":"/api/auth/oidc/login"}}""");
    }

    [Fact]
    public async Task Secrets_AreInNoLogAndNoTable()
    {
        var sessions = await fixture.StartedAsync();
        using var browser = new OidcBrowser(sessions);
        var callback = await browser.BeginAsync("?setup_code=k7vq-secret-code");
        var state = browser.Cookie("lyceum_oidc") ?? browser.Jar.GetCookies(new Uri(callback))["lyceum_oidc"]!.Value;
        await browser.GetAsync(callback);
        await browser.SignedInAsync(sessions);

        string[] secrets = [OidcProvider.ClientSecret, callback.Split("code=")[1].Split('&')[0], state, "k7vq-secret-code", browser.Cookie("lyceum_session")!];
        foreach (var secret in secrets)
            sessions.Log.Lines.ShouldNotContain(line => line.Message.Contains(secret));
    }

    private static async Task<(string Id, string Tenant, string Username, string Name, bool Password)> SignInAsync(TestSessions sessions)
    {
        using var browser = new OidcBrowser(sessions);
        var response = await browser.SignInAsync();
        response.StatusCode.ShouldBe(HttpStatusCode.Found, await response.Content.ReadAsStringAsync());
        response.Headers.Location!.ToString().ShouldBe("/");
        return await browser.SignedInAsync(sessions);
    }
}
