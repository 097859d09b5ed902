namespace Lyceum.Doctor;

/// <summary>
/// What is known of an installation, by whoever asks: an administrator beside it, or one of its services. What is null or empty
/// is not known here, and checks of it are skipped.
/// </summary>
public sealed record Site
{
    /// <summary><c>Production</c>, <c>Development</c>, …: the services' environment.</summary>
    public string? Environment { get; init; }

    /// <summary>The address that people use.</summary>
    public Uri? PublicUrl { get; init; }

    /// <summary>An API token that the gateway accepts.</summary>
    public string? ApiToken { get; init; }

    /// <summary>Every instance of every service that can be reached from here.</summary>
    public IReadOnlyList<Instance> Instances { get; init; } = [];

    /// <summary>An identity with scope <c>ops</c> for those; null: this machine's loopback is enough.</summary>
    public string? InstanceToken { get; init; }

    /// <summary>Where a model may be asked something: engines, or the gateway.</summary>
    public IReadOnlyList<ModelAddress> Models { get; init; } = [];

    /// <summary>Connection strings by the databases' names (<c>chatdb</c>), as services have them.</summary>
    public IReadOnlyDictionary<string, string> Databases { get; init; } = new Dictionary<string, string>();

    /// <summary>The last migration of this version, by database; one that is missing is not known here.</summary>
    public IReadOnlyDictionary<string, string> Migrations { get; init; } = new Dictionary<string, string>();

    /// <summary><c>amqp://user:password@host:port/vhost</c></summary>
    public string? Broker { get; init; }

    /// <summary>Files of the installation's folder that must be there, and be their owner's alone.</summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];

    /// <summary>Private keys of services (PEM).</summary>
    public IReadOnlyList<ServiceKey> Keys { get; init; } = [];

    /// <summary>Everybody's public keys.</summary>
    public string? JwksFile { get; init; }

    /// <summary>The token that has every scope, in Development.</summary>
    public string? DevelopmentTokenFile { get; init; }

    /// <summary>The gateway is configured to accept <see cref="DevelopmentTokenFile"/>; null: that is to be tried.</summary>
    public bool? DevelopmentTokenIsSet { get; init; }

    /// <summary>What the public address listens on, as ASP.NET Core writes it: <c>http://127.0.0.1:8080</c>, <c>http://+:8080</c>.</summary>
    public IReadOnlyList<string> Listens { get; init; } = [];

    /// <summary>Folders whose disks must not fill up. One that is not there is not looked at.</summary>
    public IReadOnlyList<string> Folders { get; init; } = [];

    /// <summary>What Lyceum's own services are, by name.</summary>
    public static IReadOnlyDictionary<string, ServiceFacts> Services { get; } = new Dictionary<string, ServiceFacts>
    {
        ["gateway"] = new("gatewaydb", 5),
        ["chat-api"] = new("chatdb", 5),
        ["session-api"] = new("sessiondb", 5),
        ["roadmap-worker"] = new("roadmapdb", 20),
        ["gpu-engine"] = new(null, 0),
    };
}

/// <param name="Service">Such as <c>chat-api</c>.</param>
/// <param name="Name">Of this one of its replicas: <c>chat-api-2</c>.</param>
/// <param name="Address">Its own, past every proxy.</param>
public sealed record Instance(string Service, string Name, Uri Address);

/// <param name="Url">Below it is <c>/v1/chat/completions</c>.</param>
public sealed record ModelAddress(string Name, Uri Url, string Token);

public sealed record ServiceKey(string Service, string Path);

/// <param name="Database">Null: it has none.</param>
/// <param name="MinPool">Connections without which it cannot do its work.</param>
public sealed record ServiceFacts(string? Database, int MinPool);
