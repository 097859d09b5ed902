using System.Globalization;
using System.Net.Http.Headers;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>
/// A system of its own on three Postgres, one of them the primary. Statements are given up after 3 s, so that a test is
/// soon beyond the time-out.
/// </summary>
public sealed class FailoverSystem : ChatSystem, IAsyncLifetime
{
    /// <summary>Rounds that were asked for (<c>./test.sh --failover N</c>); null in the other suites.</summary>
    public static readonly int? Rounds = int.TryParse(
        Environment.GetEnvironmentVariable("LYCEUM_FAILOVER_ROUNDS"), CultureInfo.InvariantCulture, out var rounds)
        ? rounds : null;

    private static readonly string[] Replicas = ["chat-api", "chat-api-2"];

    public PostgresCluster Postgres { get; } = new();

    protected override IEnumerable<string> Arguments =>
    [
        .. base.Arguments, "--Lyceum:Replicas:chat-api=2", "--Lyceum:Replicas:roadmap-worker=2",
        "--Answers:Ping=00:00:03",
        $"--ConnectionStrings:postgres={Postgres.ConnectionString};Command Timeout=3",
    ];

    async ValueTask IAsyncLifetime.InitializeAsync()
    {
        await Postgres.StartAsync();
        if (Postgres.IsAvailable)
            await StartWithStubAsync();
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        if (Postgres.IsAvailable)
            await StopWithStubAsync();
        await Postgres.DisposeAsync();
    }

    /// <summary>Every way in: the gateway, and each replica past it.</summary>
    public Doors OpenDoors() => new([CreateChatClient(), .. Replicas.Select(CreateReplicaClient)]);

    public IEnumerable<ChatClient> CreateReplicaClients() => Replicas.Select(CreateReplicaClient);

    private ChatClient CreateReplicaClient(string replica)
    {
        var http = CreateServiceClient(replica);
        http.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Bearer", GatewayIdentity.Token(DataFolder));
        return new ChatClient(http);
    }
}
