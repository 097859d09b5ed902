using System.Buffers;
using System.Net;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.ServiceDefaults.Tests;

/// <summary>HEAD is GET without a body, on all routes of all services.</summary>
public sealed class HeadTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api");
    private readonly TaskCompletionSource _streamEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(_identity, "chat-api", map: app =>
    {
        var open = app.MapGroup("").AllowAnonymous();
        open.MapGet("/items/{id:int}", (int id) => TypedResults.Ok(new { id }));
        open.MapGet("/large", () => TypedResults.Bytes(new byte[3_000_000]));
        open.MapGet("/text", () => "text");
        open.MapGet("/file", () => TypedResults.PhysicalFile(typeof(HeadTests).Assembly.Location, "application/octet-stream"));
        open.MapGet("/unflushed", (HttpContext http) => http.Response.BodyWriter.Write("text"u8));
        open.MapGet("/method", (HttpContext http) => http.Response.Headers["X-Method"] = http.Request.Method);
        open.MapPost("/post-only", () => TypedResults.Ok());
        open.MapGet("/events", async (HttpContext http) =>
        {
            http.Response.ContentType = "text/event-stream";
            await http.Response.WriteAsync("data: 1\n\n", http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            try
            {
                await Task.Delay(Timeout.Infinite, http.RequestAborted);
            }
            finally
            {
                _streamEnded.SetResult();
            }
        });
        app.MapGet("/closed", () => "for the signed in");
    });

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        _identity.Dispose();
    }

    [Theory]
    [InlineData("/health")]
    [InlineData("/alive")]
    [InlineData("/version")]
    [InlineData("/metrics")]
    [InlineData("/items/7")]
    [InlineData("/items/banana")]
    [InlineData("/large")]
    [InlineData("/text")]
    [InlineData("/file")]
    [InlineData("/unflushed")]
    [InlineData("/closed")]
    [InlineData("/nowhere")]
    public async Task Head_IsAnsweredAsGet_WithoutTheBody(string path)
    {
        using var get = await _service.GetAsync(path);
        using var head = await _service.SendAsync(HttpMethod.Head, path);

        head.StatusCode.ShouldBe(get.StatusCode);
        head.Content.Headers.ContentType?.MediaType.ShouldBe(get.Content.Headers.ContentType?.MediaType);
        (await head.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)).ShouldBeEmpty();
        // On the same connection, which a body would have confused.
        (await _service.GetAsync("/alive")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Head_OfARouteWithoutGet_SaysWhatIsAllowed()
    {
        using var response = await _service.SendAsync(HttpMethod.Head, "/post-only", _identity.Token());

        response.StatusCode.ShouldBe(HttpStatusCode.MethodNotAllowed);
        response.Content.Headers.Allow.ShouldBe(["POST"]);
    }

    [Fact]
    public async Task Head_IsHeadAgain_ForWhoeverHandlesIt() =>
        (await _service.SendAsync(HttpMethod.Head, "/method")).Headers.GetValues("X-Method").ShouldBe(["HEAD"]);

    [Fact]
    public async Task Head_OfAStream_EndsWithTheHeaders()
    {
        using var response = await _service.SendAsync(HttpMethod.Head, "/events");

        response.Content.Headers.ContentType?.MediaType.ShouldBe("text/event-stream");
        await _streamEnded.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
    }
}
