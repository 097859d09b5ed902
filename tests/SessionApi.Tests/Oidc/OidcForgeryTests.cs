using System.Net;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Oidc;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.SessionApi.Tests.Oidc;

/// <summary>Signing in with an external provider, when somebody lies.</summary>
public sealed class OidcForgeryTests(OidcFixture fixture) : IClassFixture<OidcFixture>
{
    private readonly OidcProvider _provider = fixture.Fresh();

    public static TheoryData<string, string> BadTokens => new()
    {
        { "another nonce", "nonce" }, { "no nonce", "nonce" }, { "another issuer", "issuer" }, { "another audience", "audience" }, { "no audience", "audience" },
        { "for another client", "claims" }, { "expired", "expired" }, { "no expiry", "expired" }, { "not yet", "expired" }, { "no subject", "claims" },
        { "another access token", "claims" }, { "none", "signature" }, { "HS256", "signature" }, { "stranger", "signature" }, { "tampered", "signature" },
    };

    private void Lie(string how)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        _provider.Bend = how switch
        {
            "another nonce" => token => token["nonce"] = "of another sign-in",
            "no nonce" => token => token.Remove("nonce"),
            "another issuer" => token => token["iss"] = "https://evil.example",
            "another audience" => token => token["aud"] = "somebody-else",
            "no audience" => token => token.Remove("aud"),
            "for another client" => token => token["azp"] = "somebody-else",
            "expired" => token => token["exp"] = now - 121,
            "no expiry" => token => token.Remove("exp"),
            "not yet" => token => token["nbf"] = now + 150,
            "no subject" => token => token.Remove("sub"),
            "another access token" => token => token["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA",
            _ => _ => { },
        };
        _provider.Signature = how is "none" or "HS256" or "stranger" or "tampered" ? how : "RS256";
    }

    [Theory]
    [MemberData(nameof(BadTokens))]
    public async Task IdToken_ThatIsNotWhatItMustBe_SignsNobodyIn(string how, string what)
    {
        var sessions = await fixture.StartedAsync();
        var before = await sessions.CountAsync("accounts");
        Lie(how);
        using var browser = new OidcBrowser(sessions);

        var refused = await (await browser.SignInAsync()).ShouldBeProblem(HttpStatusCode.Unauthorized, "sign_in_refused");

        refused.GetProperty("detail").GetString().ShouldBe($"The identity provider's token is not accepted: {what}.");
        browser.Cookie("lyceum_session").ShouldBeNull();
        (await sessions.CountAsync("accounts")).ShouldBe(before);
        fixture.Fresh();
        (await browser.SignInAsync()).StatusCode.ShouldBe(HttpStatusCode.Found); // it was that alone
    }

    [Fact]
    public async Task State_OfNobodyOrSomebodyElse_IsRefused_AndEndsNoSignInUnderWay()
    {
        var sessions = await fixture.StartedAsync();
        using var browser = new OidcBrowser(sessions);
        using var attacker = new OidcBrowser(sessions);
        using var stranger = new OidcBrowser(sessions);
        var callback = await browser.BeginAsync();
        var planted = await attacker.BeginAsync(); // with the attacker's own code and state
        var cookie = Jar(browser);

        foreach (var url in (string[])[planted, callback.Replace("state=", "state=x"), callback.Split("&state=")[0], "/api/auth/oidc/callback", $"/api/auth/oidc/callback?error=x&state=y"])
            await (await browser.GetAsync(url, page: true)).ShouldBeProblem(HttpStatusCode.BadRequest, "sign_in_expired");
        await (await stranger.GetAsync(callback)).ShouldBeProblem(HttpStatusCode.BadRequest, "sign_in_expired");
        foreach (var forged in (string[])[Tampered(cookie), cookie[..^4], Old(sessions, callback), Foreign(sessions, callback), fixture.Identity.Token("session-api", aud: "lyceum-user"), "x"])
            await (await stranger.GetAsync(callback, headers: ("Cookie", $"lyceum_oidc={forged}"))).ShouldBeProblem(HttpStatusCode.BadRequest, "sign_in_expired");

        (await browser.GetAsync(callback)).StatusCode.ShouldBe(HttpStatusCode.Found);
        await browser.SignedInAsync(sessions);
    }

    [Fact]
    public async Task Code_IsGoodOnce()
    {
        var sessions = await fixture.StartedAsync();
        using var browser = new OidcBrowser(sessions);
        using var thief = new OidcBrowser(sessions);
        var callback = await browser.BeginAsync();
        var cookie = Jar(browser);
        (await browser.GetAsync(callback)).StatusCode.ShouldBe(HttpStatusCode.Found);

        await (await browser.GetAsync(callback)).ShouldBeProblem(HttpStatusCode.BadRequest, "sign_in_expired"); // its cookie is spent
        await (await thief.GetAsync(callback, headers: ("Cookie", $"lyceum_oidc={cookie}"))).ShouldBeProblem(HttpStatusCode.BadRequest, "sign_in_expired"); // the code is
        thief.Cookie("lyceum_session").ShouldBeNull();
    }

    [Fact]
    public async Task Code_OfAnotherSignIn_IsRefused()
    {
        var sessions = await fixture.StartedAsync();
        using var browser = new OidcBrowser(sessions);
        using var victim = new OidcBrowser(sessions);
        var own = await browser.BeginAsync();
        var stolen = await victim.BeginAsync();

        // The state is right, the code was made for another verifier: the provider minds PKCE.
        var url = $"/api/auth/oidc/callback?code={stolen.Split("code=")[1].Split('&')[0]}&state={own.Split("state=")[1].Split('&')[0]}";
        await (await browser.GetAsync(url)).ShouldBeProblem(HttpStatusCode.BadRequest, "sign_in_expired");
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example")]
    [InlineData("/\\evil.example")]
    [InlineData("\\\\evil.example")]
    [InlineData("/.//evil.example")]
    [InlineData("/a/..//evil.example")]
    [InlineData("/\t/evil.example")]
    [InlineData("/\n/evil.example")]
    [InlineData("javascript:alert(1)")]
    [InlineData("courses")]
    [InlineData("@evil.example")]
    public async Task ReturnTo_ElsewhereIsRefused(string returnTo)
    {
        var sessions = await fixture.StartedAsync();
        using var browser = new OidcBrowser(sessions);

        var response = await browser.GetAsync($"/api/auth/oidc/login?return_to={Uri.EscapeDataString(returnTo)}");

        (await response.ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request")).GetProperty("errors").TryGetProperty("return_to", out _).ShouldBeTrue();
        response.Headers.Contains("Set-Cookie").ShouldBeFalse();
    }

    [Theory]
    [InlineData("/", "/")]
    [InlineData("/a b?c=中#d", "/a%20b?c=%E4%B8%AD#d")]
    [InlineData("/a/../b", "/b")]
    [InlineData("/x?to=//evil.example", "/x?to=//evil.example")]
    public void ReturnTo_HereIsKept(string returnTo, string kept) => Lyceum.SessionApi.Accounts.Oidc.ReturnTo.Parse(returnTo).ShouldBe(kept);

    [Fact]
    public async Task PersonWhoSaysNo_IsBackWithTheReason()
    {
        var sessions = await fixture.StartedAsync();
        _provider.Denies = true;
        using var browser = new OidcBrowser(sessions);

        (await browser.SignInAsync("?return_to=/x%3Fa=b%23c", page: true)).Headers.Location!.ToString().ShouldBe("/x?a=b&error=sign_in_refused#c");
        await (await browser.SignInAsync()).ShouldBeProblem(HttpStatusCode.Unauthorized, "sign_in_refused");
    }

    private static string Jar(OidcBrowser browser) => browser.Cookie("lyceum_oidc").ShouldNotBeNull();

    private static string Tampered(string note)
    {
        var parts = note.Split('.');
        var payload = System.Text.Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(parts[1])).Replace("\"return_to\":\"/\"", "\"return_to\":\"//evil.example\"");
        return $"{parts[0]}.{System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(payload))}.{parts[2]}";
    }

    /// <summary>As it would be written, but over by more than the clocks may differ.</summary>
    private static string Old(TestSessions sessions, string callback) => Note(sessions, callback, "oidc", TimeSpan.FromSeconds(-6));

    private static string Foreign(TestSessions sessions, string callback) => Note(sessions, callback, "something else", TimeSpan.FromMinutes(1));

    private static string Note(TestSessions sessions, string callback, string purpose, TimeSpan lifetime) => sessions.Services.GetRequiredService<SignedNotes>().Write(
        purpose,
        new Dictionary<string, string>
        {
            ["state"] = callback.Split("state=")[1].Split('&')[0], ["nonce"] = "n", ["verifier"] = "v", ["redirect_uri"] = "r", ["return_to"] = "/", ["setup"] = "", ["invitation"] = "",
        },
        lifetime);
}
