using System.Net;
using System.Net.Http.Headers;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Yarp.ReverseProxy.Model;

namespace Lyceum.Tests.Gateway.Tests.Auth;

/// <summary>What holds for every route and every answer.</summary>
public sealed class DoorTests : IAsyncLifetime
{
    /// <summary>Open on purpose: each says for itself why. Whoever adds one adds it here.</summary>
    private static readonly HashSet<string> Open =
    [
        "/", "/health", "/alive", "/version", "/health/db", "/chat/{message}/stream", "/ws/{**session}",
        "/api/auth/methods", "/api/auth/register", "/api/auth/login", "/api/auth/refresh", "/api/auth/logout",
        "/api/auth/change-password", "/api/auth/me", "/api/auth/oidc/login", "/api/auth/oidc/callback",
        "/api/auth/invitations", "/api/auth/invitations/{invitation}", "/openapi/v1.json", "/docs/{documentName?}", "/docs/scalar.js",
        "/docs/scalar.aspnetcore.js", "/docs/favicon.svg",
        // For every person, whatever their role: the service asks who it is.
        "/api/auth/first-password", "/api/me", "/api/me/export", "/api/me/audit", "/api/me/tutors", "/api/me/sign-ins",
        "/api/me/sign-ins/{sign_in}", "/api/me/memberships", "/api/me/memberships/{tenant}", "/api/classes", "/api/classes/join",
        "/api/classes/join/{code}", "/api/classes/{class}", "/api/classes/{class}/leave", "/api/classes/{class}/visibility",
        "/api/classes/{class}/shares", "/api/erasures/{erasure}",
        // With scope tutors, or through a tutor that is shared with the person: the service knows which.
        "/api/kb/{kb}/documents/{document}/passages", "/api/kb/{kb}/documents/{document}/content",
    ];

    /// <summary>Judged by where the caller is, or its scope.</summary>
    private static readonly HashSet<string> ByPlace = ["/metrics"];

    /// <summary>Anybody who is somebody: it says what is the caller's own.</summary>
    private static readonly HashSet<string> Own = ["/api/usage", "/api/events", "/api/capabilities"];

    private readonly IdentityFolder _identity = new("gateway", "chat-api");
    private Backend _chat = null!;
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _chat = await Backend.StartAsync(_identity);
        _gateway = TestGateway.Start(_identity, TestGateway.Reference("chat-api", _chat.Address));
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _chat.DisposeAsync();
        _identity.Dispose();
    }

    [Fact]
    public void EveryRoute_NeedsAScope_OrIsOpenOnPurpose()
    {
        var routes = _gateway.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().ToList();
        routes.Count.ShouldBeGreaterThan(15);
        foreach (var route in routes)
        {
            var path = "/" + route.RoutePattern.RawText!.TrimStart('/');
            var isOpen = route.Metadata.GetMetadata<IAllowAnonymous>() is not null;
            var policies = route.Metadata.GetOrderedMetadata<IAuthorizeData>().Select(data => data.Policy).ToList();
            if (Open.Contains(path))
                (isOpen || policies.Count > 0).ShouldBeTrue(path);
            else if (Own.Contains(path))
                (!isOpen && policies.Count > 0).ShouldBeTrue(path);
            else if (path.StartsWith("/internal/", StringComparison.Ordinal))
                (!isOpen && policies.Contains("service")).ShouldBeTrue($"{path} is not for services alone");
            else if (!ByPlace.Contains(path))
                (!isOpen && policies.Exists(policy => policy is not null && Scopes.All.Contains(policy))).ShouldBeTrue($"{path} needs no scope, and is not open on purpose");
        }
    }

    [Fact]
    public void EveryRoute_HasABoundInTime_TheProxysOrOurs()
    {
        var options = _gateway.Services.GetRequiredService<IOptions<RequestTimeoutOptions>>().Value;
        options.DefaultPolicy!.Timeout.ShouldBe(TimeSpan.FromSeconds(30));
        foreach (var route in _gateway.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            var isProxied = route.Metadata.GetMetadata<RouteModel>() is not null;
            if (isProxied)
                route.Metadata.GetMetadata<DisableRequestTimeoutAttribute>().ShouldNotBeNull(route.RoutePattern.RawText);
            else if (route.RoutePattern.RawText == "/api/events")
                route.Metadata.GetMetadata<DisableRequestTimeoutAttribute>().ShouldNotBeNull(); // a stream, with pings
            else if (route.RoutePattern.RawText is "/api/ops/trickle" or "/ws/echo")
                route.Metadata.GetMetadata<DisableRequestTimeoutAttribute>().ShouldNotBeNull(); // as long as was asked for, which is bounded
            else if (route.Metadata.GetMetadata<DisableRequestTimeoutAttribute>() is not null)
                route.Metadata.GetMetadata<RequestTimeoutAttribute>().ShouldNotBeNull($"{route.RoutePattern.RawText} has no bound");
        }
    }

    [Fact]
    public async Task ApiKeyHeader_IsATokenToo_AndNeverReachesAService()
    {
        var caller = await (await _gateway.SendAsync(HttpMethod.Get, "/chat", token: null, headers: ("X-API-Key", TestGateway.Secret))).JsonAsync();
        caller.GetProperty("subject").GetString().ShouldBe("ada");
        _chat.Seen.Single().ShouldNotContainKey("X-API-Key");
        await (await _gateway.SendAsync(HttpMethod.Get, "/chat", token: null, headers: ("X-API-Key", "wrong")))
            .ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Fact]
    public async Task SeveralCredentials_AreRefused()
    {
        var both = await _gateway.SendAsync(HttpMethod.Get, "/chat", headers: ("X-API-Key", TestGateway.Secret));
        await both.ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        both.Headers.WwwAuthenticate.ToString().ShouldBe("Bearer error=\"invalid_request\"");
        // The client joins the two with a comma: one, that nobody has.
        await (await _gateway.SendAsync(HttpMethod.Get, "/chat", token: null, headers: [("X-API-Key", TestGateway.Secret), ("X-API-Key", "more")]))
            .ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        _chat.Seen.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("/", null)]
    [InlineData("/nope", null)]
    [InlineData("/chat", null)]
    [InlineData("/chat", TestGateway.Secret)]
    [InlineData("/api/conversations/broken", TestGateway.Secret)]
    public async Task EveryAnswer_CarriesTheSecurityHeaders(string path, string? token)
    {
        var response = await _gateway.GetAsync(path, token);
        response.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        response.Headers.GetValues("Referrer-Policy").ShouldBe(["same-origin"]);
        response.Headers.GetValues("Content-Security-Policy").Single().ShouldContain("frame-ancestors 'none'");
        response.Headers.Contains("Strict-Transport-Security").ShouldBeFalse("this is not https");

        var https = await _gateway.SendAsync(HttpMethod.Get, path, token, headers: [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "lyceum.example")]);
        https.Headers.GetValues("Strict-Transport-Security").Single().ShouldStartWith("max-age=");
    }

    [Fact]
    public async Task OtherSites_MayCall_OnlyAsConfigured()
    {
        (await Preflight("https://app.example")).Headers.Contains("Access-Control-Allow-Origin").ShouldBeFalse();
        _gateway.Configure(file => file["cors"] = new System.Text.Json.Nodes.JsonObject { ["origins"] = new System.Text.Json.Nodes.JsonArray("https://app.example") });
        await Eventually.TrueAsync(async () => (await Preflight("https://app.example")).Headers.Contains("Access-Control-Allow-Origin"), "configured");

        var allowed = await Preflight("https://app.example");
        allowed.StatusCode.ShouldBe(HttpStatusCode.NoContent);
        allowed.Headers.Contains("Access-Control-Allow-Credentials").ShouldBeFalse();
        (await Preflight("https://evil.example")).Headers.Contains("Access-Control-Allow-Origin").ShouldBeFalse();
        var refused = await _gateway.SendAsync(HttpMethod.Get, "/chat", token: null, headers: ("Origin", "https://app.example"));
        refused.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        refused.Headers.GetValues("Access-Control-Allow-Origin").ShouldBe(["https://app.example"]);

        Task<HttpResponseMessage> Preflight(string origin) => _gateway.SendAsync(
            HttpMethod.Options, "/chat", token: null, headers: [("Origin", origin), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization")]);
    }

    [Fact]
    public async Task Refusals_AreCountedByReason()
    {
        (await _gateway.GetAsync("/chat", token: null)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await _gateway.GetAsync("/chat", "wrong")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await _gateway.GetAsync("/api/tutors")).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/chat");
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", "YTpi");
        (await _gateway.Client.SendAsync(request, TestContext.Current.CancellationToken)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);

        var metrics = await (await _gateway.GetAsync("/metrics", token: null)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        foreach (var reason in (string[])["missing", "unknown", "scope", "malformed"])
            metrics.ShouldContain($"lyceum_gateway_refusals_total{{reason=\"{reason}\"}}");
    }
}
