using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace Lyceum.Tests.GpuEngine;

/// <summary>A model server that says what the test says, when the test says it; one completion at a time.</summary>
internal sealed class RawUpstream : IAsyncDisposable
{
    private readonly Channel<Piece> _pieces = Channel.CreateUnbounded<Piece>();
    private readonly WebApplication _app;

    private RawUpstream(WebApplication app) => _app = app;

    public string Endpoint => _app.Urls.First() + "/v1";

    /// <summary>Base address without path.</summary>
    public string Url => _app.Urls.First();

    public static async Task<RawUpstream> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<KestrelServerOptions>(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMilliseconds(100));
        var app = builder.Build();
        var upstream = new RawUpstream(app);
        app.MapPost("/v1/chat/completions", upstream.CompleteAsync);
        app.MapPost("/openai/deployments/raw/chat/completions", upstream.CompleteAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return upstream;
    }

    /// <summary>An engine before it.</summary>
    public Task<Engine> EngineAsync(params (string Key, string Value)[] settings) =>
        Engine.StartAsync(null, [("Llm:Endpoint", Endpoint), ("Llm:Model", "raw"), .. settings]);

    /// <summary>Sends a delta whose content is this JSON string, given without its quotes.</summary>
    public void Say(string json) => Send($$"""{"choices":[{"index":0,"delta":{"content":"{{json}}"},"finish_reason":null}]}""");

    public void Finish(string reason = "stop")
    {
        Send($$"""{"choices":[{"index":0,"delta":{},"finish_reason":"{{reason}}"}]}""");
        _pieces.Writer.TryWrite(new("data: [DONE]\n\n"u8.ToArray(), After.Close));
    }

    /// <summary>Sends an event with these data.</summary>
    /// <param name="piece">Bytes of each write, so that characters are cut in half on the way; 0: one write.</param>
    public void Send(string data, int piece = 0)
    {
        var bytes = Encoding.UTF8.GetBytes($"data: {data}\n\n");
        foreach (var part in bytes.Chunk(piece > 0 ? piece : bytes.Length))
        {
            _pieces.Writer.TryWrite(new(part));
        }
    }

    /// <summary>Sends these bytes, and ends the answer.</summary>
    /// <param name="breaks">By breaking the connection instead of closing it.</param>
    /// <param name="headers">Of the response, instead of an event stream's.</param>
    public void SendAll(byte[] stream, bool breaks, params (string Name, string Value)[] headers) =>
        _pieces.Writer.TryWrite(new(stream, breaks ? After.Break : After.Close, headers));

    private async Task CompleteAsync(HttpContext http)
    {
        // What ends an answer is in its last piece: a client that leaves before the end takes nothing from the next answer.
        for (var after = After.GoOn; after == After.GoOn;)
        {
            (var bytes, after, var headers) = await _pieces.Reader.ReadAsync(http.RequestAborted);
            if (!http.Response.HasStarted)
            {
                http.Response.ContentType = "text/event-stream";
                foreach (var (name, value) in headers ?? [])
                {
                    http.Response.Headers[name] = value.Length == 0 ? default(StringValues) : value;
                }
            }
            await http.Response.Body.WriteAsync(bytes, http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            if (after == After.Break)
            {
                await Task.Delay(50, http.RequestAborted); // an abort discards what was not sent yet
                http.Abort();
            }
        }
    }

    private enum After
    {
        GoOn,
        Close,
        Break,
    }

    private sealed record Piece(
        byte[] Bytes, After After = After.GoOn, IReadOnlyList<(string Name, string Value)>? Headers = null);

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
