using System.Diagnostics;
using System.Net.Sockets;
using Aspire.Hosting.Processes;

namespace Lyceum.Tests.ProcessHosting;

public class LifecycleTests
{
    [Fact]
    public async Task Commands_StopStartRestart_KeepTheEndpointAndChangeTheProcess()
    {
        await using var test = await TestApplication.StartAsync(builder => builder.AddSampleService("service").WithHttpHealthCheck("/health"));
        await test.Notifications.WaitForResourceHealthyAsync("service", test.Token);
        var (first, endpoint) = (test.Pid("service"), test.App.GetEndpoint("service"));

        (await test.ExecuteAsync("service", KnownResourceCommands.StopCommand)).Success.ShouldBeTrue();
        test.State("service").ShouldBe(KnownResourceStates.Finished);
        test.Snapshot("service").ExitCode.ShouldBe(0);
        Machine.IsAlive(first).ShouldBeFalse();
        test.Snapshot("service").Urls.ShouldAllBe(u => u.IsInactive);

        (await test.ExecuteAsync("service", KnownResourceCommands.StartCommand)).Success.ShouldBeTrue();
        var second = test.Pid("service");
        second.ShouldNotBe(first);
        test.Snapshot("service").ExitCode.ShouldBeNull();

        (await test.ExecuteAsync("service", KnownResourceCommands.RestartCommand)).Success.ShouldBeTrue();
        test.Pid("service").ShouldNotBe(second);
        await test.Notifications.WaitForResourceHealthyAsync("service", test.Token);
        test.App.GetEndpoint("service").ShouldBe(endpoint);
        test.Snapshot("service").Urls.Single().Url.ShouldBe(endpoint.ToString().TrimEnd('/'));
        using var client = test.App.CreateHttpClient("service");
        (await client.GetAsync("/health", test.Token)).IsSuccessStatusCode.ShouldBeTrue();
    }

    [Fact]
    public async Task Crash_IsPublishedWithItsExitCode_AndLeavesNothingThatHindersARestart()
    {
        await using var test = await TestApplication.StartAsync(builder =>
            builder.AddShell("family", "sleep 1003 & echo child $!; setsid sleep 1004 & echo daemon $!; wait"));
        var child = int.Parse((await test.WaitForLineAsync("family", "child "))["child ".Length..]);
        var daemon = int.Parse((await test.WaitForLineAsync("family", "daemon "))["daemon ".Length..]);
        Machine.IsAlive(child).ShouldBeTrue();
        Machine.IsAlive(daemon).ShouldBeTrue();

        using (var parent = Process.GetProcessById(test.Pid("family")))
            parent.Kill();
        await test.WaitForStateAsync("family", KnownResourceStates.Finished);

        test.Snapshot("family").ExitCode.ShouldBe(128 + 9);
        Machine.IsAlive(child).ShouldBeFalse();
        Machine.IsAlive(daemon).ShouldBeFalse();
        (await test.ExecuteAsync("family", KnownResourceCommands.StartCommand)).Success.ShouldBeTrue();
        test.State("family").ShouldBe(KnownResourceStates.Running);
    }

    [Fact]
    public async Task Exit_RunsTheStoppedHandlers()
    {
        var stopped = new TaskCompletionSource<int?>();
        await using var test = await TestApplication.StartAsync(builder => builder.AddShell("job", "exit 7")
            .OnResourceStopped((_, e, _) =>
            {
                stopped.TrySetResult(e.ResourceEvent.Snapshot.ExitCode);
                return Task.CompletedTask;
            }));
        (await stopped.Task.WaitAsync(test.Token)).ShouldBe(7);
    }

    [Fact]
    public async Task Start_OfWhatDoesNotExist_FailsAndSaysWhy()
    {
        await using var test = await TestApplication.StartAsync(builder => builder.AddExecutable("absent", "no-such-program", "."));
        test.State("absent").ShouldBe(KnownResourceStates.FailedToStart);
        (await test.WaitForLineAsync("absent", "no-such-program")).ShouldContain("was not found in PATH");
        (await test.ExecuteAsync("absent", KnownResourceCommands.StartCommand)).Success.ShouldBeFalse();
    }

    [Fact]
    public async Task ExplicitStart_WaitsForTheCommand()
    {
        await using var test = await TestApplication.StartAsync(builder => builder.AddSleeper("later").WithExplicitStart());
        test.State("later").ShouldBe(KnownResourceStates.NotStarted);
        await test.ExecuteAsync("later", KnownResourceCommands.StartCommand);
        test.State("later").ShouldBe(KnownResourceStates.Running);
    }

    [Fact]
    public async Task WithCommand_IsExecuted_AndItsFailureIsTheResult()
    {
        await using var test = await TestApplication.StartAsync(builder => builder.AddSleeper("one")
            .WithCommand("greet", "Greet", context => Task.FromResult(CommandResults.Success($"hello {context.ResourceName}")))
            .WithCommand("fail", "Fail", _ => throw new InvalidOperationException("no")));

        (await test.ExecuteAsync("one", "greet")).Message.ShouldBe("hello one");
        (await test.ExecuteAsync("one", "fail")).ErrorMessage!.ShouldContain("no");
        (await test.ExecuteAsync("one", "unknown")).Success.ShouldBeFalse();
        test.Snapshot("one").Commands.Select(c => c.Name).ShouldBe(["greet", "fail", "start", "stop", "restart"], ignoreOrder: true);
        test.Snapshot("one").Commands.Single(c => c.Name == "start").State.ShouldBe(ResourceCommandState.Disabled);
    }

    [Fact]
    public async Task Stop_EndsDependentsFirst()
    {
        var log = Path.GetTempFileName();
        string Script(string name) => $"trap 'sleep 0.1; echo {name} >> {log}; exit 0' TERM; echo up; while :; do sleep 0.05; done";
        await using var test = await TestApplication.StartAsync(builder =>
        {
            var server = builder.AddShell("server", Script("server"));
            var database = builder.AddConnectionString("database", ReferenceExpression.Create($"x")).WaitFor(server);
            var service = builder.AddShell("service", Script("service")).WaitFor(database);
            builder.AddShell("gateway", Script("gateway")).WaitForStart(service);
        });
        foreach (var name in new[] { "server", "service", "gateway" })
            await test.WaitForLineAsync(name, "up");

        await test.App.StopAsync(test.Token);

        (await File.ReadAllLinesAsync(log)).ShouldBe(["gateway", "service", "server"]);
        File.Delete(log);
    }

    [Fact]
    public async Task Stop_OfAProcessThatIgnoresIt_KillsItAfterTheGrace()
    {
        await using var test = await TestApplication.StartAsync(builder =>
            builder.AddShell("deaf", "trap '' TERM; echo up; while :; do sleep 0.05; done"));
        await test.WaitForLineAsync("deaf", "up");
        var pid = test.Pid("deaf");

        var time = Stopwatch.StartNew();
        await test.App.StopAsync(test.Token);

        time.Elapsed.ShouldBeInRange(TimeSpan.FromSeconds(1.9), TimeSpan.FromSeconds(6));
        Machine.IsAlive(pid).ShouldBeFalse();
        test.Snapshot("deaf").ExitCode.ShouldBe(128 + 9);
    }

    [Fact]
    public async Task Stop_WhileSomethingWaits_EndsTheWaitAndStartsNothing()
    {
        await using var test = TestApplication.Build(builder =>
            builder.AddSleeper("waits").WaitForCompletion(builder.AddSleeper("endless")));
        var starting = test.App.StartAsync(test.Token);
        await test.WaitForStateAsync("waits", KnownResourceStates.Waiting);

        await test.App.StopAsync(test.Token);

        await starting; // a start that is overtaken by the stop just ends
        test.State("waits").ShouldBe(KnownResourceStates.NotStarted);
        test.State("endless").ShouldBe(KnownResourceStates.Finished);
        (await test.ExecuteAsync("waits", KnownResourceCommands.StartCommand)).Success.ShouldBeFalse();
    }

    [Fact]
    public async Task Applications_WithTheSameDeclaredPort_RunSideBySideInATest()
    {
        Action<IDistributedApplicationTestingBuilder> describe = builder =>
            builder.AddProject<Projects.SampleService>("service").WithHttpEndpoint(port: 18300).WithHttpHealthCheck("/health");
        await using var one = await TestApplication.StartAsync(describe);
        await using var two = await TestApplication.StartAsync(describe);
        await one.Notifications.WaitForResourceHealthyAsync("service", one.Token);
        await two.Notifications.WaitForResourceHealthyAsync("service", two.Token);

        one.App.GetEndpoint("service").ShouldNotBe(two.App.GetEndpoint("service"));
        await one.App.StopAsync(one.Token);
        using var client = two.App.CreateHttpClient("service");
        (await client.GetAsync("/health", two.Token)).IsSuccessStatusCode.ShouldBeTrue();
    }

    [Fact]
    public async Task Endpoint_WithADeclaredPort_GetsItUnlessPortsAreRandom()
    {
        await using var test = await TestApplication.StartAsync(builder =>
        {
            builder.AddSleeper("random").WithHttpEndpoint(port: 18301, env: "PORT");
            builder.AddSleeper("fixed").WithHttpEndpoint(port: 18302, env: "PORT", isProxied: false);
            builder.AddSleeper("own").WithHttpEndpoint(port: 18303, targetPort: 18304);
        });
        test.App.GetEndpoint("random").Port.ShouldNotBe(18301);
        test.App.GetEndpoint("fixed").Port.ShouldBe(18302);
        test.App.GetEndpoint("own").Port.ShouldBe(18304);
    }

    [Fact]
    public void PortAllocator_NeverGivesAPortTwice_NorOneThatIsTaken()
    {
        using var one = new PortAllocator();
        using var two = new PortAllocator();
        var ports = Enumerable.Range(0, 300).Select(i => (i % 2 == 0 ? one : two).Allocate()).ToList();
        ports.Distinct().Count().ShouldBe(300);
        foreach (var port in ports.Take(20))
        {
            using var listener = new TcpListener(System.Net.IPAddress.Loopback, port);
            listener.Start();
        }
    }
}
