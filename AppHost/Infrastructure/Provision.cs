using Microsoft.Extensions.Configuration;

namespace Lyceum.AppHost.Infrastructure;

/// <summary>How a server that Lyceum needs comes to be; decided before the resource is added to the model.</summary>
internal enum Provision
{
    /// <summary>Somebody else's server: <c>ConnectionStrings:{name}</c> is configured.</summary>
    External,

    /// <summary>A container runtime answers.</summary>
    Container,

    /// <summary>This machine's own binaries, as child processes on a data folder under DIR.</summary>
    Binaries,
}

internal static class Provisioning
{
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Decides for <paramref name="name"/>. Data made by local binaries stays with them: a container runtime that
    /// appears later does not start an empty database beside it.
    /// </summary>
    public static Provision Decide(IDistributedApplicationBuilder builder, string name, string dataFolder)
    {
        if (builder.Configuration.GetConnectionString(name) is { Length: > 0 })
            return Provision.External;
        if (builder.ExecutionContext.IsPublishMode)
            return Provision.Container;
        if (builder.Configuration.GetValue<bool?>("Lyceum:Containers") is { } wanted)
            return wanted ? Provision.Container : Provision.Binaries;
        return !Directory.Exists(dataFolder) && ContainerRuntime.Value is not null
            ? Provision.Container
            : Provision.Binaries;
    }

    /// <summary>The command of a container runtime whose engine answers; a client without an engine does not count.</summary>
    public static Lazy<string?> ContainerRuntime { get; } = new(() =>
        new[] { "docker", "podman" }.FirstOrDefault(command => Tool.Succeeds(command, ProbeLimit, "info")));
}
