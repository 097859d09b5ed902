namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>What chaos does with the shared system.</summary>
internal static class ChaosTargets
{
    /// <summary>Every way in: the gateway, and each replica past it.</summary>
    public static Doors OpenDoors(this SharedSystem system) =>
        new([system.CreateChatClient(), .. SharedSystem.Replicas.Select(system.CreateReplicaClient)]);

    /// <summary>Processes of a resource, the resource's own first; none while it is down.</summary>
    public static int[] Processes(this SharedSystem system, string resource) =>
        system.FindState(resource) is { State: "Running", Pid: { } pid } state
            ? [pid, .. state.Pids.Where(p => p != pid)]
            : [];

    /// <summary>
    /// Everything a round needs answers for itself, and Postgres takes queries. Asked directly: the health of a resource
    /// is polled ever more rarely while it starts. The broker may be down, nothing waits for it.
    /// </summary>
    public static async Task UntilServingAsync(this SharedSystem system, CancellationToken cancellationToken)
    {
        foreach (var service in SharedSystem.Replicas.Concat(system.Engines).Append("gateway"))
        {
            using var http = system.CreateServiceClient(service);
            while (!await IsServingAsync(http, cancellationToken))
                await Task.Delay(50, cancellationToken);
        }
    }

    private static async Task<bool> IsServingAsync(HttpClient http, CancellationToken cancellationToken)
    {
        try
        {
            using var health = await http.GetAsync("/health", cancellationToken);
            return health.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}

/// <summary>The ways in, and which to take next.</summary>
public sealed class Doors(ChatClient[] all) : IDisposable
{
    public ChatClient Any(Random random) => all[random.Next(all.Length)];

    public void Dispose() => Array.ForEach(all, door => door.Dispose());
}
