using System.Net;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Lyceum.Tests.ServiceDefaults.Tests;

public sealed class HealthTests : IDisposable
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api");

    public void Dispose() => _identity.Dispose();

    private Task<TestService> StartAsync(params (string Name, Func<CancellationToken, Task<HealthCheckResult>> Check)[] checks) =>
        TestService.StartAsync(_identity, "chat-api", builder =>
        {
            foreach (var (name, check) in checks)
                builder.Services.AddHealthChecks().AddAsyncCheck(name, check);
        });

    private static (string, Func<CancellationToken, Task<HealthCheckResult>>) Check(string name, HealthCheckResult result) =>
        (name, _ => Task.FromResult(result));

    [Fact]
    public async Task NoChecks_IsOk()
    {
        await using var service = await StartAsync();

        var health = await (await service.GetAsync("/health")).JsonAsync();

        health.GetProperty("status").GetString().ShouldBe("ok");
        health.GetProperty("service").GetString().ShouldBe("chat-api");
    }

    [Fact]
    public async Task DegradedPart_Is200_WithItsReason()
    {
        await using var service = await StartAsync(
            Check("db", HealthCheckResult.Healthy()), Check("broker", HealthCheckResult.Degraded("away")));

        var response = await service.GetAsync("/health");

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        var health = await response.JsonAsync();
        health.GetProperty("status").GetString().ShouldBe("degraded");
        health.GetProperty("checks").GetProperty("db").GetProperty("status").GetString().ShouldBe("ok");
        var broker = health.GetProperty("checks").GetProperty("broker");
        broker.GetProperty("status").GetString().ShouldBe("degraded");
        broker.GetProperty("detail").GetString().ShouldBe("away");
        broker.GetProperty("duration_ms").GetDouble().ShouldBeGreaterThanOrEqualTo(0);
    }

    [Fact]
    public async Task UnhealthyPart_Is503_AndItsExceptionStaysInside()
    {
        await using var service = await StartAsync(("db", _ => throw new InvalidOperationException("password=hunter2")));

        var response = await service.GetAsync("/health");

        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        body.ShouldContain("\"status\":\"unhealthy\"");
        body.ShouldNotContain("hunter2");
    }

    /// <summary>Who comes through a proxy, or from afar, learns which part is not well, and nothing of why.</summary>
    [Theory]
    [InlineData("X-Forwarded-For", "203.0.113.7", false)]
    [InlineData("X-Forwarded-For", "127.0.0.1", false)]
    [InlineData("Forwarded", "for=203.0.113.7", false)]
    [InlineData("Authorization", "chat", true)] // this machine, whoever it is
    [InlineData("X-Forwarded-For+Authorization", "chat", false)]
    [InlineData("X-Forwarded-For+Authorization", "ops", true)]
    public async Task DetailOfAPart_IsForThisMachineAndOperatorsAlone(string headers, string value, bool shown)
    {
        const string Secret = "auth.tokens[0]: /etc/lyceum/secrets/ada cannot be read; last asked: 10.0.0.7:5432";
        await using var service = await StartAsync(
            Check("settings", HealthCheckResult.Degraded(Secret)), Check("db", HealthCheckResult.Healthy(Secret)));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health");
        foreach (var header in headers.Split('+'))
        {
            request.Headers.TryAddWithoutValidation(header, header == "Authorization"
                ? $"Bearer {_identity.Token(scope: value)}" : headers.Contains('+') ? "203.0.113.7" : value);
        }

        using var response = await service.Client.SendAsync(request, TestContext.Current.CancellationToken);

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        body.ShouldContain("\"settings\":{\"status\":\"degraded\"");
        if (shown)
            body.ShouldContain("/etc/lyceum/secrets");
        else
        {
            body.ShouldNotContain("secrets");
            body.ShouldNotContain("10.0.0.7");
        }
    }

    [Fact]
    public async Task CheckThatHangs_FailsWithinItsLimit()
    {
        await using var service = await StartAsync(
            ("stuck", async cancellation => { await Task.Delay(Timeout.Infinite, cancellation); return default; }));

        var response = await service.GetAsync("/health").WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);

        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    public async Task ManyPollers_ShareARound()
    {
        var rounds = 0;
        await using var service = await StartAsync(("counted", _ =>
        {
            Interlocked.Increment(ref rounds);
            return Task.FromResult(HealthCheckResult.Healthy());
        }));

        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => service.GetAsync("/health")));

        rounds.ShouldBeLessThan(10);
    }

    [Fact]
    public async Task Recovery_IsSeen()
    {
        var away = true;
        await using var service = await StartAsync(
            ("db", _ => Task.FromResult(away ? HealthCheckResult.Unhealthy() : HealthCheckResult.Healthy())));
        (await service.GetAsync("/health")).StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);

        away = false;

        await Eventually.TrueAsync(async () => (await service.GetAsync("/health")).IsSuccessStatusCode, "healthy again");
    }

    [Fact]
    public async Task Alive_And_Version_SayWhatRuns()
    {
        await using var service = await StartAsync(Check("db", HealthCheckResult.Unhealthy()));

        (await service.GetAsync("/alive")).StatusCode.ShouldBe(HttpStatusCode.OK);
        var version = await (await service.GetAsync("/version")).JsonAsync();
        version.GetProperty("service").GetString().ShouldBe("chat-api");
        version.GetProperty("version").GetString().ShouldNotBeNullOrEmpty();
        version.GetProperty("git_sha").GetString().ShouldNotBeNullOrEmpty();
        version.GetProperty("build_time").GetDateTime().ShouldBeInRange(DateTime.UtcNow.AddYears(-5), DateTime.UtcNow.AddMinutes(1));
    }

    [Fact]
    public async Task Draining_Is503_AndRequestsInFlightEnd()
    {
        var entered = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        await using var service = await TestService.StartAsync(
            _identity, "chat-api",
            map: app => app.MapGet("/slow", async () =>
            {
                entered.SetResult();
                await release.Task;
                return "whole";
            }).AllowAnonymous(),
            settings: new() { ["Drain:Announce"] = "00:00:03", ["Drain:Timeout"] = "00:00:08" });
        var slow = service.Client.GetStringAsync("/slow", TestContext.Current.CancellationToken);
        await entered.Task;

        // What SIGTERM does: the lifetime ends, and with it the host.
        service.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        var stop = service.App.StopAsync(TestContext.Current.CancellationToken);

        var health = await service.GetAsync("/health");
        health.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await health.JsonAsync()).GetProperty("status").GetString().ShouldBe("draining");
        health.Headers.ConnectionClose.ShouldBe(true, "a balancer holds no connection that the server is about to close");
        release.SetResult();
        (await slow).ShouldBe("whole");
        await stop;
        await Should.ThrowAsync<HttpRequestException>(() => service.GetAsync("/alive"));
    }

    [Theory]
    [InlineData("Answers:MaxDuration", "00:00:00", "Answers:MaxDuration")]
    [InlineData("Drain:Timeout", "00:00:00", "Drain:Timeout")]
    public async Task NonsenseSettings_StopTheStart(string key, string value, string named)
    {
        async Task Start()
        {
            await using var app = TestService.Create(_identity.Settings("chat-api"), settings: new() { [key] = value });
            await app.StartAsync(TestContext.Current.CancellationToken);
        }

        (await Should.ThrowAsync<Exception>(Start)).Message.ShouldContain(named);
    }
}
