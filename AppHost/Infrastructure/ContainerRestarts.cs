namespace Lyceum.AppHost.Infrastructure;

internal static class ContainerRestarts
{
    /// <summary>
    /// The container runtime starts a server that died again, on the same port. Aspire's orchestrator does not, and does not always
    /// notice: seen with Podman 4.3.
    /// </summary>
    public static IResourceBuilder<T> WithRestarts<T>(this IResourceBuilder<T> server)
        where T : ContainerResource =>
        server.WithContainerRuntimeArgs("--restart", "unless-stopped");
}
