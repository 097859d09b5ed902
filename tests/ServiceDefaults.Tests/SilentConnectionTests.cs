using System.Net.Sockets;
using System.Text;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.ServiceDefaults.Tests;

/// <summary>A connection must bring its first request soon; then it may be idle, and its responses may take long.</summary>
public sealed class SilentConnectionTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway");
    private TestService _service = null!;

    public async ValueTask InitializeAsync() => _service = await TestService.StartAsync(
        _identity, "gateway",
        map: app =>
        {
            app.MapGet("/slow", async (HttpContext http) =>
            {
                await Task.Delay(1000, http.RequestAborted);
                return "done";
            }).AllowAnonymous();
        },
        settings: new() { ["Connections:FirstRequest"] = "00:00:00.4" });

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        _identity.Dispose();
    }

    [Theory]
    [InlineData("")]
    [InlineData("G")]
    [InlineData("GET /alive HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM")]
    public async Task Connection_WithoutAWholeRequest_IsClosed(string sent)
    {
        using var client = await ConnectAsync(sent);
        using var limit = new CancellationTokenSource(Eventually.Limit);
        (await EndsAsync(client, limit.Token)).ShouldNotContain("200 OK");
    }

    [Fact]
    public async Task Connection_DroppedByteByByte_IsClosed()
    {
        using var client = await ConnectAsync("");
        await Should.ThrowAsync<IOException>(async () =>
        {
            foreach (var letter in "GET /alive HTTP/1.1\r\n" + new string('a', 100))
            {
                await client.GetStream().WriteAsync(new[] { (byte)letter }, TestContext.Current.CancellationToken);
                await Task.Delay(100, TestContext.Current.CancellationToken);
            }
        });
    }

    [Fact]
    public async Task Connection_AfterItsFirstRequest_MayBeIdle_AndWaitForItsAnswer()
    {
        const string request = "GET /alive HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        using var client = await ConnectAsync(request);
        (await NextAsync(client)).ShouldContain("200 OK");
        await Task.Delay(800, TestContext.Current.CancellationToken);
        await client.GetStream().WriteAsync(
            Encoding.ASCII.GetBytes("GET /slow HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), TestContext.Current.CancellationToken);
        (await NextAsync(client)).ShouldContain("200 OK");
    }

    private async Task<TcpClient> ConnectAsync(string sent)
    {
        var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", _service.Address.Port, TestContext.Current.CancellationToken);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(sent), TestContext.Current.CancellationToken);
        return client;
    }

    /// <summary>What comes until an answer has begun, or the end.</summary>
    private static async Task<string> NextAsync(TcpClient client)
    {
        var (said, buffer) = ("", new byte[4096]);
        using var limit = new CancellationTokenSource(Eventually.Limit);
        while (!said.Contains("200 OK", StringComparison.Ordinal)
            && await client.GetStream().ReadAsync(buffer, limit.Token) is > 0 and var read)
            said += Encoding.ASCII.GetString(buffer, 0, read);
        return said;
    }

    /// <summary>Everything that the server says until it closes.</summary>
    private static async Task<string> EndsAsync(TcpClient client, CancellationToken limit)
    {
        using var said = new MemoryStream();
        try
        {
            await client.GetStream().CopyToAsync(said, limit);
        }
        catch (IOException)
        {
            // Reset is closed too.
        }
        return Encoding.ASCII.GetString(said.ToArray());
    }
}
