using System.Net;
using System.Net.WebSockets;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests;

/// <summary>People who signed in: by the token that SessionApi gave them, or by a browser's cookie.</summary>
public sealed class UserTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api", "session-api", "gpu-engine");
    private Backend _chat = null!;
    private Backend _sessions = null!;
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _chat = await Backend.StartAsync(_identity);
        _sessions = await Backend.StartAsync(_identity, "session-api");
        _gateway = TestGateway.Start(_identity, new(
        [
            .. TestGateway.Reference("chat-api", _chat.Address), .. TestGateway.Reference("session-api", _sessions.Address),
            new("Auth:AllowedOrigins:0", "https://lyceum.example"),
        ]));
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _chat.DisposeAsync();
        await _sessions.DisposeAsync();
        _identity.Dispose();
    }

    private string UserToken(string signer = "session-api", string aud = "lyceum-user", TimeSpan? expiresIn = null, string? tenant = "school", string? iss = null) =>
        _identity.Token(signer, iss, aud, sub: "0199", tenant: tenant, kind: "ignored", scope: "chat tutors", expiresIn: expiresIn);

    private string Own => _gateway.Client.BaseAddress!.GetLeftPart(UriPartial.Authority);

    [Fact]
    public async Task UserToken_IsLetIn_AsAUser()
    {
        for (var again = 0; again < 2; again++) // verified, then remembered
        {
            var caller = await (await _gateway.GetAsync("/chat", UserToken())).JsonAsync();

            caller.GetProperty("kind").GetString().ShouldBe("user");
            caller.GetProperty("tenant").GetString().ShouldBe("school");
            caller.GetProperty("subject").GetString().ShouldBe("0199");
            caller.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString()).ShouldBe(["chat", "tutors"], ignoreOrder: true);
        }
        await (await _gateway.GetAsync("/v1/models", UserToken())).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
    }

    [Fact]
    public async Task UserToken_IsNoIdentityToAService()
    {
        using var direct = new HttpRequestMessage(HttpMethod.Get, new Uri(_chat.Address, "/chat"));
        direct.Headers.Authorization = new("Bearer", UserToken());

        await (await _gateway.Client.SendAsync(direct, TestContext.Current.CancellationToken)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
    }

    public static TheoryData<string> Forgeries =>
        ["expired", "identity", "other audience", "other service", "gateway's", "other issuer", "no tenant", "tampered", "unsigned", "not a token"];

    private string Forge(string what) => what switch
    {
        "expired" => UserToken(expiresIn: TimeSpan.FromSeconds(-6)),
        "identity" => UserToken(aud: "lyceum"),
        "other audience" => UserToken(aud: "ticket:/chat"),
        "other service" => UserToken("chat-api"),
        "gateway's" => UserToken("gateway"),
        "other issuer" => UserToken("chat-api", iss: "session-api"),
        "no tenant" => UserToken(tenant: null),
        "tampered" => Tampered(UserToken()),
        "unsigned" => UserToken()[..(UserToken().LastIndexOf('.') + 1)],
        _ => "a.b.c",
    };

    private static string Tampered(string token)
    {
        var parts = token.Split('.');
        var payload = Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Decode(parts[1]).Replace("\"school\"", "\"acme\"", StringComparison.Ordinal);
        return $"{parts[0]}.{Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Encode(payload)}.{parts[2]}";
    }

    [Theory]
    [MemberData(nameof(Forgeries))]
    public async Task ForgedUserToken_Is401_InTheHeaderAndInTheCookie(string what)
    {
        var token = Forge(what);

        await (await _gateway.GetAsync("/chat", token)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        await (await WithCookieAsync(HttpMethod.Get, "/chat", token)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        _chat.Seen.ShouldBeEmpty();
    }

    /// <summary>The routes are the gateway's own list: one that is added is in it.</summary>
    [Fact]
    public async Task EveryRouteWithAScope_RefusesEveryForgery_AndWhoLacksTheScope()
    {
        var landing = await (await _gateway.GetAsync("/", token: null)).JsonAsync();
        var closed = landing.GetProperty("routes").EnumerateArray()
            .Where(route => route.GetProperty("scope").ValueKind == System.Text.Json.JsonValueKind.String)
            .Select(route => (Path: route.GetProperty("path").GetString()!.Replace("**", "x", StringComparison.Ordinal),
                Method: new HttpMethod(route.TryGetProperty("method", out var method) && method.GetString() is { } name ? name : "GET"))).ToList();
        closed.Count.ShouldBeGreaterThan(5);

        foreach (var (path, method) in closed)
        {
            await (await _gateway.SendAsync(method, path, token: null)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
            foreach (string what in Forgeries.Select(row => row.Data))
            {
                await (await _gateway.SendAsync(method, path, Forge(what))).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
                if (method == HttpMethod.Get) // what changes something takes an origin first
                    await (await WithCookieAsync(method, path, Forge(what))).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
            }
            await (await _gateway.SendAsync(method, path, _identity.Token("session-api", aud: "lyceum-user", scope: "")))
                .ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
        }
        _chat.Seen.ShouldBeEmpty();
        _sessions.Seen.ShouldBeEmpty();
    }

    [Fact]
    public async Task RotatedKey_OldTokensOut_NewTokensIn_WithoutARestart()
    {
        var before = UserToken();
        (await _gateway.GetAsync("/chat", before)).StatusCode.ShouldBe(HttpStatusCode.OK);

        _identity.Rotate("session-api");

        await Eventually.TrueAsync(async () => (await _gateway.GetAsync("/chat", UserToken())).StatusCode == HttpStatusCode.OK, "the new key is known");
        await Eventually.TrueAsync(async () => (await _gateway.GetAsync("/chat", before)).StatusCode == HttpStatusCode.Unauthorized, "the old one is forgotten, with what it verified");
    }

    [Fact]
    public async Task Cookie_IsTheUser_AndEndsAtTheGateway()
    {
        var caller = await (await WithCookieAsync(HttpMethod.Get, "/chat", UserToken())).JsonAsync();

        caller.GetProperty("kind").GetString().ShouldBe("user");
        caller.GetProperty("subject").GetString().ShouldBe("0199");
        _chat.Seen.ShouldHaveSingleItem().Keys.ShouldNotContain("Cookie");
    }

    /// <summary>As browsers keep it from https; another site may have set the one without the prefix.</summary>
    [Fact]
    public async Task CookieOfThisHostAlone_GoesBeforeTheOther_AndIsForwardedByItsName()
    {
        var response = await _gateway.SendAsync(
            HttpMethod.Get, "/chat", null, headers: [("Cookie", $"lyceum_session=planted; __Host-lyceum_session={UserToken()}")]);
        (await response.JsonAsync()).GetProperty("subject").GetString().ShouldBe("0199");
        await (await _gateway.SendAsync(HttpMethod.Post, "/chat", null, headers: [("Cookie", $"__Host-lyceum_session={UserToken()}")]))
            .ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_origin");

        await _gateway.SendAsync(HttpMethod.Post, "/api/auth/refresh", null, headers:
            [("Cookie", "lyceum_refresh=planted; __Host-lyceum_refresh=a.b"), ("Origin", Own)]);
        _sessions.Seen.ShouldHaveSingleItem()["Cookie"].ShouldBe("__Host-lyceum_refresh=a.b");
    }

    [Fact]
    public async Task Cookie_HoldsNoApiToken() =>
        await (await WithCookieAsync(HttpMethod.Get, "/chat", TestGateway.Secret)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");

    [Fact]
    public async Task Header_WinsOverTheCookie()
    {
        var response = await _gateway.SendAsync(HttpMethod.Post, "/chat", headers: [("Cookie", $"lyceum_session={UserToken()}")]);

        (await response.JsonAsync()).GetProperty("subject").GetString().ShouldBe("ada");
        await (await _gateway.SendAsync(HttpMethod.Get, "/chat", "wrong", headers: [("Cookie", $"lyceum_session={UserToken()}")]))
            .ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("null", false)]
    [InlineData("https://evil.example", false)]
    [InlineData("http://localhost:1", false)] // the same machine, another port
    [InlineData("https://own", false)] // the same host, another scheme
    [InlineData("http://own.evil.example", false)]
    [InlineData("http://own", true)]
    [InlineData("https://lyceum.example", true)]
    [InlineData("HTTPS://LYCEUM.example:443", true)]
    [InlineData("https://lyceum.example:8443", false)]
    public async Task Cookie_ThatMayChangeSomething_TakesAnOwnOrigin(string? origin, bool accepted)
    {
        origin = origin?.Replace("http://own", Own, StringComparison.Ordinal).Replace("https://own", Own.Replace("http:", "https:", StringComparison.Ordinal), StringComparison.Ordinal);
        foreach (var method in (HttpMethod[])[HttpMethod.Post, HttpMethod.Put, HttpMethod.Patch, HttpMethod.Delete])
        {
            var response = await WithCookieAsync(method, "/chat", UserToken(), origin);
            if (accepted)
                response.StatusCode.ShouldBe(HttpStatusCode.OK);
            else
                await response.ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_origin");
        }
        (await WithCookieAsync(HttpMethod.Get, "/chat", UserToken(), origin)).StatusCode.ShouldBe(HttpStatusCode.OK); // reading is not for the taking: SameSite
        _chat.Seen.Count.ShouldBe(accepted ? 5 : 1);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("https://evil.example", false)]
    [InlineData("http://own", true)]
    public async Task WebSocket_WithACookie_TakesAnOwnOrigin(string? origin, bool accepted)
    {
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Cookie", $"lyceum_session={UserToken()}");
        if (origin is not null)
            socket.Options.SetRequestHeader("Origin", origin.Replace("http://own", Own, StringComparison.Ordinal));

        // Nothing behind the gateway speaks WebSocket here: being let through is to be answered by the service, with 200.
        await Should.ThrowAsync<WebSocketException>(() => socket.ConnectAsync(
            new Uri(Own.Replace("http:", "ws:", StringComparison.Ordinal) + "/chat"), _gateway.Client, TestContext.Current.CancellationToken));

        _chat.Seen.Count.ShouldBe(accepted ? 1 : 0);
    }

    [Fact]
    public async Task BearerToken_NeedsNoOrigin() =>
        (await _gateway.SendAsync(HttpMethod.Post, "/chat", UserToken(), headers: ("Origin", "https://elsewhere.example"))).StatusCode.ShouldBe(HttpStatusCode.OK);

    [Fact]
    public async Task RefreshCookie_GoesToSignInAlone_AndFromOwnPagesAlone()
    {
        const string refresh = "0199aabbccddeeff0199aabbccddeeff.se-cr_et";
        var cookies = $"other=1; lyceum_refresh={refresh}; lyceum_session={UserToken()}";

        await _gateway.SendAsync(HttpMethod.Post, "/chat", null, headers: [("Cookie", cookies), ("Origin", Own)]);
        _chat.Seen.ShouldHaveSingleItem().Keys.ShouldNotContain("Cookie");

        await _gateway.SendAsync(HttpMethod.Post, "/api/auth/refresh", null, headers: [("Cookie", cookies), ("Origin", Own)]);
        _sessions.Seen.ShouldHaveSingleItem()["Cookie"].ShouldBe($"lyceum_refresh={refresh}");

        foreach (var origin in (string[])["https://evil.example", "null"])
        {
            await (await _gateway.SendAsync(HttpMethod.Post, "/api/auth/refresh", null, headers: [("Cookie", $"lyceum_refresh={refresh}"), ("Origin", origin)]))
                .ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_origin");
        }
        await _gateway.SendAsync(HttpMethod.Post, "/api/auth/refresh", UserToken(), headers: ("Cookie", "lyceum_refresh=a%3B%20lyceum_session%3Db"));
        _sessions.Seen.Last().Keys.ShouldNotContain("Cookie"); // not what would be two
    }

    [Theory]
    [InlineData("/api/auth/oidc/callback?code=a&state=b", "lyceum_refresh=a.b; lyceum_oidc=x.y.z")]
    [InlineData("/api/auth/oidc/login", "lyceum_refresh=a.b; lyceum_oidc=x.y.z")]
    [InlineData("/api/auth/methods", "lyceum_refresh=a.b")]
    [InlineData("/api/tutors", null)]
    public async Task OidcCookie_GoesToItsOwnPathAlone(string path, string? arrives)
    {
        await _gateway.SendAsync(HttpMethod.Get, path, UserToken(), headers: ("Cookie", "lyceum_oidc=x.y.z; other=1; lyceum_refresh=a.b"));

        var seen = _sessions.Seen.ShouldHaveSingleItem();
        seen.GetValueOrDefault("Cookie").ShouldBe(arrives);
        seen.GetValueOrDefault("X-Forwarded-Host").ShouldBe(new Uri(Own).Authority);
        seen.GetValueOrDefault("X-Forwarded-Proto").ShouldBe("http");
    }

    [Fact]
    public async Task OidcCookie_ThatWouldBeTwo_OrIsTooLong_StaysHere()
    {
        foreach (var cookie in (string[])["a%3B%20lyceum_session%3Db", new('a', 4096), ""])
            await _gateway.SendAsync(HttpMethod.Get, "/api/auth/oidc/callback", UserToken(), headers: ("Cookie", $"lyceum_oidc={cookie}"));

        _sessions.Seen.Count.ShouldBe(3);
        _sessions.Seen.ShouldAllBe(seen => !seen.ContainsKey("Cookie"));
    }

    [Fact]
    public async Task SignIn_WithASpentCookie_IsLetThrough_AndItsCookiesComeBack()
    {
        var response = await WithCookieAsync(HttpMethod.Post, "/api/auth/login", UserToken(expiresIn: TimeSpan.FromMinutes(-1)), Own);

        response.StatusCode.ShouldBe(HttpStatusCode.NoContent);
        response.Headers.GetValues("Set-Cookie").ShouldBe(["lyceum_session=a; path=/; httponly", "lyceum_refresh=b; path=/api/auth; httponly"]);
    }

    private Task<HttpResponseMessage> WithCookieAsync(HttpMethod method, string path, string token, string? origin = null) =>
        _gateway.SendAsync(method, path, null, headers: [("Cookie", $"theme=dark; lyceum_session={token}"), .. origin is null ? Array.Empty<(string, string)>() : [("Origin", origin)]]);
}
