using Microsoft.Extensions.Hosting;

namespace Lyceum.AppHost.Publishing;

/// <summary>
/// What a service is given where AppHost publishes it (azd, docs/azd.md) instead of running it: nothing of this machine, and no
/// secret but as a parameter, whose value the host asks for.
/// </summary>
internal static class PublishedService
{
    /// <summary>Where the images listen, and the only port that a published service has.</summary>
    public const int Port = 8080;

    /// <summary>
    /// Azure Container Apps ends a request that was silent for 240 s. Streams are never silent for so long; an answer that comes whole is,
    /// until its end: the longest one, and the 10 s more that hops wait for it, must be shorter.
    /// </summary>
    public const string MaxDuration = "00:03:30";

    /// <summary>Container hosts kill 30 s after SIGTERM unless told otherwise, and the rest of the drain needs 5 of them.</summary>
    private const string EngineDrain = "00:00:20";

    /// <param name="service">The same for all its replicas.</param>
    public static IResourceBuilder<ProjectResource> AsPublished(this IResourceBuilder<ProjectResource> replica, string service)
    {
        var builder = replica.ApplicationBuilder;
        return replica
            .WithEndpoint("http", endpoint => endpoint.TargetPort = Port)
            // Services ask each other by HTTPS, which the host ends: it redirects plain HTTP to a public service, and a redirected POST is a
            // GET; and it says in X-Forwarded-Proto how the last hop asked, from which cookies and the addresses of sessions are made.
            .WithHttpsEndpoint(targetPort: Port)
            // The container itself listens for HTTP only.
            .WithEndpointsInEnvironment(endpoint => endpoint.UriScheme == "http")
            .WithEnvironment("ASPNETCORE_ENVIRONMENT", Environments.Production)
            .WithEnvironment("DOTNET_ENVIRONMENT", Environments.Production)
            // Service__Instance is not set: the replicas that a host makes of one container share its environment. In a container a
            // service is named after its host (ServiceInfo).
            .WithEnvironment("Identity__Key", builder.AddSecret($"{service}-key"))
            .WithEnvironment("Identity__Jwks", builder.AddSecret("internal-jwks"))
            .WithEnvironment("Answers__MaxDuration", MaxDuration)
            // The name by which the host forwards requests to it.
            .WithEnvironment("AllowedHosts", replica.GetEndpoint("http").Property(EndpointProperty.Host))
            // Services read X-Forwarded-* themselves, from the proxies that they are told to trust; Aspire's switch trusts everybody.
            .DisableForwardedHeaders()
            .WithProbes();
    }

    /// <summary>
    /// An engine that a host makes: nothing else reaches it than requests to its own address, its transcripts are as long-lived as its
    /// container (docs/azd.md), and its time to stop is the host's.
    /// </summary>
    public static IResourceBuilder<ProjectResource> AsPublishedEngine(this IResourceBuilder<ProjectResource> engine) => engine
        .WithEnvironment("Engine__InstanceUrl", engine.GetEndpoint("https"))
        .WithEnvironment("Engine__Transcripts__Folder", "/home/app/transcripts") // of the image
        .WithEnvironment("Drain__Answers", EngineDrain);

    /// <summary>Whoever is asked for in public, through proxies in the host's own networks.</summary>
    /// <param name="trust">Whether those are to be trusted; the operator named others otherwise.</param>
    public static void AsPublicDoor(this IResourceBuilder<ProjectResource> door, bool trust)
    {
        door.WithEndpoint("http", endpoint => endpoint.IsExternal = true)
            .WithEndpoint("https", endpoint => endpoint.IsExternal = true);
        foreach (var (index, network) in trust ? PrivateNetworks.Index() : [])
            door.WithEnvironment($"Gateway__TrustedProxies__{index}", network);
    }

    // RFC 1918 and RFC 6598: a container is reached from there only, by the host's proxy.
    private static readonly string[] PrivateNetworks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

    // Where requests may be sent, and whether the process is left running; the same two as everywhere (docs/operations.md).
#pragma warning disable ASPIREPROBES001 // still called experimental; nothing else tells a publisher of probes
    private static IResourceBuilder<ProjectResource> WithProbes(this IResourceBuilder<ProjectResource> replica) => replica
        .WithHttpProbe(ProbeType.Liveness, "/alive", initialDelaySeconds: 30, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6, endpointName: "http")
        .WithHttpProbe(ProbeType.Readiness, "/health", periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 2, endpointName: "http");
#pragma warning restore ASPIREPROBES001
}
