using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;

namespace Lyceum.Tests.House;

/// <summary>Two replicas of ChatApi, and a way to speak to each of them past the gateway.</summary>
public class ReplicaHouse : ChatHouse
{
    public static readonly string[] Replicas = ["chat-api", "chat-api-2"];

    private readonly ConcurrentBag<int> _ended = []; // process ids

    protected override IEnumerable<string> Arguments =>
        [.. base.Arguments, "--Lyceum:Replicas:chat-api=2", "--Settings:ChatApi:Generation:DisconnectGrace=00:00:01"];

    /// <summary>A client of one replica, with the identity that the gateway would give the development token's owner.</summary>
    public ChatClient CreateReplicaClient(string replica)
    {
        var http = CreateServiceClient(replica);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", GatewayIdentity.Token(DataFolder));
        return new ChatClient(http);
    }

    public static string OtherThan(string replica) => Replicas.Single(r => r != replica);

    /// <summary>Which replica writes: the one that says so in its metrics. Only one answer may be running.</summary>
    public async Task<string> OwnerAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            foreach (var replica in Replicas)
            {
                using var http = CreateServiceClient(replica);
                var metrics = await http.GetStringAsync("/metrics", cancellationToken);
                var running = metrics.Split('\n').FirstOrDefault(line => line.StartsWith("lyceum_chat_generations_running", StringComparison.Ordinal)
                    && !line.StartsWith('#'));
                if (running is not null && running.EndsWith(" 1", StringComparison.Ordinal))
                    return replica;
            }
            await Task.Delay(20, cancellationToken);
        }
    }

    public int PidOf(string resource) => State(resource).Pid!.Value;

    public void Signal(string resource, string signal)
    {
        var pid = PidOf(resource);
        if (signal is "KILL" or "TERM")
            _ended.Add(pid);
        using var kill = Process.Start("kill", [$"-{signal}", pid.ToString()]);
        kill.WaitForExit();
    }

    /// <summary>Waits until every service is healthy, and none of them is a process that a test ended: state.json may be older.</summary>
    public async Task UntilUpAsync(CancellationToken cancellationToken)
    {
        foreach (var resource in Replicas.Append("gpu-engine").Append("gateway"))
            await StateAsync(resource, state => state.IsUp && !_ended.Contains(state.Pid!.Value), cancellationToken);
    }
}
