using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Lyceum.Cli.Installation;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.AppHost;

/// <summary>What AppHost describes, without starting any of it.</summary>
public sealed class ModelTests : IAsyncDisposable
{
    private static readonly string[] Services = ["chat-api", "gateway", "gpu-engine", "roadmap-worker", "session-api"];

    private readonly TemporaryFolder folder = new();
    private IDistributedApplicationTestingBuilder? builder;
    private DistributedApplication? app;

    public async ValueTask DisposeAsync()
    {
        if (app is not null)
            await app.DisposeAsync();
        if (builder is not null)
            await builder.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Services_RunAsTheProgramThatTheBuildMade_WithoutAProxy()
    {
        var projects = (await DescribeAsync()).OfType<ProjectResource>().ToList();

        projects.Select(project => project.Name).Order().ShouldBe(Services);
        foreach (var project in projects)
        {
            var program = project.Annotations.OfType<ExecutableAnnotation>().ShouldHaveSingleItem().Command;
            File.Exists(program).ShouldBeTrue(program);
            project.Annotations.OfType<EndpointAnnotation>().ShouldAllBe(endpoint => !endpoint.IsProxied);
        }
    }

    [Theory]
    [InlineData("--DEBUG_SESSION_PORT=localhost:50000")]
    [InlineData("--DOTNET_WATCH=1")]
    public async Task Services_UnderADebuggerOrWatch_AreStartedByAspire(string argument)
    {
        var projects = (await DescribeAsync(argument)).OfType<ProjectResource>();

        projects.SelectMany(project => project.Annotations.OfType<ExecutableAnnotation>()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Servers_WithAContainerRuntime_AreAspiresOwnResourcesWithVolumes()
    {
        var resources = await DescribeAsync("--Lyceum:Containers=true");

        var postgres = resources.OfType<PostgresServerResource>().ShouldHaveSingleItem();
        var databases = resources.OfType<PostgresDatabaseResource>().ToList();
        databases.Select(database => database.DatabaseName).Order().ShouldBe(["chatdb", "gatewaydb", "roadmapdb", "sessiondb"]);
        databases.ShouldAllBe(database => database.Parent == postgres);
        var broker = resources.OfType<RabbitMQServerResource>().ShouldHaveSingleItem();
        foreach (var server in new IResource[] { postgres, broker })
        {
            var volume = server.Annotations.OfType<ContainerMountAnnotation>().Single(mount => mount.Type == ContainerMountType.Volume);
            volume.Source.ShouldStartWith("lyceum-");
            server.Annotations.ShouldContain(annotation => annotation is ContainerRuntimeArgsCallbackAnnotation, "restarts");
        }
        var chat = resources.Single(resource => resource.Name == "chat-api");
        chat.Annotations.OfType<WaitAnnotation>().ShouldContain(wait => wait.Resource.Name == "chatdb");
    }

    [Fact]
    public async Task Servers_WithoutAContainerRuntime_AreExecutablesOfThisMachine()
    {
        var resources = await DescribeAsync();

        var executables = resources.OfType<ExecutableResource>().ToList();
        executables.Select(executable => executable.Name).ShouldContain("postgres");
        executables.SelectMany(executable => executable.Annotations.OfType<EndpointAnnotation>()).ShouldAllBe(endpoint => !endpoint.IsProxied);
        resources.ShouldNotContain(resource => resource is ContainerResource);
    }

    [Fact]
    public async Task Servers_WithConnectionStrings_AreNeitherStartedNorWaitedForAsContainers()
    {
        var resources = await DescribeAsync(
            "--ConnectionStrings:postgres=Host=db.example;Username=u;Password=p;Database=ignored", "--ConnectionStrings:messaging=amqp://u:p@mq.example:5672");

        resources.Where(resource => resource is ContainerResource or ExecutableResource).Select(resource => resource.Name)
            .Intersect(["postgres", "messaging"]).ShouldBeEmpty();
        var chat = await EnvironmentAsync("chat-api");
        chat["ConnectionStrings__chatdb"].ShouldContain("Host=db.example");
        chat["ConnectionStrings__chatdb"].ShouldEndWith("Database=chatdb");
        chat["ConnectionStrings__messaging"].ShouldBe("amqp://u:p@mq.example:5672");
    }

    [Fact]
    public async Task Replicas_AreResourcesOfTheirOwn_AndKnownToTheGateways()
    {
        var resources = await DescribeAsync("--Lyceum:Replicas:chat-api=2", "--Lyceum:Replicas:gateway=3");

        resources.OfType<ProjectResource>().Select(project => project.Name)
            .ShouldBe([.. Services, "chat-api-2", "gateway-2", "gateway-3"], ignoreOrder: true);
        resources.OfType<ProjectResource>().Where(project => project.Name.StartsWith("gateway", StringComparison.Ordinal))
            .ShouldAllBe(gateway => gateway.Annotations.OfType<ResourceRelationshipAnnotation>().Any(other => other.Resource.Name == "chat-api-2"));
    }

    [Fact]
    public async Task Databases_AreConnectedToAsARoleOfTheirOwn_NotAsTheAdministrator()
    {
        var resources = await DescribeAsync();

        foreach (var name in (string[])["chatdb", "sessiondb", "roadmapdb", "gatewaydb"])
        {
            var expression = resources.OfType<IResourceWithConnectionString>().Single(resource => resource.Name == name)
                .ConnectionStringExpression;
            expression.Format.ShouldContain($"Username={name};");
            expression.ValueProviders.OfType<ParameterResource>().Single().Name.ShouldBe($"{name}-password");
        }
    }

    /// <summary>In Development anybody may register, and a token opens everything.</summary>
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("[::]")]
    [InlineData("*")]
    [InlineData("+")]
    [InlineData("192.168.1.7")]
    [InlineData("lyceum.example")]
    [InlineData("localhost.example")]
    public async Task Listen_BeyondLoopbackInDevelopment_IsRefused(string address)
    {
        var refused = await Should.ThrowAsync<Exception>(() => DescribeAsync($"--Lyceum:Listen={address}"));
        refused.GetBaseException().Message.ShouldContain("--insecure-development");
    }

    [Theory]
    [InlineData("Development", "127.0.0.1", false)]
    [InlineData("Development", "::1", false)]
    [InlineData("Development", "LOCALHOST", false)]
    [InlineData("Development", "0.0.0.0", true)]
    [InlineData("Production", "0.0.0.0", false)]
    public async Task Listen_OnLoopback_OrInProduction_OrWhereItIsAccepted_IsDone(string environment, string address, bool insecure) =>
        (await DescribeAsync(
            $"--environment={environment}", $"--Lyceum:Listen={address}", $"--Lyceum:InsecureDevelopment={insecure}")).ShouldNotBeEmpty();

    [Fact]
    public async Task Telemetry_WithoutDashboardOrCollector_IsNotExported()
    {
        await DescribeAsync();
        var variables = await EnvironmentAsync("chat-api");

        variables.Keys.ShouldNotContain("OTEL_EXPORTER_OTLP_ENDPOINT");
        variables.Keys.ShouldNotContain("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT");
    }

    [Fact]
    public async Task Telemetry_WithACollector_GoesThereWithoutPrompts()
    {
        await DescribeAsync("--OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318", "--OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf");
        var variables = await EnvironmentAsync("gpu-engine");

        variables["OTEL_EXPORTER_OTLP_ENDPOINT"].ShouldBe("http://127.0.0.1:4318");
        variables["OTEL_EXPORTER_OTLP_PROTOCOL"].ShouldBe("http/protobuf");
        variables.Keys.ShouldNotContain("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT");
        variables.Keys.ShouldNotContain("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY");
        variables.Keys.Where(name => name.EndsWith("DISABLE_URL_QUERY_REDACTION", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    /// <summary>
    /// An installed system (Cli/Installation) is wired as this one is; only an installation has Service__Name, and its messaging is a secret.
    /// </summary>
    [Theory]
    [InlineData("chat-api")]
    [InlineData("gateway")]
    [InlineData("gpu-engine")]
    [InlineData("roadmap-worker")]
    [InlineData("session-api")]
    public async Task Installation_GivesAServiceWhatAppHostGivesIt(string name)
    {
        await DescribeAsync("--environment=Production", "--ConnectionStrings:messaging=amqp://u:p@mq.example:5672");
        var plan = new Plan([]);
        var service = Lyceum.Cli.Installation.Services.Named(name);

        var installed = plan.Environment(service, 1, new SystemdFiles(plan)).Select(variable => variable.Key)
            .Concat(Settings.All.Where(setting => setting.IsFor(service)).Select(setting => setting.Key)).ToHashSet(StringComparer.Ordinal);
        var developed = (await VariablesAsync(name)).Keys.Where(IsOurs).ToHashSet(StringComparer.Ordinal);

        // Where nobody develops, an engine that stops finishes its answers.
        developed.Except([.. installed, "ConnectionStrings__messaging", "Drain__Answers"]).ShouldBeEmpty("AppHost gives it more");
        installed.Where(IsOurs).Except([.. developed, .. Settings.All.Select(setting => setting.Key), "Service__Name"]).ShouldBeEmpty("AppHost gives it less");

        static bool IsOurs(string variable) => variable.Contains("__", StringComparison.Ordinal)
            && !variable.StartsWith("OTEL_", StringComparison.Ordinal) && !variable.StartsWith("LOGGING__", StringComparison.OrdinalIgnoreCase);
    }

    private async Task<IResourceCollection> DescribeAsync(params string[] arguments)
    {
        string[] all =
        [
            "--environment=Development", $"--Lyceum:Data={folder.Path}", "--Lyceum:Port=0", "--Lyceum:Containers=false", "--Lyceum:WebDev=false",
            .. arguments,
        ];
        builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.AppHost>(all);
        builder.Services.AddLogging(logging => logging.ClearProviders()); // disposed before it started, it complains
        return builder.Resources;
    }

    /// <summary>The variables that a service would be given, as far as they are known before anything has started.</summary>
    private async Task<Dictionary<string, object>> VariablesAsync(string service)
    {
        app ??= await builder!.BuildAsync();
        var resource = app.Services.GetRequiredService<DistributedApplicationModel>().Resources.Single(r => r.Name == service);
        var context = new EnvironmentCallbackContext(app.Services.GetRequiredService<DistributedApplicationExecutionContext>(), resource);
        foreach (var annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
            await annotation.Callback(context);
        return context.EnvironmentVariables;
    }

    private async Task<Dictionary<string, string>> EnvironmentAsync(string service)
    {
        var variables = new Dictionary<string, string>();
        foreach (var (name, value) in await VariablesAsync(service))
        {
            if (name.StartsWith("services__", StringComparison.Ordinal) || name.StartsWith("Engine__AnnounceTo", StringComparison.Ordinal)
                || name.StartsWith("Engine__ChargeTo", StringComparison.Ordinal))
                continue; // ports, which nothing has yet
            variables[name] = value is IValueProvider provider ? await provider.GetValueAsync(CancellationToken.None) ?? "" : $"{value}";
        }
        return variables;
    }
}
