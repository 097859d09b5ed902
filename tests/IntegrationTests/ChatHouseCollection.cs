using Lyceum.Tests.IntegrationTests.Telemetry;

namespace Lyceum.Tests.IntegrationTests;

/// <summary>
/// The system that most tests share, because a start is what costs most: two replicas of ChatApi, the stub as language
/// model, a collector for traces, and a ping every 3 s, so that a stalled reader is cut after 6. A test that
/// kills something leaves the system as healthy as it found it; tests that stop its servers have a system of their own.
/// </summary>
public sealed class SharedChatHouse : ReplicaHouse, IAsyncLifetime
{
    private Collector? _collector;

    public Collector Collector => _collector!;

    protected override IEnumerable<string> Arguments =>
    [
        .. base.Arguments, "--Answers:Ping=00:00:03",
        $"--OTEL_EXPORTER_OTLP_ENDPOINT={Collector.Url}", "--OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    ];

    async ValueTask IAsyncLifetime.InitializeAsync()
    {
        _collector = await Collector.StartAsync();
        await StartWithStubAsync();
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await StopWithStubAsync();
        await Collector.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

[CollectionDefinition(Name)]
public sealed class ChatHouseCollection : ICollectionFixture<SharedChatHouse>
{
    public const string Name = "chat house";
}

[CollectionDefinition(Name)]
public sealed class OutageHouseCollection : ICollectionFixture<ChatHouse>
{
    public const string Name = "outage house";
}
