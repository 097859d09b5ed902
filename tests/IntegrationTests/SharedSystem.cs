using System.Globalization;
using System.Net.Http.Headers;
using System.Reflection;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Lyceum.Tests.IntegrationTests.Telemetry;
using Lyceum.Tests.StubModel;
using Xunit.v3;

namespace Lyceum.Tests.IntegrationTests;

/// <summary>What an engine of the shared system has for a language model.</summary>
public enum Model
{
    /// <summary>None: Primer, which the engine brings itself.</summary>
    Primer,

    /// <summary><see cref="SharedSystem.Stub"/>.</summary>
    Stub,

    /// <summary><see cref="SharedSystem.Roadmaps"/>.</summary>
    Roadmaps,
}

/// <summary>
/// The one system of this project, because a start costs 20 s: two replicas of ChatApi and of RoadmapWorker, a collector for
/// traces, a ping every 3 s, so that a stalled reader is cut after 6, and restarts that do not slow down however often
/// something is killed. It starts when the first collection needs it. A collection chooses the model (<see cref="UseAsync"/>);
/// a test that needs other settings has a system of its own and is in the category Long.
/// </summary>
public sealed class SharedSystem : SystemFixture, IAsyncLifetime
{
    public static readonly string[] Replicas = ["chat-api", "chat-api-2"];

    /// <summary>Rounds of chaos that were asked for (<c>./test.sh --chaos N</c>); null in the ordinary suites.</summary>
    public static readonly int? ChaosRounds = int.TryParse(
        Environment.GetEnvironmentVariable("LYCEUM_CHAOS_ROUNDS"), CultureInfo.InvariantCulture, out var rounds) ? rounds : null;

    private Collector? _collector;
    private StubModelServer? _stub;
    private RoadmapModelServer? _roadmaps;
    private Model _model;

    /// <summary>The running system, if it has started.</summary>
    public static SharedSystem? Current { get; private set; }

    public Collector Collector => _collector!;

    public StubModelServer Stub => _stub!;

    public RoadmapModelServer Roadmaps => _roadmaps!;

    /// <summary>Two of them only where chaos is what is asked for.</summary>
    public IReadOnlyList<string> Engines { get; } = ChaosRounds is null ? ["gpu-engine"] : ["gpu-engine", "gpu-engine-2"];

    protected override IEnumerable<string> Arguments =>
    [
        "--Lyceum:Replicas:chat-api=2", "--Lyceum:Replicas:roadmap-worker=2", $"--Lyceum:Replicas:gpu-engine={Engines.Count}",
        // What tests count at the model is what they ask; titles are tested with ChatApi.
        "--Settings:ChatApi:Titles:Enabled=false",
        "--Settings:ChatApi:Generation:DisconnectGrace=00:00:01", "--Answers:Ping=00:00:03", "--Lyceum:SettledAfter=00:00:01",
        $"--OTEL_EXPORTER_OTLP_ENDPOINT={Collector.Url}", "--OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    ];

    ValueTask IAsyncLifetime.InitializeAsync() => ValueTask.CompletedTask;

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        Current = null;
        await DisposeAsync();
        if (_collector is null)
            return;
        await Stub.DisposeAsync();
        await Roadmaps.DisposeAsync();
        await Collector.DisposeAsync();
    }

    /// <summary>Starts the system, or restarts its engines, with this model.</summary>
    public async Task UseAsync(Model model)
    {
        if (_collector is null)
        {
            (_collector, _stub, _roadmaps) =
                (await Collector.StartAsync(), await StubModelServer.StartAsync(), await RoadmapModelServer.StartAsync());
            _model = model;
            await InitializeAsync();
            Current = this;
        }
        if (!IsAvailable || _model == model)
            return;
        _model = model;
        await UntilUpAsync();
        foreach (var engine in Engines)
        {
            await CommandAsync(engine, KnownResourceCommands.StopCommand);
            await CommandAsync(engine, KnownResourceCommands.StartCommand);
        }
        await UntilUpAsync();
    }

    /// <summary>An engine's environment is made anew at each of its starts.</summary>
    protected override void Configure(IDistributedApplicationBuilder builder)
    {
        foreach (var engine in builder.Resources.OfType<ProjectResource>().Where(project => Engines.Contains(project.Name)))
        {
            builder.CreateResourceBuilder(engine).WithEnvironment(context =>
            {
                context.EnvironmentVariables["Primer__TokensPerSecond"] = "400";
                if (_model == Model.Primer)
                    return;
                context.EnvironmentVariables["Llm__Endpoint"] = _model == Model.Stub ? Stub.Endpoint : Roadmaps.Endpoint;
                context.EnvironmentVariables["Llm__Model"] = "stub";
                context.EnvironmentVariables["Llm__Vision"] = _model == Model.Stub ? "true" : "false";
            });
        }
    }

    public ChatClient CreateChatClient() => new(CreateGatewayClient());

    /// <summary>A client of one replica, with the identity that the gateway would give the development token's owner.</summary>
    public ChatClient CreateReplicaClient(string replica)
    {
        var http = CreateServiceClient(replica);
        http.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Bearer", GatewayIdentity.Token(DataFolder));
        return new ChatClient(http);
    }

    public static string OtherThan(string replica) => Replicas.Single(r => r != replica);

    /// <summary>Which replica writes: the one whose metrics say so. Only one answer may be running.</summary>
    public async Task<string> OwnerAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            foreach (var replica in Replicas)
            {
                if (await MetricAsync(replica, "lyceum_chat_generations_running", cancellationToken) == 1)
                    return replica;
            }
            await Task.Delay(20, cancellationToken);
        }
    }

    /// <summary>The sum of a metric's series at one service; 0 where it has none.</summary>
    public async Task<double> MetricAsync(string service, string name, CancellationToken cancellationToken)
    {
        using var http = CreateServiceClient(service);
        var metrics = await http.GetStringAsync("/metrics", cancellationToken);
        return metrics.Split('\n')
            .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line[name.Length] is ' ' or '{')
            .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }
}

/// <summary>Each test finds the shared system healthy, whatever the one before it killed.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class HealthySystemAttribute : BeforeAfterTestAttribute
{
    public override void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        if (SharedSystem.Current is not { } system)
            return;
        var cancel = TestContext.Current.CancellationToken;
#pragma warning disable VSTHRD002 // xunit's hook is synchronous, and no other test runs meanwhile
        Task.Run(() => system.UntilUpAsync(cancel), cancel).GetAwaiter().GetResult();
#pragma warning restore VSTHRD002
    }
}

/// <summary>Gives the collection's tests the shared system with one model.</summary>
public abstract class ModelFixture(SharedSystem system, Model model) : IAsyncLifetime
{
    public ValueTask InitializeAsync() => new(system.UseAsync(model));

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

public sealed class StubFixture(SharedSystem system) : ModelFixture(system, Model.Stub);

public sealed class PrimerFixture(SharedSystem system) : ModelFixture(system, Model.Primer);

public sealed class RoadmapFixture(SharedSystem system) : ModelFixture(system, Model.Roadmaps);

/// <summary>Tests whose model is the stub.</summary>
[CollectionDefinition(Name)]
public sealed class ChatCollection : ICollectionFixture<StubFixture>
{
    public const string Name = "chat";
}

/// <summary>Tests on a machine without a language model.</summary>
[CollectionDefinition(Name)]
public sealed class PrimerCollection : ICollectionFixture<PrimerFixture>
{
    public const string Name = "primer";
}

/// <summary>Tests whose model writes roadmaps and takes turns.</summary>
[CollectionDefinition(Name)]
public sealed class RoadmapCollection : ICollectionFixture<RoadmapFixture>
{
    public const string Name = "roadmaps";
}
