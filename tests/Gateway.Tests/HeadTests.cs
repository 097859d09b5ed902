using System.Net;
using System.Text.Json.Nodes;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.Gateway.Tests;

/// <summary>HEAD, for every route of the gateway that has a GET, and for those that it forwards.</summary>
public sealed class HeadTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api");
    private Backend _chat = null!;
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _chat = await Backend.StartAsync(_identity);
        _gateway = TestGateway.Start(_identity, TestGateway.Reference("chat-api", _chat.Address), configure: file =>
            file["auth"]!["tokens"] =
            new JsonArray(TestGateway.Token("ada", "acme", [.. Scopes.All], ("secret_file", "ada"))));
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _chat.DisposeAsync();
        _identity.Dispose();
    }

    [Fact]
    public async Task Head_OfEveryRouteWithGet_IsAnsweredAsGet()
    {
        var paths = _gateway.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods.Contains("GET") == true)
            .Select(endpoint => "/" + endpoint.RoutePattern.RawText!.TrimStart('/'))
            .Select(path => path.Replace("{documentName?}", "", StringComparison.Ordinal))
            .Where(path => !path.Contains('{') && path != Stream).Append("/docs/").Distinct().ToList();
        paths.ShouldContain("/openapi/v1.json");
        foreach (var path in paths)
        {
            using var get = await _gateway.GetAsync(path);
            using var head = await _gateway.SendAsync(HttpMethod.Head, path);
            head.StatusCode.ShouldBe(get.StatusCode, path);
            head.StatusCode.ShouldNotBe(HttpStatusCode.MethodNotAllowed, path);
            head.Content.Headers.ContentType?.MediaType.ShouldBe(get.Content.Headers.ContentType?.MediaType, path);
            (await head.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)).ShouldBeEmpty(path);
        }
    }

    /// <summary>A GET of it has no end.</summary>
    private const string Stream = "/api/events";

    [Fact]
    public async Task Head_OfAStream_IsAnsweredAtOnce()
    {
        using var head = await _gateway.SendAsync(HttpMethod.Head, Stream);
        head.StatusCode.ShouldBe(HttpStatusCode.OK);
        head.Content.Headers.ContentType?.MediaType.ShouldBe("text/event-stream");
    }

    [Theory]
    [InlineData("/alive")]
    [InlineData("/version")]
    [InlineData("/")]
    public async Task Head_WithoutACredential_IsAnswered(string path) =>
        (await _gateway.SendAsync(HttpMethod.Head, path, token: null)).StatusCode.ShouldBe(HttpStatusCode.OK);

    [Fact]
    public async Task Head_OfAForwardedRoute_IsForwardedAsHead_AndItsStreamEnds()
    {
        using (var head = await _gateway.SendAsync(HttpMethod.Head, "/api/conversations/stream"))
            head.Content.Headers.ContentType?.MediaType.ShouldBe("text/event-stream");

        // Over the same connection to the service, which would be busy until the stream ends.
        (await _gateway.GetAsync("/api/conversations/x")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await _gateway.SendAsync(HttpMethod.Head, "/api/conversations/x")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }
}
