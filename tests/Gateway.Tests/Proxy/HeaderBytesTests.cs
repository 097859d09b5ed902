using System.Net.Sockets;
using System.Text;
using Lyceum.ServiceDefaults.Http;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Proxy;

/// <summary>Headers hold names of people and pages in any charset; none of them fails a request, and none is changed.</summary>
public sealed class HeaderBytesTests : IAsyncLifetime
{
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

    public static TheoryData<string, byte[]> Headers { get; } = new()
    {
        { "X-User-Name", "Jürgen"u8.ToArray() },
        { "X-User-Name", Encoding.Latin1.GetBytes("Jürgen") },
        { "Referer", "https://example.org/学习"u8.ToArray() },
        { "Referer", [0xD1, 0xA7, 0xCF, 0xB0] }, // the same in GBK
        { "User-Agent", "学习通/1.0 (😀)"u8.ToArray() },
        { "X-Half", [0xE5, 0xAD] }, // a character cut in two
        { "X-All", [.. Enumerable.Range(0x80, 0x80).Select(value => (byte)value)] },
        { "X-Title", [.. "a"u8, 0xC2, 0x85, .. "b"u8] }, // a line break of Unicode
        { "tracestate", "a=ü"u8.ToArray() },
        { "baggage", "user=学习"u8.ToArray() },
        { "X-Request-Id", "ü"u8.ToArray() },
        { "Accept-Language", "zh-CN,汉"u8.ToArray() },
        { "Idempotency-Key", "ключ"u8.ToArray() },
        { "Last-Event-ID", "é"u8.ToArray() },
        { "If-None-Match", "\"é\""u8.ToArray() },
        { "Content-Type", "text/plain; charset=é"u8.ToArray() },
        { "Accept", "text/é"u8.ToArray() },
    };

    [Theory]
    [MemberData(nameof(Headers))]
    public async Task RequestHeader_OfAnyBytes_ArrivesUnchanged(string name, byte[] value)
    {
        var response = await AskAsync("/api/conversations/x", [.. Encoding.ASCII.GetBytes(name + ": "), .. value, .. "\r\n"u8]);

        response.ShouldStartWith("HTTP/1.1 200");
        // Ours are replaced: trace headers, and an id that logs cannot hold.
        if (name is not ("tracestate" or "baggage" or "X-Request-Id"))
            _chat.Seen.ShouldHaveSingleItem()[name].ShouldBe(Encoding.Latin1.GetString(value));
    }

    [Fact]
    public async Task ResponseHeader_OfAnyBytes_ArrivesUnchanged()
    {
        var response = await AskAsync("/api/conversations/titled", []);

        response.ShouldStartWith("HTTP/1.1 200");
        response.ShouldContain("X-Title: " + Encoding.Latin1.GetString("学习"u8) + "\r\n");
        response.ShouldContain("X-Name: J\u00fcrgen\r\n");
    }

    [Fact]
    public void ServiceClients_SendAndReadAnyBytes()
    {
        using var handler = new SocketsHttpHandler();
        handler.KeepHeaderBytes();

        handler.RequestHeaderEncodingSelector!("X", new HttpRequestMessage()).ShouldBe(Encoding.Latin1);
    }

    /// <returns>The response, each byte a character.</returns>
    private async Task<string> AskAsync(string path, byte[] header)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var tcp = new TcpClient();
        var address = _gateway.Client.BaseAddress!;
        await tcp.ConnectAsync(address.Host, address.Port, cancel);
        await using var stream = tcp.GetStream();
        await stream.WriteAsync(
            (byte[])[
                .. Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {address.Authority}\r\nConnection: close\r\n"),
                .. Encoding.ASCII.GetBytes($"Authorization: Bearer {TestGateway.Secret}\r\n"), .. header, .. "\r\n"u8,
            ], cancel);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync(cancel);
    }
}
