using System.Diagnostics;
using System.Text.Json;

namespace Lyceum.Tests.IntegrationTests;

/// <summary>What the services keep at the broker.</summary>
[Collection(ChatCollection.Name)]
public sealed class QueueTests(SharedSystem system)
{
    // Each replica of these services has one of its own; the workers have more.
    private static readonly string[] OfOneProcess =
        ["response-finished", "tool-version-activated", "session-turns-recorded", "roadmap-status-changed"];

    /// <summary>
    /// RabbitMQ 4.3 refuses queues that are neither durable nor exclusive. An exclusive one is locked to a connection
    /// that may be dead, when its process connects again.
    /// </summary>
    [Fact]
    public async Task Queues_OfEveryService_AreOfNoKindThatRabbitMqRefuses()
    {
        _ = system.App;
        Assert.SkipUnless(system.Servers.Contains("messaging"), "there is no broker here");

        List<Queue> queues = [], ofOneProcess = [];
        // Services connect in the background, in the end after a pause.
        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(500, TestContext.Current.CancellationToken))
        {
            queues = await ListAsync();
            ofOneProcess = [.. queues.Where(queue => OfOneProcess.Any(queue.Name.StartsWith))];
            if (OfOneProcess.All(name => ofOneProcess.Any(queue => queue.Name.StartsWith(name))))
                break;
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(60), string.Join('\n', queues));
        }

        queues.Where(queue => !queue.Durable && !queue.Exclusive).ShouldBeEmpty();
        // Those of one process are gone a minute after it, also where it never consumed.
        ofOneProcess.Where(queue => !queue.Durable || queue.Exclusive).ShouldBeEmpty();
        ofOneProcess.Where(queue => !queue.Arguments.Contains("x-expires", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    private async Task<List<Queue>> ListAsync() =>
    [
        .. JsonElement.Parse(await ListQueuesAsync()).EnumerateArray().Select(queue => new Queue(
            queue.GetProperty("name").GetString()!, queue.GetProperty("durable").GetBoolean(),
            queue.GetProperty("exclusive").GetBoolean(), queue.GetProperty("auto_delete").GetBoolean(),
            queue.GetProperty("arguments").GetRawText())),
    ];

    private sealed record Queue(string Name, bool Durable, bool Exclusive, bool AutoDelete, string Arguments);

    /// <summary>By the broker's own command, with the settings that the broker runs with.</summary>
    private async Task<string> ListQueuesAsync()
    {
        // The one of its processes that is the broker: it has the settings, and their parent has not all of them.
        var environment = system.State("messaging").Pids.Select(Environment)
            .First(variables => variables.ContainsKey("RABBITMQ_NODENAME"));
        var start = new ProcessStartInfo(
            Directory.GetFiles("/usr/lib/rabbitmq/lib", "rabbitmqctl", SearchOption.AllDirectories).First(),
            [
                "list_queues", "name", "durable", "exclusive", "auto_delete", "arguments",
                "--quiet", "--formatter", "json",
            ])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        string[] names =
            ["HOME", "ERL_EPMD_ADDRESS", "ERL_EPMD_PORT", "RABBITMQ_NODENAME", "RABBITMQ_CONF_ENV_FILE"];
        foreach (var name in names)
            start.Environment[name] = environment[name];
        using var list = Process.Start(start)!;
        var error = list.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var queues = await list.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await list.WaitForExitAsync(TestContext.Current.CancellationToken);
        list.ExitCode.ShouldBe(0, await error);
        return queues;
    }

    private static Dictionary<string, string> Environment(int process) =>
        File.ReadAllText($"/proc/{process}/environ").Split('\0')
            .Select(variable => variable.Split('=', 2)).Where(pair => pair.Length == 2)
            .GroupBy(pair => pair[0]).ToDictionary(pair => pair.Key, pair => pair.Last()[1], StringComparer.Ordinal);
}
