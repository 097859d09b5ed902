using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.IntegrationTests.Telemetry;

/// <summary>A span as it was exported.</summary>
/// <param name="Scope">The instrumentation's name: <c>Microsoft.AspNetCore</c>, <c>Npgsql</c>, ….</param>
public sealed record ExportedSpan(string Instance, string Scope, string TraceId, string SpanId, string ParentSpanId, string Name)
{
    /// <summary>Whichever replica it was: <c>chat-api-2</c> is one of <c>chat-api</c>.</summary>
    public string Service { get; } = Instance.TrimEnd("-0123456789".ToCharArray());
}

/// <summary>
/// A collector for OTLP over HTTP that keeps the spans it is sent. It reads just what it needs of the protobuf messages:
/// opentelemetry/proto/trace/v1/trace.proto.
/// </summary>
public sealed class Collector : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Collector(WebApplication app) => _app = app;

    public ConcurrentBag<ExportedSpan> Spans { get; } = [];

    private readonly ConcurrentBag<byte[]> _exports = [];

    /// <summary>Whether anything exported, in any field, contains <paramref name="text"/>.</summary>
    public bool Mentions(string text) => _exports.Any(export => export.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(text)) >= 0);

    public string Url => _app.Urls.First();

    public static async Task<Collector> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var collector = new Collector(app);
        app.MapPost("/v1/traces", async (HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            collector._exports.Add(body.ToArray());
            collector.Read(body.ToArray());
        });
        app.MapPost("/v1/{signal}", (string signal) => Results.Ok());
        await app.StartAsync();
        return collector;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private void Read(ReadOnlyMemory<byte> export)
    {
        foreach (var (_, resourceSpans) in Fields(export).Where(f => f.Number == 1))
        {
            var service = "";
            foreach (var (number, value) in Fields(resourceSpans))
            {
                if (number == 1) // Resource { KeyValue attributes = 1 { key = 1, AnyValue value = 2 { string = 1 } } }
                {
                    service = Fields(value).Where(f => f.Number == 1)
                        .Where(a => Text(Single(a.Value, 1)) == "service.name")
                        .Select(a => Text(Single(Single(a.Value, 2), 1))).FirstOrDefault(service);
                }
                if (number != 2) // ScopeSpans { scope = 1 { name = 1 }, Span spans = 2 }
                    continue;
                var scope = Text(Single(Single(value, 1), 1));
                foreach (var (_, span) in Fields(value).Where(f => f.Number == 2))
                {
                    Spans.Add(new(service, scope, Hex(Single(span, 1)), Hex(Single(span, 2)), Hex(Single(span, 4)), Text(Single(span, 5))));
                }
            }
        }
    }

    private static ReadOnlyMemory<byte> Single(ReadOnlyMemory<byte> message, int number) =>
        Fields(message).FirstOrDefault(f => f.Number == number).Value;

    private static string Text(ReadOnlyMemory<byte> value) => Encoding.UTF8.GetString(value.Span);

    private static string Hex(ReadOnlyMemory<byte> value) => Convert.ToHexStringLower(value.Span);

    /// <summary>The length-delimited fields of a message; numbers are passed over.</summary>
    private static List<(int Number, ReadOnlyMemory<byte> Value)> Fields(ReadOnlyMemory<byte> message)
    {
        var fields = new List<(int, ReadOnlyMemory<byte>)>();
        for (var at = 0; at < message.Length;)
        {
            var tag = Varint(message.Span, ref at);
            switch (tag & 7)
            {
                case 0: Varint(message.Span, ref at); break;
                case 1: at += 8; break;
                case 5: at += 4; break;
                default:
                    var length = (int)Varint(message.Span, ref at);
                    fields.Add(((int)(tag >> 3), message.Slice(at, length)));
                    at += length;
                    break;
            }
        }
        return fields;
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var b = bytes[at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                return value;
        }
    }
}
