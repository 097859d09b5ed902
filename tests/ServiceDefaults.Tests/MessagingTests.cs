using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Lyceum.ServiceDefaults.Messaging;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Lyceum.Tests.ServiceDefaults.Tests;

/// <summary>Messaging without a broker; what it does with one is for the integration tests.</summary>
public sealed class MessagingTests : IDisposable
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api");

    public void Dispose() => _identity.Dispose();

    private sealed record SomethingHappened(int Number);

    private Task<TestService> StartAsync(string? broker) => TestService.StartAsync(
        _identity, "chat-api", builder => builder.AddMessaging(),
        settings: broker is null ? [] : new() { ["ConnectionStrings:messaging"] = broker });

    /// <summary>A port nobody listens on.</summary>
    private static string AwayBroker()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return $"amqp://guest:guest@127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
    }

    [Fact]
    public async Task BrokerAway_DegradesHealth_AndFailsNothing()
    {
        await using var service = await StartAsync(AwayBroker());

        await Eventually.TrueAsync(async () =>
        {
            var response = await service.GetAsync("/health");
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            var checks = (await response.JsonAsync()).GetProperty("checks");
            return checks.GetProperty("messaging").GetProperty("status").GetString() == "degraded";
        }, "messaging degraded");
        (await service.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken)).ShouldContain("lyceum_broker_up{} 0\n");
    }

    [Fact]
    public async Task BrokerAway_PublishReturnsAtOnce_AndTheOverflowIsCounted()
    {
        await using var service = await StartAsync(AwayBroker());
        var hints = service.Services.GetRequiredService<IHints>();
        hints.Publish(new SomethingHappened(0)); // compiles what it needs

        var took = Enumerable.Range(0, 100).Select(i =>
        {
            var clock = Stopwatch.StartNew();
            hints.Publish(new SomethingHappened(i));
            return clock.Elapsed;
        }).Order().ToList();
        // Not the very slowest: a busy machine may suspend this thread at any moment.
        took[94].ShouldBeLessThan(TimeSpan.FromMilliseconds(10));

        for (var i = 0; i < 3000; i++)
            hints.Publish(new SomethingHappened(i));
        var metrics = await service.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        var dropped = metrics.Split('\n').Single(
            line => line.StartsWith("lyceum_hints_dropped_total{reason=\"queue_full\"}", StringComparison.Ordinal));
        // All but the queue's length, and the one being sent.
        double.Parse(dropped.Split(' ')[1]).ShouldBeGreaterThanOrEqualTo(3101 - 1024 - 1);
    }

    [Fact]
    public async Task BrokerAway_ServiceStillStartsAndStopsPromptly()
    {
        var clock = Stopwatch.StartNew();
        var service = await StartAsync(AwayBroker());
        service.Services.GetRequiredService<IHints>().Publish(new SomethingHappened(1));
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(20));

        clock.Restart();
        await service.App.StopAsync(TestContext.Current.CancellationToken);

        await service.DisposeAsync();
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(20));
    }

    /// <summary>The worst that can come together: a request that goes on, no broker, a collector that never answers.</summary>
    [Fact]
    public async Task NothingEnds_TheServiceEndsWithinItsDrainAllTheSame()
    {
        var entered = new TaskCompletionSource();
        using var deaf = new TcpListener(IPAddress.Loopback, 0);
        deaf.Start();
        var service = await TestService.StartAsync(
            _identity, "chat-api", builder => builder.AddMessaging(),
            app => app.MapGet("/endless", () =>
            {
                entered.SetResult();
                return Task.Delay(Timeout.Infinite, CancellationToken.None);
            }).AllowAnonymous(),
            new()
            {
                ["ConnectionStrings:messaging"] = AwayBroker(),
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://{deaf.LocalEndpoint}",
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            });
        service.Services.GetRequiredService<IHints>().Publish(new SomethingHappened(1));
        var endless = service.GetAsync("/endless");
        await entered.Task;

        var clock = Stopwatch.StartNew();
        service.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        await service.App.StopAsync(TestContext.Current.CancellationToken);
        var stopped = clock.Elapsed;
        await service.DisposeAsync();

        TestContext.Current.TestOutputHelper!.WriteLine($"stopped after {stopped}, ended after {clock.Elapsed}");
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(20));
        await Should.ThrowAsync<Exception>(() => endless);
    }

    [Fact]
    public async Task NoBrokerConfigured_IsFine_AndHealthSaysSo()
    {
        await using var service = await StartAsync(broker: null);
        service.Services.GetRequiredService<IHints>().Publish(new SomethingHappened(1));

        var health = await (await service.GetAsync("/health")).JsonAsync();

        health.GetProperty("status").GetString().ShouldBe("ok");
        health.GetProperty("checks").GetProperty("messaging").GetProperty("detail").GetString()!.ShouldContain("not configured");
    }
}
