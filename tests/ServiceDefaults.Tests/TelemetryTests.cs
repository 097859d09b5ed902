using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
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
        _caller.Dispose();
        await _collector.DisposeAsync();
        _identity.Dispose();
    }

    private bool Sent(string signal, string text) =>
        _exports.Any(export => export.Path.EndsWith(signal, StringComparison.Ordinal) && export.Body.Contains(text, StringComparison.Ordinal));

    /// <summary>As from outside: a span of this client's would be one of the service's, with which it shares a process.</summary>
    private readonly HttpClient _caller = new(new SocketsHttpHandler { ActivityHeadersPropagator = null });

    private Task<HttpResponseMessage> AskAsync(TestService service, string path) =>
        _caller.GetAsync(new Uri(service.Address, path), TestContext.Current.CancellationToken);

    [Fact]
    public async Task Traces_Metrics_And_Logs_GoToTheCollector_PollsDoNot()
    {
        using var settings = new AspireSettings(_collector.Urls.First());
        await using (var service = await TestService.StartAsync(_identity, "chat-api", map: app =>
            app.MapGet("/chat/{id}", (string id, ILogger<TelemetryTests> logger) =>
            {
#pragma warning disable CA1848 // One line of a test.
                logger.LogInformation("hello {Id}", id);
#pragma warning restore CA1848
                return Activity.Current?.TraceId.ToHexString();
            }).AllowAnonymous()))
        {
            await AskAsync(service, "/chat/7?ticket=hunter2&limit=1");
            await AskAsync(service, "/health");
            await AskAsync(service, "/metrics");
            await AskAsync(service, "/internal/engines");
            await service.App.StopAsync(TestContext.Current.CancellationToken);
        }

        Sent("v1/traces", "GET /chat/{id}").ShouldBeTrue();
        Sent("v1/traces", "/chat/7").ShouldBeTrue();
        Sent("v1/traces", "chat-api-2").ShouldBeTrue();
        Sent("v1/metrics", "http.server.request.duration").ShouldBeTrue();
        Sent("v1/metrics", "lyceum.build.info").ShouldBeTrue();
        Sent("v1/logs", "hello 7").ShouldBeTrue();
        foreach (var text in (string[])["/health", "/metrics", "/internal/engines", "hunter2"])
            Sent("v1/traces", text).ShouldBeFalse(text);
    }

    /// <summary>A collector that accepts and never answers is the worst one.</summary>
    [Fact]
    public async Task CollectorThatHangs_DelaysTheEndByASecond_AndNoRequest()
    {
        using var deaf = new TcpListener(IPAddress.Loopback, 0);
        deaf.Start();
        using var settings = new AspireSettings($"http://{deaf.LocalEndpoint}");
        var service = await TestService.StartAsync(
            _identity, "chat-api", map: app => app.MapGet("/chat/{id}", (string id) => id).AllowAnonymous());
        for (var i = 0; i < 2000; i++)
            (await AskAsync(service, "/chat/7")).EnsureSuccessStatusCode();

        var clock = Stopwatch.StartNew();
        await service.App.StopAsync(TestContext.Current.CancellationToken);
        await service.DisposeAsync();

        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(8)); // a second, and a busy machine
    }

    /// <summary>The process's environment as Aspire's AppHost sets it.</summary>
    private sealed class AspireSettings : IDisposable
    {
        private readonly Dictionary<string, string> _variables;

        public AspireSettings(string collector)
        {
            _variables = new()
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector,
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_SERVICE_NAME"] = "chat-api-2",
                ["OTEL_TRACES_SAMPLER"] = "always_on",
                ["OTEL_BSP_SCHEDULE_DELAY"] = "1000",
                ["OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY"] = "in_memory",
                ["OTEL_DOTNET_EXPERIMENTAL_ASPNETCORE_DISABLE_URL_QUERY_REDACTION"] = "true",
                ["OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION"] = "true",
            };
            foreach (var (name, value) in _variables)
                Environment.SetEnvironmentVariable(name, value);
        }

        public void Dispose()
        {
            foreach (var name in _variables.Keys)
                Environment.SetEnvironmentVariable(name, null);
        }
    }
}
