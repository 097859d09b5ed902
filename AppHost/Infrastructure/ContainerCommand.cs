#if !FULLFEED
namespace Lyceum.AppHost.Infrastructure;

/// <summary>
/// A container as an executable resource, for feeds without Aspire's container packages: the runtime's client runs in
/// the foreground and is started, watched and stopped like any process.
/// </summary>
internal static class ContainerCommand
{
    /// <param name="variables">Names of the environment variables the container is given.</param>
    /// <param name="arguments">Passed to the image.</param>
    public static IResourceBuilder<ExecutableResource> AddContainerCommand(
        this IDistributedApplicationBuilder builder,
        string name,
        House house,
        string image,
        int port,
        string mount,
        string[] variables,
        params string[] arguments)
    {
        var script = Path.Combine(builder.AppHostDirectory, "Infrastructure", "container.sh");
        var runtime = Provisioning.ContainerRuntime.Value ?? "docker";
        string[] all =
        [
            runtime, ContainerNames.For(house, name), image, $"{port}", mount, string.Join(',', variables), .. arguments,
        ];
        return builder.AddExecutable(name, script, builder.AppHostDirectory, all)
            .WithEndpoint(name: "tcp", scheme: "tcp", env: "HOST_PORT");
    }
}
#endif
