using System.Net;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>A reader that takes nothing is cut and may come back; nobody else notices.</summary>
[Collection(ChatCollection.Name)]
public sealed class SlowReaderTests(SharedSystem system)
{
    private const int Tokens = 60_000;
    private const string Cut = "lyceum_chat_readers_cut_total";

    [Fact]
    public async Task Reader_ThatTakesNothing_IsCutAndResumes_OthersAndTheAnswerGoOn()
    {
        _ = system.App;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var chat = system.CreateChatClient();
        await using var answer = await chat.AskAsync($"[[stub tokens={Tokens} rate=0 seed=12 unicode=1]]");
        var start = (await answer.NextAsync(limit.Token))!;

        var cut = await system.MetricAsync("chat-api", Cut, limit.Token);
        // Straight to the replica, in small segments, so that little fits into the kernel's buffers.
        using var service = system.CreateServiceClient("chat-api");
        using var stalled = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        stalled.SetRawSocketOption(6 /* IPPROTO_TCP */, 2 /* TCP_MAXSEG */, BitConverter.GetBytes(536));
        await stalled.ConnectAsync(IPAddress.Loopback, service.BaseAddress!.Port, limit.Token);
        var url = start.Data.GetProperty("stream_url").GetString();
        await stalled.SendAsync(Encoding.ASCII.GetBytes($"GET {url} HTTP/1.0\r\nHost: localhost\r\n\r\n"), limit.Token);

        await answer.ToEndAsync();
        var text = answer.Text;
        text.Length.ShouldBeGreaterThan(100_000);
        StubText.Text(12, Tokens, unicode: true).StartsWith(text, StringComparison.Ordinal).ShouldBeTrue("the other reader got the known text");
        await Eventually.TrueAsync(
            async () => await system.MetricAsync("chat-api", Cut, limit.Token) > cut, "the reader is cut", 60);

        // What had been sent is a prefix, perhaps broken off inside an event; its last whole event is a cursor.
        var (seen, cursor) = await DrainAsync(stalled, limit.Token);
        Encoding.UTF8.GetByteCount(seen).ShouldBe(cursor);
        seen.Length.ShouldBeLessThan(text.Length);
        await using var resumed = await chat.ResumeAsync(answer.MessageId, cursor);
        await resumed.ToEndAsync();
        (seen + resumed.Text == text).ShouldBeTrue("what was seen and what came after are the answer");
    }

    private static async Task<(string Text, int Cursor)> DrainAsync(Socket socket, CancellationToken limit)
    {
        using var received = new MemoryStream();
        var buffer = new byte[8192];
        try
        {
            int read;
            while ((read = await socket.ReceiveAsync(buffer, limit)) > 0)
                received.Write(buffer, 0, read);
        }
        catch (SocketException)
        {
            // Reset: cut is cut.
        }
        var body = received.ToArray();
        received.Position = body.AsSpan().IndexOf("\r\n\r\n"u8) + 4;
        var (text, cursor) = (new StringBuilder(), 0);
        foreach (var item in SseParser.Create(received).Enumerate())
        {
            if (item.EventType != "delta")
                continue;
            text.Append(JsonElement.Parse(item.Data).GetProperty("text").GetString());
            cursor = int.Parse(item.EventId!);
        }
        return (text.ToString(), cursor);
    }
}
