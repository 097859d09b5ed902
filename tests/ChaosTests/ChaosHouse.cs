using System.Diagnostics;

namespace Lyceum.Tests.ChaosTests;

/// <summary>Two replicas of ChatApi, two engines, and restarts that do not slow down however often something is killed.</summary>
public sealed class ChaosHouse : ReplicaHouse
{
    public static readonly string[] Engines = ["gpu-engine", "gpu-engine-2"];

    protected override IEnumerable<string> Arguments =>
        [.. base.Arguments, "--Lyceum:Replicas:gpu-engine=2", "--Lyceum:SettledAfter=00:00:01"];

    /// <summary>Every way in: the gateway, and each replica past it.</summary>
    public Doors OpenDoors() => new([CreateChatClient(), .. Replicas.Select(CreateReplicaClient)]);

    /// <summary>Processes of a resource, the resource's own first; none while it is down.</summary>
    public int[] Processes(string resource) =>
        FindState(resource) is { State: "Running", Pid: { } pid } state ? [pid, .. state.Pids.Where(p => p != pid)] : [];

    /// <summary>False if the process was gone already.</summary>
    public static bool Signal(int pid, string signal)
    {
        using var kill = Process.Start(new ProcessStartInfo("kill", [$"-{signal}", $"{pid}"]) { RedirectStandardError = true })!;
        kill.WaitForExit();
        return kill.ExitCode == 0;
    }

    /// <summary>
    /// Everything a round needs answers for itself, and Postgres takes queries. Asked directly: the health of a resource
    /// is looked at ever more rarely while it starts. The broker may be down, nothing waits for it.
    /// </summary>
    public async Task UntilServingAsync(CancellationToken cancellationToken)
    {
        foreach (var service in Replicas.Concat(Engines).Append("gateway"))
        {
            using var http = CreateServiceClient(service);
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

    /// <summary>The sum of a metric's series at one service; 0 where it has none.</summary>
    public async Task<double> MetricAsync(string service, string name, CancellationToken cancellationToken)
    {
        using var http = CreateServiceClient(service);
        var metrics = await http.GetStringAsync("/metrics", cancellationToken);
        return metrics.Split('\n').Where(line => line.StartsWith(name, StringComparison.Ordinal) && line[name.Length] is ' ' or '{')
            .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
    }
}

/// <summary>The ways in, and which to take next.</summary>
public sealed class Doors(ChatClient[] all) : IDisposable
{
    public ChatClient Any(Random random) => all[random.Next(all.Length)];

    public void Dispose() => Array.ForEach(all, door => door.Dispose());
}
