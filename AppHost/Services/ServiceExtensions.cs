using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;
using Lyceum.AppHost.DataFolder;
using Lyceum.AppHost.Hosting;
using Lyceum.AppHost.Publishing;
using Microsoft.Extensions.Hosting;

namespace Lyceum.AppHost;

/// <summary>How a service enters the model, and what only some of them have.</summary>
public static class ServiceExtensions
{
    private const int MostReplicas = 32;
    private const string DefaultMaxDuration = "00:05:00";
    private const string Engines = "gpu-engine";

    /// <summary>
    /// A service with what every service has: an HTTP endpoint, the <c>/health</c> check, its key and everybody's public
    /// keys, and the one bound on answers from which each hop derives its own (<c>Answers:MaxDuration</c>).
    /// </summary>
    /// <remarks>
    /// Configuration of AppHost: <c>Lyceum:Replicas:{name}</c>, and <c>Settings:{Project}:…</c>, whose values become
    /// settings of that service (<c>Settings__ChatApi__Chat__PingInterval=00:00:05</c> sets <c>Chat:PingInterval</c>).
    /// </remarks>
    public static Service AddService<TProject>(this IDistributedApplicationBuilder builder, string name, House house)
        where TProject : IProjectMetadata, new()
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(house);

        var count = builder.Configuration.GetValue($"Lyceum:Replicas:{name}", 1);
        if (count is < 1 or > MostReplicas)
            throw new DistributedApplicationException($"Lyceum:Replicas:{name} is {count}; 1 to {MostReplicas} work.");

        // A host makes replicas of one container itself, but for engines: a session is at one of them, and is asked for there.
        var isPublished = builder.ExecutionContext.IsPublishMode;
        var resources = isPublished && name != Engines ? 1 : count;
        var replicas = Enumerable.Range(1, resources).Select(number => builder
            .AddProject<TProject>(number == 1 ? name : $"{name}-{number}", launchProfileName: null)
            // Unproxied: Aspire's proxy accepts connections before the service listens, and streams would cross one more hop.
            .WithHttpEndpoint()
            .WithEndpoint("http", endpoint => endpoint.IsProxied = false)
            .WithUrlForEndpoint("http", url => url.DisplayText = name)
            .WithUrlForEndpoint("http", endpoint => Page(endpoint, "/health", "Health"))
            .WithUrlForEndpoint("http", endpoint => Page(endpoint, "/metrics", "Metrics"))
            .WithTelemetry()
            // The runtime optimises hot code at once instead of waiting for a quiet 100 ms, which a service that starts
            // under load does not have: p99 lateness at 300 streams: 150 ms without, 56 ms with it (docs/benchmarks/chat.md).
            .WithEnvironment("DOTNET_TC_CallCountingDelayMs", "0")).ToArray();
        foreach (var replica in replicas)
        {
            if (isPublished)
            {
                replica.AsPublished(name).WithReplicas(count / resources);
                if (name == Engines)
                    replica.AsPublishedEngine();
            }
            else
                replica.RunHere(name, house);
        }

        return new Service(name, replicas)
            .WithSection(builder.Configuration, "Answers")
            .WithSection(builder.Configuration, "Shares")
            .WithSettings(builder.Configuration.GetSection($"Settings:{typeof(TProject).Name}"));
    }

    private static void RunHere(this IResourceBuilder<ProjectResource> replica, string service, House house) => replica
        .RunAsBuilt()
        .WithHttpHealthCheck("/health")
        .WithEnvironment("Service__Instance", replica.Resource.Name)
        .WithEnvironment("ASPNETCORE_ENVIRONMENT", replica.ApplicationBuilder.Environment.EnvironmentName)
        // All of them go to one file for people to read, each line with its resource's name.
        .WithEnvironment("Logging__Console__FormatterName", "simple")
        .WithEnvironment("Identity__KeyFile", house.EnsureKeyFile(service))
        .WithEnvironment("Identity__JwksFile", house.JwksFile)
        .WithEnvironment("Answers__MaxDuration", DefaultMaxDuration)
        // Whoever develops does not wait for an engine's answers: they are interrupted, as the orchestrator would by SIGKILL.
        .WithEnvironment("Drain__Answers", "00:00:00");

    // The dashboard shows pages behind the service's own address.
    private static ResourceUrlAnnotation Page(EndpointReference endpoint, string path, string name) => new()
    {
        Url = path, DisplayText = name, Endpoint = endpoint, DisplayLocation = UrlDisplayLocation.DetailsOnly,
    };

    /// <summary>
    /// The models: AppHost's own <c>Llm</c>, <c>Asr</c>, <c>Tts</c>, <c>Moderation</c>, <c>Primer</c> and <c>Engine</c> sections, so that
    /// <c>Llm__Endpoint=http://127.0.0.1:11434/v1 ./run.sh</c> is all it takes. Without them the engine has Primer.
    /// </summary>
    public static Service WithModelUpstreams(this Service service)
    {
        ArgumentNullException.ThrowIfNull(service);
        foreach (var section in new[] { "Llm", "Asr", "Tts", "Moderation", "Primer", "Engine" })
            service.WithSection(service.Replicas[0].ApplicationBuilder.Configuration, section);
        return service;
    }

    /// <summary>
    /// What sessions say is recorded in the data folder, each engine in a folder of its own; published, in the container.
    /// </summary>
    public static Service WithTranscripts(this Service service, House house)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(house);
        foreach (var replica in service.Replicas.Where(replica => replica.ApplicationBuilder.ExecutionContext.IsRunMode))
            replica.WithEnvironment("Engine__Transcripts__Folder", house.PathOf("transcripts", replica.Resource.Name));
        return service;
    }

    /// <summary>Each engine tells the keepers of the directory that it is there (<c>Engine:AnnounceTo</c>).</summary>
    public static Service WithAnnouncementTo(this Service engines, Service keepers)
    {
        ArgumentNullException.ThrowIfNull(engines);
        ArgumentNullException.ThrowIfNull(keepers);
        foreach (var engine in engines.Replicas)
        {
            foreach (var (index, keeper) in keepers.Replicas.Index())
                engine.WithEnvironment($"Engine__AnnounceTo__{index}", Service.AddressOf(keeper));
        }
        return engines;
    }

    /// <summary>
    /// Each engine charges answers to the budgets that <paramref name="keepers"/> keep (<c>Engine:ChargeTo</c>).
    /// </summary>
    public static Service WithChargingTo(this Service engines, Service keepers)
    {
        ArgumentNullException.ThrowIfNull(engines);
        ArgumentNullException.ThrowIfNull(keepers);
        foreach (var engine in engines.Replicas)
        {
            foreach (var (index, keeper) in keepers.Replicas.Index())
                engine.WithEnvironment($"Engine__ChargeTo__{index}", Service.AddressOf(keeper));
        }
        return engines;
    }

    /// <summary>
    /// The address people use: <c>Lyceum:Port</c> (default 8080; 0 lets the system choose), on loopback unless
    /// <c>Lyceum:Listen</c> names an address; <c>Lyceum:HttpsPort</c> is one for HTTPS beside it. In Development the door knows the development token. Its configuration file is the
    /// one that <c>GATEWAY_CONFIG_FILE</c> names here; the variables named in that file are inherited. Published, the host chooses the address.
    /// </summary>
    public static Service WithPublicDoor(this Service service, House house)
    {
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(house);

        // The other replicas of a replicated gateway keep ports of the system's choice, for a balancer in front.
        var door = service.Replicas[0];
        var builder = door.ApplicationBuilder;
        if (builder.ExecutionContext.IsPublishMode)
            return service.WithPublishedDoor();
        var port = builder.Configuration.GetValue("Lyceum:Port", 8080);
        var listen = builder.Configuration["Lyceum:Listen"] is { Length: > 0 } address ? address : "localhost";
        door.WithEndpoint("http", endpoint =>
        {
            endpoint.IsExternal = true;
            endpoint.TargetHost = listen;
            if (port == 0)
                return;
            endpoint.Port = endpoint.TargetPort = port;
        });
        RequireSecure(builder, listen);
        if (port != 0)
            RequireFree(port, "Lyceum:Port");
        // TLS is the door's own: which certificate it shows, its configuration file says.
        if (builder.Configuration.GetValue<int?>("Lyceum:HttpsPort") is { } https)
        {
            RequireFree(https, "Lyceum:HttpsPort");
            var secure = $"https://{listen}:{https}";
            door.WithEnvironment("Tls__Listen", secure);
        }

        if (builder.Environment.IsDevelopment())
        {
            door.OnResourceEndpointsAllocated((_, _, _) =>
            {
                HttpClientEnvironment.Write(house, door.GetEndpoint("http").Url);
                return Task.CompletedTask;
            });
        }

        foreach (var replica in service.Replicas)
        {
            if (builder.Environment.IsDevelopment())
                replica.WithEnvironment("Auth__DevTokenFile", house.DevelopmentTokenFile);
            // Live sessions at another address than the pages' own: the pages' policy must know it.
            if (builder.Configuration["Engine:PublicUrl"] is { Length: > 0 } engine)
                replica.WithEnvironment("Web__ConnectTo__0", engine);
            // Made absolute: a service runs in a folder of its own.
            if (builder.Configuration["GATEWAY_CONFIG_FILE"] is { Length: > 0 } file)
                replica.WithEnvironment("GATEWAY_CONFIG_FILE", Path.GetFullPath(file));
        }
        return service;
    }

    private static Service WithPublishedDoor(this Service service)
    {
        var configuration = service.Replicas[0].ApplicationBuilder.Configuration;
        foreach (var replica in service.Replicas)
        {
            replica.AsPublicDoor(trust: !configuration.GetSection("Settings:Gateway:Gateway:TrustedProxies").Exists());
            if (configuration["Engine:PublicUrl"] is { Length: > 0 } engine)
                replica.WithSetting("Web__ConnectTo__0", engine);
            if (configuration["GATEWAY_CONFIG_FILE"] is { Length: > 0 } file)
                replica.WithSetting("GATEWAY_CONFIG_FILE", Path.GetFullPath(file)); // which says why it cannot be
        }
        return service;
    }

    /// <summary>
    /// In Development anybody may register, and the development token has every scope: this machine's own people are meant.
    /// </summary>
    private static void RequireSecure(IDistributedApplicationBuilder builder, string listen)
    {
        if (!builder.Environment.IsDevelopment() || builder.Configuration.GetValue<bool>("Lyceum:InsecureDevelopment"))
            return;
        var isLoopback = listen.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(listen.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
        if (!isLoopback)
        {
            throw new DistributedApplicationException(
                $"In Development anybody may register and the development token opens everything, so it does not listen on {listen}. " +
                "Set DOTNET_ENVIRONMENT=Production; or accept it with --insecure-development (Lyceum:InsecureDevelopment=true).");
        }
    }

    // Said here rather than by a gateway that cannot start, again and again.
    private static void RequireFree(int port, string setting)
    {
        try
        {
            using var probe = new TcpListener(IPAddress.Loopback, port);
            probe.Start();
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            throw new DistributedApplicationException(
                $"Port {port} is taken or not allowed here ({e.Message}); choose another with {setting}.", e);
        }
    }
}
