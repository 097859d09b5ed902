namespace Lyceum.Cli.Installation;

/// <summary>One of the five services, and how a production host runs it.</summary>
/// <param name="Name">As services call each other: <c>chat-api</c>.</param>
/// <param name="Program">The published program's name, which is the project's: <c>ChatApi</c>.</param>
/// <param name="Port">On a host without containers, on loopback; each further instance has the next ten's.</param>
/// <param name="Reaches">Services whose addresses it is given.</param>
/// <param name="Memory">MiB. A container or unit that needs more is ended and started again.</param>
internal sealed record Service(string Name, string Program, string Purpose, int Port, IReadOnlyList<string> Reaches, int Memory)
{
    /// <summary>Null: none.</summary>
    public string? Database { get; init; }

    /// <summary>Connections that each instance keeps open.</summary>
    public int MinPool { get; init; } = 5;

    /// <summary>Seconds from SIGTERM to SIGKILL: longer than the service's own drain (Drain:Timeout, 5 s).</summary>
    public int StopSeconds { get; init; } = 15;

    /// <summary>It keeps files: what live sessions said, until SessionApi has stored it.</summary>
    public bool KeepsTranscripts { get; init; }

    /// <summary>It may need the host's devices: GPUs, whose figures it shows and whose model server it may start.</summary>
    public bool UsesDevices { get; init; }

    /// <summary>The first is called as the service, as AppHost does.</summary>
    public string InstanceName(int number) => number == 1 ? Name : $"{Name}-{number}";

    public int InstancePort(int number) => Port + (10 * (number - 1));

    /// <summary>The name in variables: <c>CHAT_API</c>.</summary>
    public string VariableName => Name.Replace('-', '_').ToUpperInvariant();
}

/// <summary>The five of them; AppHost/Program.cs says the same for development, and a test compares the two.</summary>
internal static class Services
{
    /// <summary>Of the database server.</summary>
    public const int MaxConnections = 300;

    private const int Reserved = 30; // operators, LISTEN connections, migrations
    private const int LargestPool = 60;

    public static readonly IReadOnlyList<Service> All =
    [
        new("gateway", "Gateway", "the public address and the web UI", 8080,
            ["chat-api", "session-api", "roadmap-worker", "gpu-engine"], 768) { Database = "gatewaydb" },
        new("chat-api", "ChatApi", "conversations", 5101, ["gpu-engine", "session-api"], 768) { Database = "chatdb" },
        new("session-api", "SessionApi", "accounts, classes, tutors, knowledge", 5102, ["chat-api", "roadmap-worker", "gateway"], 1024)
        {
            Database = "sessiondb",
        },
        new("roadmap-worker", "RoadmapWorker", "roadmaps, practice, jobs", 5103, ["gpu-engine", "session-api", "chat-api"], 768)
        {
            Database = "roadmapdb", MinPool = 20,
        },
        // It announces itself to session-api and charges to gateway, by settings of its own instead of references. An engine that
        // is told to stop finishes its answers, so its time is the longest answer's (Answers:MaxDuration, 300 s) and 30 s more.
        new("gpu-engine", "GpuEngine", "models and live sessions", 5104, [], 1024)
        {
            KeepsTranscripts = true, UsesDevices = true, StopSeconds = 330,
        },
    ];

    public static Service Named(string name) => All.Single(service => service.Name == name);

    /// <summary>
    /// Pool settings of an instance: its share of the server's connections. AppHost reckons in the same way for development.
    /// </summary>
    /// <param name="instances">All instances of all services that have a database.</param>
    public static string Pool(Service service, string instance, int instances, int maxConnections)
    {
        var largest = Math.Min(LargestPool, (maxConnections - Reserved) / Math.Max(1, instances));
        if (largest < service.MinPool)
        {
            throw new InstallationException(
                $"{instances} instances share {maxConnections} connections, {largest} each; {service.Name} needs {service.MinPool}. " +
                "Raise max_connections or have fewer instances.");
        }
        return $"Minimum Pool Size={service.MinPool};Maximum Pool Size={largest};Connection Lifetime=3600;Connection Idle Lifetime=300;" +
            "Timeout=5;Command Timeout=60;Keepalive=30;TCP Keepalive=True;TCP Keepalive Time=10;TCP Keepalive Interval=5;" +
            $"Application Name={instance};Options=-c jit=off;Max Auto Prepare=64;Auto Prepare Min Usages=2";
    }
}

/// <summary>What cannot be installed as it was asked for; the message is for the operator.</summary>
internal sealed class InstallationException(string message) : Exception(message);
