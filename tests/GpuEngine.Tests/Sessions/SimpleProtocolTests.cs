using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Tests.StubModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>What existing clients speak: no subprotocol, whole answers.</summary>
public sealed class SimpleProtocolTests
{
    [Fact]
    public async Task Texts_InARow_AreAnsweredWholeInOrder()
    {
        await using var engine = await SessionEngine.StartAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(), subProtocol: null);
        client.Socket.SubProtocol.ShouldBeNull();

        await client.SendAsync("""{"type":"text","content":"[[stub tokens=20 rate=200 seed=1]]"}""");
        await client.SendAsync("""{"type":"text","content":"[[stub tokens=3 rate=0 seed=2 unicode=1]]"}""");

        await ShouldBeAsync("text", StubText.Text(1, 20, unicode: false));
        await ShouldBeAsync("text", StubText.Text(2, 3, unicode: true));

        async Task ShouldBeAsync(string type, string content)
        {
            var message = (await client.NextAsync())!.Value;
            message.EnumerateObject().Select(p => p.Name).ShouldBe(["type", "content"]);
            message.GetProperty("type").GetString().ShouldBe(type);
            message.GetProperty("content").GetString().ShouldBe(content);
        }
    }

    [Fact]
    public async Task Failure_OfATurn_IsAnErrorAndTheSocketStays()
    {
        await using var engine = await SessionEngine.StartAsync(("Engine:Sessions:MaxWaiting", "1"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(), subProtocol: null);

        await client.SendAsync("nonsense");
        await client.UntilAsync("error");
        await client.SayAsync("[[stub tokens=5 status=500]]");
        (await client.NextAsync())!.Value.GetProperty("type").GetString().ShouldBe("error");

        await client.SayAsync("[[stub status=200 tokens=1 first_delay_ms=500]]");
        await client.SayAsync("[[stub tokens=1 rate=0]]");
        await client.SayAsync("[[stub tokens=1 rate=0]]"); // one may wait; this is the second
        (await client.NextAsync())!.Value.GetProperty("type").GetString().ShouldBe("error");
        await client.UntilAsync("text");
        await client.UntilAsync("text");
    }

    [Fact]
    public async Task Answer_SocketBroken_IsSentOnTheNextSocket()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        await using (var client = await engine.ConnectAsync(made, subProtocol: null))
        {
            await client.SayAsync("[[stub tokens=2 rate=0 seed=1]]");
            await client.UntilAsync("text");
            await client.SayAsync("[[stub tokens=20 rate=100 seed=2]]");
            await engine.Stub.UntilAsync(log => log.Count == 2);
            client.Kill();
        }
        await engine.NoSocketsAsync();
        await using var again = await engine.ConnectAsync(await engine.FreshAddressAsync(made.SessionId), subProtocol: null);
        LyceumV1Tests.Content(await again.UntilAsync("text")).ShouldBe(StubText.Text(2, 20, unicode: false));
    }

    [Fact]
    public async Task JavaScriptExample_InNode_Works()
    {
        var folder = Path.Combine(Repository.Root, "tests", "Clients");
        Assert.SkipUnless(OnPath("node"), "Node.js is not installed");
        Assert.SkipUnless(Directory.Exists(Path.Combine(folder, "node_modules", "ws")),
            "the npm package ws is not installed: npm ci in tests/Clients (test.sh does)");
        await using var engine = await SessionEngine.StartAsync();
        await using var web = await WebServerAsync(engine);

        using var node = Process.Start(new ProcessStartInfo("node", ["session.mjs", web.Urls.First()])
        {
            WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var output = await node.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = await node.StandardError.ReadToEndAsync(limit.Token);
        await node.WaitForExitAsync(limit.Token);
        node.ExitCode.ShouldBe(0, errors);

        var seen = JsonElement.Parse(output).EnumerateArray().ToList();
        var answer = StubText.Text(0, 5, unicode: false);
        seen.Select(line => line[0].GetString()).ShouldBe(["Session created:", "✓ WebSocket connected", "✓ Received:", "AI:", "WebSocket closed"]);
        seen[3][1].GetString().ShouldBe(answer);
        engine.Stub.Log.Requests.ShouldHaveSingleItem().LastUserMessage.ShouldBe("Hello");
        await engine.NoSocketsAsync();
    }

    /// <summary>The web server of the example, as far as it is needed: asks the engine for a session, as a service does.</summary>
    private static async Task<WebApplication> WebServerAsync(SessionEngine engine)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapPost("/api/tutors/{tutor:int}/sessions", async (int tutor, JsonElement body) =>
        {
            using var response = await engine.TryCreateAsync(new
            {
                tutor_id = tutor, student_id = body.GetProperty("student_id"), kb_id = body.GetProperty("kb_id").GetString(),
            });
            return Results.Text(await response.Content.ReadAsStringAsync(), "application/json");
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private static bool OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
}
