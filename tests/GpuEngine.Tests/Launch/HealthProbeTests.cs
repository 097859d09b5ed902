using System.Net;
using Lyceum.GpuEngine.Launch;
using Lyceum.GpuEngine.Upstream;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.GpuEngine.Launch;

public sealed class HealthProbeTests
{
    [Theory]
    [InlineData(200, 500, null, null)] // vLLM: /health alone counts
    [InlineData(503, 200, null, "it answered 503")] // llama.cpp lists its models while it loads
    [InlineData(404, 200, null, null)] // Ollama has no /health
    [InlineData(404, 401, null, "it answered 401")]
    [InlineData(503, 503, "/ready", null)] // as configured
    public async Task HealthProbe_AnyServer_AsksTheRouteThatCounts(int health, int models, string? configured, string? verdict)
    {
        await using var server = await ServerAsync(health, models);
        using var probe = Probe(configured);

        (await probe.AskAsync(new Uri(server.Urls.First() + "/v1"), TestContext.Current.CancellationToken)).ShouldBe(verdict);
    }

    [Fact]
    public async Task HealthProbe_NoAnswer_IsUnhealthyAfterTheTimeout()
    {
        using var silent = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        using var probe = Probe(null, TimeSpan.FromMilliseconds(50));

        (await probe.AskAsync(new Uri($"http://{silent.LocalEndpoint}/v1"), TestContext.Current.CancellationToken))
            .ShouldBe("it did not answer within 0.1 s");
    }

    private static HealthProbe Probe(string? health, TimeSpan? timeout = null) => new(
        Options.Create(new LaunchOptions { Health = health, HealthTimeout = timeout ?? TimeSpan.FromSeconds(10) }),
        Options.Create(new LlmOptions { ApiKey = "s3cret" }), TimeProvider.System);

    private static async Task<WebApplication> ServerAsync(int health, int models)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<KestrelServerOptions>(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.MapGet("/health", () => Results.StatusCode(health));
        app.MapGet("/ready", () => "");
        app.MapGet("/v1/models", (HttpRequest request) => Results.StatusCode(request.Headers.Authorization == "Bearer s3cret" ? models : 418));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }
}
