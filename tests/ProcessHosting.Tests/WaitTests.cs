using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lyceum.Tests.ProcessHosting;

public class WaitTests
{
    [Fact]
    public async Task WaitFor_AnUnhealthyResource_WaitsUntilItIsHealthyAndItsReadyHandlersAreDone()
    {
        var healthy = false;
        var handler = new TaskCompletionSource();
        await using var test = TestApplication.Build(builder =>
        {
            builder.Services.AddHealthChecks().AddCheck("gate", () => healthy ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("not yet"));
            var server = builder.AddSleeper("server").WithHealthCheck("gate").OnResourceReady((_, _, _) => handler.Task);
            builder.AddSleeper("client").WaitFor(server);
        });
        var starting = test.App.StartAsync(test.Token);

        await test.Notifications.WaitForResourceAsync("server", e => e.Snapshot.HealthReports is [{ Description: "not yet" }], test.Token);
        await test.WaitForStateAsync("client", KnownResourceStates.Waiting);
        test.Snapshot("client").Properties.Single(p => p.Name == "resource.waitingFor").Value.ShouldBe(new[] { "server" });
        test.Snapshot("server").HealthStatus.ShouldBe(HealthStatus.Unhealthy);

        healthy = true;
        await test.Notifications.WaitForResourceAsync("server", e => e.Snapshot.HealthStatus == HealthStatus.Healthy, test.Token);
        test.State("client").ShouldBe(KnownResourceStates.Waiting);
        starting.IsCompleted.ShouldBeFalse();

        handler.SetResult();
        await starting;
        test.State("client").ShouldBe(KnownResourceStates.Running);
    }

    [Fact]
    public async Task WaitForStart_OfAnUnhealthyResource_DoesNotWaitForItsHealth()
    {
        await using var test = await TestApplication.StartAsync(builder =>
        {
            builder.Services.AddHealthChecks().AddCheck("never", () => HealthCheckResult.Unhealthy());
            builder.AddSleeper("client").WaitForStart(builder.AddSleeper("server").WithHealthCheck("never"));
        });
        test.State("client").ShouldBe(KnownResourceStates.Running);
    }

    [Theory]
    [InlineData(0, 0, "Running")]
    [InlineData(3, 3, "Running")]
    [InlineData(0, 3, "FailedToStart")]
    public async Task WaitForCompletion_StartsOnlyAfterTheExpectedExitCode(int expected, int actual, string state)
    {
        await using var test = await TestApplication.StartAsync(builder =>
        {
            var job = builder.AddShell("job", $"exit {actual}");
            builder.AddSleeper("after").WaitForCompletion(job, expected);
        });
        test.State("after").ShouldBe(state);
        test.State("job").ShouldBe(KnownResourceStates.Finished);
        test.Snapshot("job").ExitCode.ShouldBe(actual);
    }

    [Fact]
    public async Task WaitFor_AResourceThatEnds_StopsOrGoesOnAsTold()
    {
        await using var test = TestApplication.Build(builder =>
        {
            builder.Services.AddHealthChecks().AddCheck("never", () => HealthCheckResult.Unhealthy());
            var server = builder.AddShell("server", "exit 1").WithHealthCheck("never");
            builder.AddSleeper("stops").WaitFor(server, WaitBehavior.StopOnResourceUnavailable);
            builder.AddSleeper("waits").WaitFor(server, WaitBehavior.WaitOnResourceUnavailable);
        });
        var starting = test.App.StartAsync(test.Token);

        await test.WaitForStateAsync("stops", KnownResourceStates.FailedToStart);
        test.State("waits").ShouldBe(KnownResourceStates.Waiting);
        await Should.ThrowAsync<DistributedApplicationException>(
            test.Notifications.WaitForResourceHealthyAsync("server", test.Token));

        // Told to start, it does not wait any longer.
        (await test.ExecuteAsync("waits", KnownResourceCommands.StartCommand)).Success.ShouldBeTrue();
        test.State("waits").ShouldBe(KnownResourceStates.Running);
        await starting;
    }

    [Fact]
    public async Task WaitFor_AConnectionString_WaitsForWhatItWaitsFor()
    {
        var healthy = false;
        await using var test = TestApplication.Build(builder =>
        {
            builder.Services.AddHealthChecks().AddCheck("gate", () => healthy ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy());
            var server = builder.AddSleeper("server").WithEndpoint(name: "tcp", scheme: "tcp").WithHealthCheck("gate");
            var database = builder.AddConnectionString("database", ReferenceExpression.Create($"{server.GetEndpoint("tcp")}")).WaitFor(server);
            builder.AddSleeper("client").WithReference(database).WaitFor(database);
        });
        var starting = test.App.StartAsync(test.Token);

        await test.WaitForStateAsync("database", KnownResourceStates.Waiting);
        await test.WaitForStateAsync("client", KnownResourceStates.Waiting);
        healthy = true;
        await starting;
        test.State("client").ShouldBe(KnownResourceStates.Running);
        test.State("database").ShouldBe(KnownResourceStates.Running);
    }

    [Fact]
    public async Task HttpHealthCheck_FollowsTheServicesHealth()
    {
        await using var test = await TestApplication.StartAsync(builder =>
            builder.AddSampleService("service").WithHttpHealthCheck("/health"));
        await test.Notifications.WaitForResourceHealthyAsync("service", test.Token);
        test.Snapshot("service").HealthReports.Single().Name.ShouldBe("service_http_/health_200_check");

        // After a restart the health is found anew; the last life's does not count.
        await test.ExecuteAsync("service", KnownResourceCommands.StopCommand);
        test.Snapshot("service").HealthStatus.ShouldBeNull();
        await test.ExecuteAsync("service", KnownResourceCommands.StartCommand);
        await test.Notifications.WaitForResourceHealthyAsync("service", test.Token);
    }
}
