using System.Diagnostics;
using System.Text.Json;

namespace Lyceum.Tests.IntegrationTests;

/// <summary>What the services keep at the broker.</summary>
[Collection(ChatCollection.Name)]
public sealed class QueueTests(SharedSystem system)
{
    /// <summary>RabbitMQ 4.3 refuses queues that are neither durable nor exclusive.</summary>
    [Fact]
    public async Task Queues_OfEveryService_AreOfNoKindThatRabbitMqRefuses()
    {
        _ = system.App;
        Assert.SkipUnless(system.Servers.Contains("messaging"), "there is no broker here");

        var queues = JsonElement.Parse(await ListQueuesAsync()).EnumerateArray()
            .Select(queue => (
                Name: queue.GetProperty("name").GetString()!,
                Durable: queue.GetProperty("durable").GetBoolean(),
                Exclusive: queue.GetProperty("exclusive").GetBoolean(),
                AutoDelete: queue.GetProperty("auto_delete").GetBoolean(),
                Arguments: queue.GetProperty("arguments").GetRawText()))
            .ToList();

        queues.Count.ShouldBeGreaterThan(5);
        queues.Where(queue => !queue.Durable && !queue.Exclusive).ShouldBeEmpty();
        // Those of one process are gone with it, also where it never consumed.
        var ofOneProcess = queues.Where(queue => queue.AutoDelete).ToList();
        ofOneProcess.Count.ShouldBeGreaterThan(2);
        ofOneProcess.Where(queue => !queue.Arguments.Contains("x-expires", StringComparison.Ordinal)).ShouldBeEmpty();
    }

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
