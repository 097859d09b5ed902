using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.ServiceDefaults.Tests;

/// <summary>Sets the process's environment: nothing else may start a service meanwhile.</summary>
[CollectionDefinition(nameof(TelemetryTests), DisableParallelization = true)]
public sealed class TelemetryCollection;

/// <summary>
/// A collector that keeps what it is sent. OTLP is protobuf, in which text stands as it is: what matters here can be
/// found without decoding.
/// </summary>
[Collection(nameof(TelemetryTests))]
public sealed class TelemetryTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api");
    private readonly ConcurrentQueue<(string Path, string Body)> _exports = new();
    private WebApplication _collector = null!;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        _collector = builder.Build();
        _collector.MapPost("/{**path}", async (HttpContext http, string path) =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            _exports.Enqueue((path, Encoding.Latin1.GetString(body.ToArray())));
        });
        await _collector.StartAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _collector.DisposeAsync();
        _identity.Dispose();
    }

    private bool Sent(string signal, string text) =>
        _exports.Any(export => export.Path.EndsWith(signal, StringComparison.Ordinal) && export.Body.Contains(text, StringComparison.Ordinal));

    [Fact]
    public async Task Traces_Metrics_And_Logs_GoToTheCollector_PollsDoNot()
    {
        // The exporter reads the environment, like every OpenTelemetry SDK.
        using var endpoint = new EnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT", _collector.Urls.First());
        using var protocol = new EnvironmentVariable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        using var name = new EnvironmentVariable("OTEL_SERVICE_NAME", "chat-api-2");
        await using (var service = await TestService.StartAsync(_identity, "chat-api", map: app =>
            app.MapGet("/chat/{id}", (string id, ILogger<TelemetryTests> logger) =>
            {
#pragma warning disable CA1848 // One line of a test.
                logger.LogInformation("hello {Id}", id);
#pragma warning restore CA1848
                return Activity.Current?.TraceId.ToHexString();
            }).AllowAnonymous()))
        {
            await service.GetAsync("/chat/7");
            await service.GetAsync("/health");
            await service.GetAsync("/metrics");
            // Leaving flushes.
        }

        Sent("v1/traces", "GET /chat/{id}").ShouldBeTrue();
        Sent("v1/traces", "chat-api-2").ShouldBeTrue();
        Sent("v1/traces", "GET /health").ShouldBeFalse();
        Sent("v1/traces", "GET /metrics").ShouldBeFalse();
        Sent("v1/metrics", "http.server.request.duration").ShouldBeTrue();
        Sent("v1/metrics", "lyceum.build.info").ShouldBeTrue();
        Sent("v1/logs", "hello 7").ShouldBeTrue();
    }

    private sealed class EnvironmentVariable : IDisposable
    {
        private readonly string _name;

        public EnvironmentVariable(string name, string value) => Environment.SetEnvironmentVariable(_name = name, value);

        public void Dispose() => Environment.SetEnvironmentVariable(_name, null);
    }
}
