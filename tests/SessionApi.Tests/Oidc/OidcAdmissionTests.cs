using System.Net;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Accounts.Oidc;
using Lyceum.Tests.Oidc;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.SessionApi.Tests.Oidc;

/// <summary>Whom of those the provider vouches for the system lets in, and what it does without the provider.</summary>
public sealed class OidcAdmissionTests(OidcFixture fixture, PostgresFixture postgres) : IClassFixture<OidcFixture>
{
    private readonly OidcProvider _provider = fixture.Fresh();

    [Fact]
    public async Task Production_LetsNobodyUnknownIn_WithoutACode()
    {
        await using var sessions = await StartAsync("Production");
        string? setup = null;
        await Eventually.TrueAsync(() => Task.FromResult((setup = sessions.Log.Lines.Select(line => line.Message).FirstOrDefault(line => line.Contains("Setup code: "))) is not null), "the setup code is printed");
        setup = setup!.Split("Setup code: ")[1];
        using var ada = new OidcBrowser(sessions);
        using var bob = new OidcBrowser(sessions);

        await (await ada.SignInAsync()).ShouldBeProblem(HttpStatusCode.Forbidden, "invitation_required");
        (await ada.SignInAsync(page: true)).Headers.Location!.ToString().ShouldBe("/?error=invitation_required");
        await (await ada.SignInAsync("?setup_code=wrong")).ShouldBeProblem(HttpStatusCode.Forbidden, "invalid_invitation");
        ada.Cookie("lyceum_session").ShouldBeNull();
        (await ada.SignInAsync($"?setup_code={setup}")).StatusCode.ShouldBe(HttpStatusCode.Found);
        var first = await ada.SignedInAsync(sessions);

        var adasIdentity = fixture.Identity.Token(sub: first.Id, tenant: first.Tenant, kind: "user", scope: "chat");
        var code = (await (await sessions.PostAsync("/api/auth/invitations", new { note = "for Bob" }, adasIdentity)).JsonAsync()).GetProperty("code").GetString();
        var adaHerself = _provider.Person;
        _provider.Person = OidcFixture.Somebody();
        await (await bob.SignInAsync()).ShouldBeProblem(HttpStatusCode.Forbidden, "invitation_required");
        (await bob.SignInAsync($"?invitation_code={code}")).StatusCode.ShouldBe(HttpStatusCode.Found);
        (await bob.SignedInAsync(sessions)).Tenant.ShouldNotBe(first.Tenant);
        (await bob.SignInAsync()).StatusCode.ShouldBe(HttpStatusCode.Found); // known by now

        _provider.Person = OidcFixture.Somebody();
        await (await bob.SignInAsync($"?invitation_code={code}")).ShouldBeProblem(HttpStatusCode.Forbidden, "invalid_invitation");
        _provider.Person = adaHerself;
        (await ada.SignInAsync()).StatusCode.ShouldBe(HttpStatusCode.Found);
        (await ada.SignedInAsync(sessions)).Id.ShouldBe(first.Id);
        (await sessions.CountAsync("accounts")).ShouldBe(2);
    }

    [Fact]
    public async Task Domains_LetInWhoseVerifiedAddressIsOfOne()
    {
        await using var sessions = await StartAsync("Production", ("Accounts:Oidc:Admit", "domains"), ("Accounts:Oidc:Domains:0", "School.example"));
        using var browser = new OidcBrowser(sessions);

        foreach (var stranger in (Dictionary<string, object>[])
            [OidcFixture.Somebody(verified: false), OidcFixture.Somebody("a@evil.example"), OidcFixture.Somebody("a@a.school.example"),
             OidcFixture.Somebody("a@notschool.example"), OidcFixture.Somebody("school.example"), OidcFixture.Somebody("a@school.example@evil.example")])
        {
            _provider.Person = stranger;
            await (await browser.SignInAsync()).ShouldBeProblem(HttpStatusCode.Forbidden, "invitation_required");
        }
        _provider.Person = OidcFixture.Somebody("ada@school.EXAMPLE");
        (await browser.SignInAsync()).StatusCode.ShouldBe(HttpStatusCode.Found);
        (await browser.SignedInAsync(sessions)).Username.ShouldBe("ada@school.example");
    }

    /// <summary>A school's own provider: whoever it vouches for is in the school.</summary>
    [Fact]
    public async Task Provider_OfATenant_MakesItsPeopleMembersThere_AndInvitationsOfOthersCount()
    {
        await using var sessions = await StartAsync("Development", ("Accounts:Oidc:Tenant", "school"), ("Accounts:Oidc:Role", "teacher"));
        using var browser = new OidcBrowser(sessions);
        for (var i = 0; i < 2; i++)
        {
            (await browser.SignInAsync()).StatusCode.ShouldBe(HttpStatusCode.Found);
            (await browser.SignedInAsync(sessions)).Tenant.ShouldBe("school");
        }
        new Microsoft.IdentityModel.JsonWebTokens.JsonWebToken(browser.Cookie("lyceum_session")).GetPayloadValue<string>("role").ShouldBe("teacher");

        var club = await sessions.PersonAsync();
        _provider.Person = OidcFixture.Somebody();
        (await browser.SignInAsync($"?invitation_code={await MembershipTests.InviteAsync(sessions, club, "student")}")).StatusCode.ShouldBe(HttpStatusCode.Found);
        (await browser.SignedInAsync(sessions)).Tenant.ShouldBe(club.Tenant);
        (await sessions.CountAsync("tenants")).ShouldBe(2);
    }

    [Fact]
    public async Task RequiredClaim_IsAskedForAtEverySignIn()
    {
        await using var sessions = await StartAsync("Production", ("Accounts:Oidc:Admit", "Anyone"), ("Accounts:Oidc:RequiredClaim", "groups=lyceum"));
        using var browser = new OidcBrowser(sessions);

        await (await browser.SignInAsync()).ShouldBeProblem(HttpStatusCode.Forbidden, "not_admitted");
        _provider.Person["groups"] = new[] { "staff", "lyceum-guests" };
        await (await browser.SignInAsync()).ShouldBeProblem(HttpStatusCode.Forbidden, "not_admitted");
        _provider.Person["groups"] = new[] { "staff", "lyceum" };
        (await browser.SignInAsync()).StatusCode.ShouldBe(HttpStatusCode.Found);
        _provider.Person["groups"] = "staff";
        await (await browser.SignInAsync()).ShouldBeProblem(HttpStatusCode.Forbidden, "not_admitted");
        _provider.Person["groups"] = "lyceum";
        (await browser.SignInAsync()).StatusCode.ShouldBe(HttpStatusCode.Found);
    }

    [Fact]
    public async Task LinkVerifiedEmail_LinksAVerifiedAddress_ToOnePerson()
    {
        await using var sessions = await StartAsync("Development", ("Accounts:Oidc:LinkVerifiedEmail", "true"));
        (await sessions.PostAsync("/api/auth/register", new { username = "ada@school.example", password = TestSessions.Password })).StatusCode.ShouldBe(HttpStatusCode.Created);
        var ada = await sessions.PersonAsync("ada@school.example");
        using var browser = new OidcBrowser(sessions);

        (await SignInAsync(OidcFixture.Somebody("ada@school.example", verified: false))).ShouldNotBe(ada.Id.ToString());
        var herself = OidcFixture.Somebody("Ada@school.example");
        (await SignInAsync(herself)).ShouldBe(ada.Id.ToString());
        (await SignInAsync(OidcFixture.Somebody("ada@school.example"))).ShouldNotBe(ada.Id.ToString()); // the address has a new owner
        (await SignInAsync(herself)).ShouldBe(ada.Id.ToString());
        await sessions.PersonAsync("ada@school.example"); // and her password is what it was

        async Task<string> SignInAsync(Dictionary<string, object> person)
        {
            _provider.Person = person;
            (await browser.SignInAsync()).StatusCode.ShouldBe(HttpStatusCode.Found);
            return (await browser.SignedInAsync(sessions)).Id;
        }
    }

    [Fact]
    public async Task WithoutPasswords_TheProviderIsTheOneWay()
    {
        await using var sessions = await StartAsync("Development", ("Accounts:PasswordLogin", "false"));
        using var browser = new OidcBrowser(sessions);

        await (await sessions.PostAsync("/api/auth/register", new { username = "ada", password = TestSessions.Password })).ShouldBeProblem(HttpStatusCode.Forbidden, "password_login_disabled");
        await (await sessions.SignInAsync("ada")).ShouldBeProblem(HttpStatusCode.Forbidden, "password_login_disabled");
        (await browser.SignInAsync()).StatusCode.ShouldBe(HttpStatusCode.Found);
        var account = await browser.SignedInAsync(sessions);
        var change = await sessions.PostAsync(
            "/api/auth/change-password", new { current_password = "x", new_password = "an even quieter evening" },
            fixture.Identity.Token(sub: account.Id, tenant: account.Tenant, kind: "user", scope: "chat"));
        await change.ShouldBeProblem(HttpStatusCode.Forbidden, "password_login_disabled");
        (await (await sessions.SendAsync(HttpMethod.Get, "/api/auth/methods")).JsonAsync()).GetProperty("password").GetBoolean().ShouldBeFalse();
    }

    [Fact]
    public async Task ProviderAway_IsSaid_AndPasswordsWorkOn()
    {
        _provider.IsDown = true; // before anything is known of it
        await using var sessions = await StartAsync("Development", ("Accounts:Oidc:Timeout", "00:00:05"));
        using var browser = new OidcBrowser(sessions);

        var login = await browser.GetAsync("/api/auth/oidc/login?return_to=/in");
        (await login.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "identity_provider_unavailable")).GetProperty("detail").GetString().ShouldStartWith(
            $"The identity provider at {_provider.Issuer} cannot be used: ");
        login.Headers.RetryAfter.ShouldNotBeNull();
        (await browser.GetAsync("/api/auth/oidc/login?return_to=/in", page: true)).Headers.Location!.ToString().ShouldBe("/in?error=identity_provider_unavailable");
        await sessions.PersonAsync();
        (await sessions.SendAsync(HttpMethod.Get, "/health")).StatusCode.ShouldBe(HttpStatusCode.OK);

        _provider.IsDown = false;
        var callback = await browser.BeginAsync("?return_to=/in");
        _provider.IsDown = true;
        await (await browser.GetAsync(callback)).ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "identity_provider_unavailable");
        _provider.IsDown = false;
        (await browser.SignInAsync()).StatusCode.ShouldBe(HttpStatusCode.Found);
    }

    [Fact]
    public async Task WrongSecret_IsTheOperatorsToHear()
    {
        await using var sessions = await StartAsync("Development", ("Accounts:Oidc:ClientSecret", "not-the-secret"));
        using var browser = new OidcBrowser(sessions);

        await (await browser.SignInAsync()).ShouldBeProblem(HttpStatusCode.BadGateway, "upstream_failed");

        sessions.Log.Lines.ShouldContain(
            line => line.Message.Contains("token endpoint rejected the code: invalid_client"));
        sessions.Log.Lines.ShouldNotContain(line => line.Message.Contains("not-the-secret"));
    }

    [Fact]
    public async Task AnotherIssuerThanConfigured_IsRefused()
    {
        await using var sessions = await StartAsync("Development", ("Accounts:Oidc:Authority", _provider.Issuer.Replace("127.0.0.1", "localhost")));
        using var browser = new OidcBrowser(sessions);

        (await (await browser.GetAsync("/api/auth/oidc/login")).ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "identity_provider_unavailable"))
            .GetProperty("detail").GetString()!.ShouldContain($"it calls itself {_provider.Issuer}; Accounts:Oidc:Authority must be that");
    }

    [Fact]
    public async Task CodesThatAreNone_AreCounted_AndASignInIsNot()
    {
        await using var sessions = await StartAsync("Development", ("Accounts:AddressAttempts", "3"), ("Accounts:AddressForgiveness", "01:00:00"));
        using var browser = new OidcBrowser(sessions);

        for (var i = 0; i < 4; i++)
            (await CallbackAsync(good: true)).StatusCode.ShouldBe(HttpStatusCode.Found);
        for (var i = 0; i < 3; i++)
            await (await CallbackAsync(good: false)).ShouldBeProblem(HttpStatusCode.BadRequest, "sign_in_expired");
        await (await CallbackAsync(good: true)).ShouldBeProblem(HttpStatusCode.TooManyRequests, "too_many_attempts");

        async Task<HttpResponseMessage> CallbackAsync(bool good)
        {
            var callback = await browser.BeginAsync();
            return await browser.GetAsync(good ? callback : callback.Replace("code=", "code=x"), headers: ("X-Forwarded-For", "203.0.113.7"));
        }
    }

    [Fact]
    public async Task NoProvider_NoSuchWay()
    {
        await using var sessions = await TestSessions.StartAsync(fixture.Identity, await postgres.CreateDatabaseAsync());

        await (await sessions.SendAsync(HttpMethod.Get, "/api/auth/oidc/login")).ShouldBeProblem(HttpStatusCode.NotFound, "not_found");
        await (await sessions.SendAsync(HttpMethod.Get, "/api/auth/oidc/callback?code=a&state=b")).ShouldBeProblem(HttpStatusCode.NotFound, "not_found");
        (await (await sessions.SendAsync(HttpMethod.Get, "/api/auth/methods")).JsonAsync()).GetRawText().ShouldBe("""{"password":true,"oidc":null}""");
    }

    [Fact]
    public void FaultySettings_StopTheStart_AllNamedTogether()
    {
        new AccountOptions { PasswordLogin = false, Oidc = new() { ClientId = "lyceum" } }.Errors().ShouldBe(
        [
            "Accounts:PasswordLogin is false and Accounts:Oidc:Authority not set; nobody could sign in",
            "Accounts:Oidc:Authority is not set, but ClientId is",
        ]);
        new OidcOptions
        {
            Authority = "http://id.example", ClientSecret = "a", ClientSecretFile = "/nowhere", Scopes = "email", Admit = OidcAdmission.Domains,
            RequiredClaim = "groups", Timeout = TimeSpan.Zero,
        }.Errors().ShouldBe(
        [
            "Accounts:Oidc:Authority is 'http://id.example'; it must be an https address, or one on loopback",
            "Accounts:Oidc:ClientId is not set",
            "Accounts:Oidc: of ClientSecret and ClientSecretFile at most one can be set",
            "Accounts:Oidc:ClientSecretFile: file /nowhere missing",
            "Accounts:Oidc:Scopes is 'email'; openid must be among them",
            "Accounts:Oidc:Domains goes with Admit=Domains, and Admit=Domains with at least one",
            "Accounts:Oidc:RequiredClaim is 'groups'; it must be name=value",
            "Accounts:Oidc:Timeout is 00:00:00; it must be above 0 and at most a minute",
        ]);
        new OidcOptions { Authority = "https://id.example", ClientId = "lyceum" }.Errors().ShouldBeEmpty();
    }

    private async Task<TestSessions> StartAsync(string environment, params (string Name, string Value)[] settings) => await TestSessions.StartAsync(
        fixture.Identity, await postgres.CreateDatabaseAsync(), environment, settings: OidcSettings.For(_provider, settings));
}
