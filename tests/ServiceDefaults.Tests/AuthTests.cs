using System.Net;
using System.Security.Cryptography;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.ServiceDefaults.Tests;

public sealed class AuthTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api", "gpu-engine");
    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(_identity, "chat-api", map: Map);

    private static void Map(WebApplication app)
    {
        app.MapGet("/chat", (Caller caller) => TypedResults.Ok(new
        {
            caller.Tenant, caller.Subject, caller.Kind, Scopes = caller.Scopes.Order(), caller.Act, caller.Person,
        })).RequireScope(Scopes.Chat);
        app.MapGet("/unmarked", () => "in");
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        _identity.Dispose();
    }

    [Fact]
    public async Task ValidToken_IsLetIn_AndHandlerSeesTheCaller()
    {
        var response = await _service.GetAsync("/chat", _identity.Token(scope: "llm chat", sub: "ada", tenant: "acme", kind: "user"));

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        var caller = await response.JsonAsync();
        caller.GetProperty("tenant").GetString().ShouldBe("acme");
        caller.GetProperty("subject").GetString().ShouldBe("ada");
        caller.GetProperty("kind").GetString().ShouldBe("user");
        caller.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString()).ShouldBe(["chat", "llm"]);
        caller.GetProperty("person").GetString().ShouldBe("ada");
    }

    [Fact]
    public async Task Service_ActingForAPerson_TouchesTheirThings()
    {
        var token = _identity.Token("gpu-engine", sub: "gpu-engine", kind: "service", act: "ada");

        var caller = await (await _service.GetAsync("/chat", token)).JsonAsync();

        caller.GetProperty("kind").GetString().ShouldBe("service");
        caller.GetProperty("person").GetString().ShouldBe("ada");
    }

    [Fact]
    public async Task NoToken_Is401_AndSaysHow()
    {
        var response = await _service.GetAsync("/chat");

        await response.ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        response.Headers.WwwAuthenticate.ToString().ShouldBe("Bearer");
    }

    [Fact]
    public async Task RouteThatNamesNoPolicy_IsClosed()
    {
        await (await _service.GetAsync("/unmarked")).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        (await _service.GetAsync("/unmarked", _identity.Token(scope: ""))).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    public static TheoryData<string, Func<IdentityFolder, string>> Refused => new()
    {
        { "expired", identity => identity.Token(expiresIn: TimeSpan.FromSeconds(-6)) },
        { "audience", identity => identity.Token(aud: "elsewhere") },
        { "issuer is not whose key it is", identity => identity.Token("chat-api", iss: "gateway") },
        { "kid of another service", identity => identity.Token("chat-api", iss: "gateway", kid: Kid(identity, "gateway")) },
        { "service vouches for a token", identity => identity.Token("chat-api", kind: "token") },
        { "service vouches for a user", identity => identity.Token("gpu-engine", kind: "user") },
        { "service speaks as another", identity => identity.Token("gpu-engine", kind: "service", sub: "chat-api") },
        { "unknown kind", identity => identity.Token(kind: "root") },
        { "no tenant", identity => identity.Token(tenant: null) },
        { "key nobody published", identity => identity.Token(key: ECDsa.Create(ECCurve.NamedCurves.nistP256)) },
        { "known kid, other key", identity => identity.Token(key: ECDsa.Create(ECCurve.NamedCurves.nistP256), kid: Kid(identity, "gateway")) },
        { "tampered payload", identity => Tamper(identity.Token()) },
        { "no signature", identity => Unsigned(identity.Token()) },
        { "not a token", _ => "banana" },
        { "empty parts", _ => ".." },
        { "too long", _ => new string('a', 9000) },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task ForgedToken_Is401(string what, Func<IdentityFolder, string> forge)
    {
        var response = await _service.GetAsync("/chat", forge(_identity));

        await response.ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        response.Headers.WwwAuthenticate.ToString().ShouldContain("invalid_token", customMessage: what);
    }

    [Fact]
    public async Task TokenThatJustExpired_IsBorneForTheSkew() =>
        (await _service.GetAsync("/chat", _identity.Token(expiresIn: TimeSpan.FromSeconds(-1)))).StatusCode.ShouldBe(HttpStatusCode.OK);

    [Fact]
    public async Task OtherScheme_Is401()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/chat");
        request.Headers.Add("Authorization", "Basic YTpi");

        await (await _service.Client.SendAsync(request, TestContext.Current.CancellationToken))
            .ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Fact]
    public async Task ScopeMissing_Is403_AndNamesIt()
    {
        var response = await _service.GetAsync("/chat", _identity.Token(scope: "llm chatty"));

        var problem = await response.ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
        problem.GetProperty("required_scope").GetString().ShouldBe("chat");
        response.Headers.WwwAuthenticate.ToString().ShouldContain("insufficient_scope");
    }

    [Fact]
    public async Task OwnServiceToken_IsAccepted_AndReusedForAWhile()
    {
        var tokens = _service.Services.GetRequiredService<IdentityTokens>();
        var token = tokens.ForService("acme", "ada", Scopes.Chat);

        var caller = await (await _service.GetAsync("/chat", token)).JsonAsync();

        caller.GetProperty("subject").GetString().ShouldBe("chat-api");
        caller.GetProperty("act").GetString().ShouldBe("ada");
        tokens.ForService("acme", "ada", Scopes.Chat).ShouldBe(token);
        tokens.ForService("acme", "bob", Scopes.Chat).ShouldNotBe(token);
        tokens.ForService("acme", null, Scopes.Chat).ShouldNotBe(token);
        tokens.ForService("acme", "ada", Scopes.Llm).ShouldNotBe(token);
    }

    [Fact]
    public async Task RotatedKey_IsUsedAndAcceptedWithoutRestart_AndTheOldOneRefused()
    {
        var tokens = _service.Services.GetRequiredService<IdentityTokens>();
        var before = tokens.ForService("dev", null, Scopes.Chat);
        (await _service.GetAsync("/chat", before)).StatusCode.ShouldBe(HttpStatusCode.OK);

        _identity.Rotate("chat-api");

        await Eventually.TrueAsync(async () =>
        {
            var after = tokens.ForService("dev", null, Scopes.Chat);
            return after != before && (await _service.GetAsync("/chat", after)).StatusCode == HttpStatusCode.OK
                && (await _service.GetAsync("/chat", before)).StatusCode == HttpStatusCode.Unauthorized;
        }, "the new key in use, the old one refused");
    }

    [Fact]
    public async Task KeyPublishedAMomentAgo_IsFoundWithoutWaitingForThePoll()
    {
        await Task.Delay(250, TestContext.Current.CancellationToken); // beyond the least time between two looks
        _identity.Rotate("gateway");

        (await _service.GetAsync("/chat", _identity.Token())).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task HalfWrittenKeySet_NeverReplacesTheGoodOne()
    {
        var token = _identity.Token();
        var good = await File.ReadAllTextAsync(_identity.JwksFile, TestContext.Current.CancellationToken);

        await File.WriteAllTextAsync(_identity.JwksFile, good[..(good.Length / 2)], TestContext.Current.CancellationToken);
        await Task.Delay(1200, TestContext.Current.CancellationToken); // longer than a poll
        (await _service.GetAsync("/chat", token)).StatusCode.ShouldBe(HttpStatusCode.OK);

        File.Delete(_identity.JwksFile);
        await Task.Delay(1200, TestContext.Current.CancellationToken);
        (await _service.GetAsync("/chat", token)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task MissingFiles_StopTheStart_AllNamedTogether()
    {
        await using var app = TestService.Create(new() { ["Identity:JwksFile"] = "/nowhere/internal-jwks.json" });

        var failure = await Should.ThrowAsync<Exception>(() => app.StartAsync(TestContext.Current.CancellationToken));

        failure.Message.ShouldContain("Identity:KeyFile is not set");
        failure.Message.ShouldContain("file /nowhere/internal-jwks.json missing");
    }

    /// <summary>As a host gives them that has secrets in environment variables, which hold one line each.</summary>
    [Fact]
    public async Task Keys_AsValues_DoWhatTheFilesDo()
    {
        await using var engine = await TestService.StartAsync(_identity, "gpu-engine", map: Map, settings: new()
        {
            ["Identity:KeyFile"] = "", ["Identity:Key"] = File.ReadAllText(_identity.KeyFile("gpu-engine")).ReplaceLineEndings(""),
            ["Identity:JwksFile"] = "", ["Identity:Jwks"] = File.ReadAllText(_identity.JwksFile),
        });

        (await engine.GetAsync("/chat", _identity.Token())).StatusCode.ShouldBe(HttpStatusCode.OK);
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        (await engine.GetAsync("/chat", _identity.Token(key: stranger, kid: IdentityFolder.Kid("gateway", stranger))))
            .StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        var signed = engine.Services.GetRequiredService<IdentityTokens>().ForService("dev", act: "ada", Scopes.Chat);
        (await _service.GetAsync("/chat", signed)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Keys_AsValuesAndFiles_StopTheStart()
    {
        await using var app = TestService.Create(new(_identity.Settings("chat-api"))
        {
            ["Identity:Key"] = File.ReadAllText(_identity.KeyFile("chat-api")), ["Identity:Jwks"] = "{}",
        });

        var failure = await Should.ThrowAsync<Exception>(() => app.StartAsync(TestContext.Current.CancellationToken));

        failure.Message.ShouldContain("Identity:KeyFile and Identity:Key are both set");
        failure.Message.ShouldContain("Identity:JwksFile and Identity:Jwks are both set");
    }

    [Fact]
    public async Task Metrics_AnswerLoopbackDirectly_ButNotThroughAProxy()
    {
        (await _service.GetAsync("/metrics")).StatusCode.ShouldBe(HttpStatusCode.OK);

        using var forwarded = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        forwarded.Headers.Add("X-Forwarded-For", "203.0.113.7");
        var response = await _service.Client.SendAsync(forwarded, TestContext.Current.CancellationToken);
        await response.ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");

        using var operatorRequest = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        operatorRequest.Headers.Add("X-Forwarded-For", "203.0.113.7");
        operatorRequest.Headers.Authorization = new("Bearer", _identity.Token(scope: "ops"));
        (await _service.Client.SendAsync(operatorRequest, TestContext.Current.CancellationToken)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task MetricsToken_OpensMetricsAlone_AndIsReplacedInItsFile()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("lyceum-metrics-").FullName, "token");
        await File.WriteAllTextAsync(file, First + "\n", TestContext.Current.CancellationToken);
        await using var service = await TestService.StartAsync(
            _identity, "chat-api", map: app => app.MapGet("/secret", () => "text"), settings: new() { ["Metrics:TokenFile"] = file });

        (await StatusAsync("/metrics", First)).ShouldBe(HttpStatusCode.OK);
        (await StatusAsync("/metrics", First[1..])).ShouldBe(HttpStatusCode.Unauthorized);
        (await StatusAsync("/metrics", "")).ShouldBe(HttpStatusCode.Unauthorized);
        (await StatusAsync("/secret", First)).ShouldBe(HttpStatusCode.Unauthorized);

        await File.WriteAllTextAsync(file, Second, TestContext.Current.CancellationToken);
        (await StatusAsync("/metrics", First)).ShouldBe(HttpStatusCode.Unauthorized);
        (await StatusAsync("/metrics", Second)).ShouldBe(HttpStatusCode.OK);

        File.Delete(file);
        (await StatusAsync("/metrics", Second)).ShouldBe(HttpStatusCode.Unauthorized);

        async Task<HttpStatusCode> StatusAsync(string path, string token)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Add("X-Forwarded-For", "203.0.113.7");
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
            using var response = await service.Client.SendAsync(request, TestContext.Current.CancellationToken);
            return response.StatusCode;
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("short")]
    public void MetricsToken_MissingOrShort_StopsTheStart(string? content)
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("lyceum-metrics-").FullName, "token");
        if (content is not null)
            File.WriteAllText(file, content);

        Should.Throw<InvalidOperationException>(() => TestService.Create(
                _identity.Settings("chat-api"), settings: new() { ["Metrics:TokenFile"] = file }))
            .Message.ShouldContain(file);
    }

    private static readonly string First = new('a', 40);
    private static readonly string Second = new('b', 40);

    private static string Kid(IdentityFolder identity, string service)
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(identity.KeyFile(service)));
        return IdentityFolder.Kid(service, key);
    }

    private static string Tamper(string token)
    {
        var parts = token.Split('.');
        var payload = Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Decode(parts[1]).Replace("\"chat\"", "\"chat ops\"", StringComparison.Ordinal);
        return $"{parts[0]}.{Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Encode(payload)}.{parts[2]}";
    }

    private static string Unsigned(string token) =>
        $"{Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Encode("{\"alg\":\"none\",\"typ\":\"JWT\"}")}.{token.Split('.')[1]}.";
}
