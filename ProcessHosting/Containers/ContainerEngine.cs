using System.Diagnostics;
using System.Globalization;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Processes;

namespace Aspire.Hosting.Containers;

/// <summary>No container engine answers.</summary>
internal sealed class ContainerEngineException(string message) : DistributedApplicationException(message);

/// <summary>
/// The docker or podman of this machine, used through its command line. A container is the process of its attached
/// <c>docker run --rm</c>: signals reach the container through it, and its output and exit code are the container's.
/// </summary>
internal sealed class ContainerEngine(OrphanWatchdog watchdog)
{
    private static readonly string[] Clients = ["docker", "podman"];
    private static readonly TimeSpan CommandTime = TimeSpan.FromSeconds(10);

    /// <exception cref="ContainerEngineException">No engine answers; a client without one does not count.</exception>
    public async Task<LaunchPlan> PlanAsync(
        ContainerResource container, IReadOnlyDictionary<string, string> environment, IReadOnlyList<string> arguments,
        CancellationToken cancellationToken)
    {
        var client = await FindAsync(cancellationToken);
        var name = NameOf(container);
        // A client that was killed leaves its container, which would have the name and the ports.
        await RunAsync(client, ["rm", "--force", name], cancellationToken);

        List<string> run = ["run", "--rm", "--name", name];
        foreach (var endpoint in container.Annotations.OfType<EndpointAnnotation>())
        {
            var host = endpoint.TargetHost == "localhost" ? "127.0.0.1" : endpoint.TargetHost;
            run.Add("--publish");
            run.Add(string.Create(CultureInfo.InvariantCulture, $"{host}:{endpoint.AllocatedEndpoint!.Port}:{endpoint.TargetPort}"));
        }

        foreach (var mount in container.Annotations.OfType<ContainerMountAnnotation>())
        {
            run.Add("--volume");
            run.Add((mount.Source is null ? "" : $"{mount.Source}:") + mount.Target + (mount.IsReadOnly ? ":ro" : ""));
        }

        // Only the names: the values come from the client's environment, so that no secret is on a command line.
        foreach (var variable in environment.Keys)
            run.AddRange(["--env", variable]);
        if (container.Entrypoint is { } entrypoint)
            run.AddRange(["--entrypoint", entrypoint]);

        var more = new ContainerRuntimeArgsCallbackContext([], cancellationToken);
        foreach (var callback in container.Annotations.OfType<ContainerRuntimeArgsCallbackAnnotation>())
            await callback.Callback(more);
        run.AddRange(more.Args.Select(a => Convert.ToString(a, CultureInfo.InvariantCulture)!));

        run.Add(container.Annotations.OfType<ContainerImageAnnotation>().Last().Reference);
        run.AddRange(arguments);
        return new LaunchPlan(client, run, "/", environment);
    }

    private string NameOf(ContainerResource container)
        => container.Annotations.OfType<ContainerNameAnnotation>().LastOrDefault()?.Name
            ?? $"{container.Name}-{watchdog.HostId[^8..]}";

    private static async Task<string> FindAsync(CancellationToken cancellationToken)
    {
        foreach (var name in Clients)
        {
            if (Programs.TryFind(name) is { } client && await RunAsync(client, ["info"], cancellationToken))
                return client;
        }

        throw new ContainerEngineException(
            "No container engine answers: neither 'docker info' nor 'podman info' succeeds.");
    }

    /// <summary>Whether the command succeeded in time.</summary>
    private static async Task<bool> RunAsync(string client, string[] arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(client, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(CommandTime);
        try
        {
            await Task.WhenAll(
                process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token),
                process.WaitForExitAsync(limit.Token));
            return process.ExitCode == 0;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            process.Kill();
            return false;
        }
    }
}
