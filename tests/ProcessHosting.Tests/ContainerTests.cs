using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lyceum.Tests.ProcessHosting;

/// <summary>
/// Containers as far as they can be tested without a container engine: a program named <c>docker</c> takes its place, which
/// writes down what it was asked and then runs until it is stopped.
/// </summary>
public sealed class ContainerTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("fake-docker").FullName;
    private readonly string? _path = Environment.GetEnvironmentVariable("PATH");

    public ContainerTests()
    {
        var docker = Path.Combine(_directory, "docker");
        File.WriteAllText(docker, $"""
            #!/bin/sh
            printf '%s\n' "$@" > '{_directory}'/"$1"
            env > '{_directory}'/"$1".environment
            [ "$1" != info ] || exec test ! -e '{_directory}'/engine-is-down
            [ "$1" = run ] && echo the container runs && exec sleep 1000
            exit 0
            """);
        if (OperatingSystem.IsLinux())
            File.SetUnixFileMode(docker, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Environment.SetEnvironmentVariable("PATH", $"{_directory}:{_path}");
    }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("PATH", _path);
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task AddContainer_IsRunByTheEngine_WithPortsMountsAndVariables()
    {
        await using var test = await TestApplication.StartAsync(builder => builder.AddContainer("cache", "redis", "8")
            .WithImageRegistry("docker.io").WithContainerName("the-cache").WithEntrypoint("redis-server")
            .WithEndpoint(targetPort: 6379, name: "tcp").WithHttpEndpoint(targetPort: 80)
            .WithVolume("data", "/data").WithBindMount("/etc", "/host", isReadOnly: true)
            .WithEnvironment("SECRET", "s3cret").WithContainerRuntimeArgs("--memory", "1g").WithArgs("--appendonly", "yes"));

        await test.WaitForLineAsync("cache", "the container runs");
        test.State("cache").ShouldBe(KnownResourceStates.Running);
        test.Snapshot("cache").ResourceType.ShouldBe("Container");
        var tcp = test.App.GetEndpoint("cache", "tcp").Port;
        var http = test.App.GetEndpoint("cache", "http").Port;
        (await Asked("run")).ShouldBe(
        [
            "run", "--rm", "--name", "the-cache", "--publish", $"127.0.0.1:{tcp}:6379", "--publish", $"127.0.0.1:{http}:80",
            "--volume", "data:/data", "--volume", "/etc:/host:ro", "--env", "SECRET", "--entrypoint", "redis-server",
            "--memory", "1g", "docker.io/redis:8", "--appendonly", "yes",
        ]);
        (await File.ReadAllTextAsync(Path.Combine(_directory, "run.environment"), test.Token)).ShouldContain("SECRET=s3cret");
        (await Asked("rm")).ShouldBe(["rm", "--force", "the-cache"]);
    }

    [Fact]
    public async Task AddPostgres_GivesAspiresVariablesToItsUsers()
    {
        await using var test = TestApplication.Build(builder =>
        {
            var server = builder.AddPostgres("postgres", password: builder.AddParameter("password", "p@ss")).WithDataVolume("pgdata");
            builder.AddSleeper("client").WithReference(server.AddDatabase("app-db", "app")).WithExplicitStart();
        });
        await test.App.StartAsync(test.Token);

        await test.WaitForLineAsync("postgres", "the container runs");
        var asked = await Asked("run");
        asked.ShouldContain("docker.io/library/postgres:18.3");
        asked.ShouldContain("pgdata:/var/lib/postgresql");
        asked.ShouldNotContain("p@ss");
        test.State("app-db").ShouldBe(KnownResourceStates.Running);
        test.Snapshot("app-db").HealthStatus.ShouldBe(HealthStatus.Unhealthy);

        var model = test.App.Services.GetRequiredService<DistributedApplicationModel>();
        var environment = await ((IResourceWithEnvironment)model
            .Resources.Single(r => r.Name == "client")).GetEnvironmentVariableValuesAsync();
        var port = test.App.GetEndpoint("postgres", "tcp").Port;
        environment.ShouldBe(new Dictionary<string, string>
        {
            ["ConnectionStrings__app-db"] = $"Host=localhost;Port={port};Username=postgres;Password=p@ss;Database=app",
            ["APP_DB_HOST"] = "localhost",
            ["APP_DB_PORT"] = $"{port}",
            ["APP_DB_USERNAME"] = "postgres",
            ["APP_DB_PASSWORD"] = "p@ss",
            ["APP_DB_DATABASENAME"] = "app",
            ["APP_DB_URI"] = $"postgresql://postgres:p%40ss@localhost:{port}/app",
            ["APP_DB_JDBCCONNECTIONSTRING"] = $"jdbc:postgresql://localhost:{port}/app",
        }, ignoreOrder: true);
    }

    [Fact]
    public async Task AddRabbitMQ_IsHealthyWhenTheBrokerAnswers()
    {
        TcpListener? broker = null;
        await using var test = TestApplication.Build(builder => builder.AddRabbitMQ("mq")
            .OnResourceEndpointsAllocated((mq, _, _) =>
            {
                broker = new TcpListener(IPAddress.Loopback, mq.PrimaryEndpoint.Port);
                broker.Start();
                return Task.CompletedTask;
            }));
        await test.App.StartAsync(test.Token);
        using var listener = broker!;

        using var check = await listener.AcceptTcpClientAsync(test.Token);
        var header = new byte[8];
        await check.GetStream().ReadExactlyAsync(header, test.Token);
        header.ShouldBe("AMQP\0\0\x09\x01"u8.ToArray());
        await check.GetStream().WriteAsync(new byte[] { 1 }, test.Token);

        await test.Notifications.WaitForResourceHealthyAsync("mq", test.Token);
        (await test.App.GetConnectionStringAsync("mq", test.Token))!.ShouldMatch("^amqp://guest:[A-Za-z0-9]+@localhost:[0-9]+$");
    }

    [Fact]
    public async Task Container_WithoutAnEngine_IsRuntimeUnhealthy_AndNothingElse()
    {
        await File.WriteAllTextAsync(Path.Combine(_directory, "engine-is-down"), "");
        await using var test = await TestApplication.StartAsync(builder =>
        {
            var cache = builder.AddContainer("cache", "redis");
            builder.AddSleeper("dependent").WaitFor(cache);
            builder.AddSleeper("other");
        });

        test.State("cache").ShouldBe(KnownResourceStates.RuntimeUnhealthy);
        test.State("dependent").ShouldBe(KnownResourceStates.FailedToStart);
        test.State("other").ShouldBe(KnownResourceStates.Running);
    }

    private Task<string[]> Asked(string command)
        => File.ReadAllLinesAsync(Path.Combine(_directory, command), TestContext.Current.CancellationToken);
}
