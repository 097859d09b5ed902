using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Lyceum.Tests.StubModel;
using Npgsql;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>What is away slows or refuses, and takes nothing with it.</summary>
[Collection(ChatCollection.Name)]
public sealed class OutageTests(SharedSystem system)
{
    [Fact]
    public async Task Broker_Stopped_ChatWorksAsBefore()
    {
        _ = system.App;
        Assert.SkipUnless(system.Servers.Contains("messaging"), "there is no broker here");
        using var chat = system.CreateChatClient();
        await system.CommandAsync("messaging", KnownResourceCommands.StopCommand);
        try
        {
            await HealthAsync("chat-api", HttpStatusCode.OK, "degraded");
            var started = Stopwatch.GetTimestamp();
            for (var i = 0; i < 5; i++)
            {
                await using var answer = await chat.AskAsync($"[[stub tokens=10 rate=0 seed={i}]]");
                (await answer.ToEndAsync()).Text.ShouldBe(StubText.Text(i, 10, unicode: false));
            }
            // Nothing waited for the broker: five answers, and a publish alone would have been given seconds.
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(10));
        }
        finally
        {
            await system.CommandAsync("messaging", KnownResourceCommands.StartCommand);
        }
        await HealthAsync("chat-api", HttpStatusCode.OK, "ok");
    }

    [Fact]
    public async Task Postgres_Stopped_RefusedFastAndGoesOnAfterwards()
    {
        _ = system.App;
        using var chat = system.CreateChatClient();
        var pid = system.State("chat-api").Pid;
        await using var running = await chat.AskAsync("[[stub tokens=100 rate=20 seed=6]]");
        await running.UntilAsync(a => a.Text.Length > 50);

        await system.CommandAsync("postgres", KnownResourceCommands.StopCommand);
        try
        {
            await HealthAsync("chat-api", HttpStatusCode.OK, "degraded"); // it may be a failover, which takes 20 s
            for (var i = 0; i < 3; i++)
            {
                var started = Stopwatch.GetTimestamp();
                using var refused = await chat.Http.PostAsJsonAsync("/chat", new { message = "[[stub tokens=1]]" });
                Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(3));
                refused.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
                refused.Headers.RetryAfter.ShouldNotBeNull();
                (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString().ShouldBe("database_unavailable");
            }
        }
        finally
        {
            await system.CommandAsync("postgres", KnownResourceCommands.StartCommand);
        }
        await HealthAsync("chat-api", HttpStatusCode.OK, "ok");

        // The answer that was being written when the database went away was only paused.
        (await running.ToEndAsync()).Text.ShouldBe(StubText.Text(6, 100, unicode: false));
        running.End!.Data.GetProperty("status").GetString().ShouldBe("complete");
        await using var next = await chat.AskAsync("[[stub tokens=3 rate=0]]");
        (await next.ToEndAsync()).End!.Data.GetProperty("status").GetString().ShouldBe("complete");
        system.State("chat-api").Pid.ShouldBe(pid);
    }

    /// <summary>Rule 1, by force: whatever anybody was shown when the process died is in the database, and goes on.</summary>
    [Fact]
    public async Task ChatApi_EveryReplicaKilledUnderFiftyStreams_NothingSeenIsLost()
    {
        _ = system.App;
        const int streams = 50;
        using var chat = system.CreateChatClient();
        var readings = await Task.WhenAll(Enumerable.Range(0, streams)
            .Select(i => chat.AskAsync($"[[stub tokens=200 rate=20 seed={i} unicode={i % 2}]]")));
        var reads = readings.Select(ReadUntilCutAsync).ToArray();
        var random = new Random(Environment.ProcessId);
        await Task.Delay(TimeSpan.FromMilliseconds(random.Next(500, 3000)));

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        foreach (var replica in SharedSystem.Replicas)
            system.Signal(replica, "KILL");
        await Task.WhenAll(reads).WaitAsync(limit.Token);
        await system.UntilUpAsync(limit.Token);

        await using var connection = await system.OpenDatabaseAsync("chatdb");
        var seen = 0;
        foreach (var (reading, index) in readings.Select((r, i) => (r, i)))
        {
            var (status, content) = await EndedAsync(connection, reading.MessageId, limit.Token);
            // The engine outlived them: a process that was started in their place went on with the answer.
            status.ShouldBe("complete");
            content.ShouldStartWith(reading.Text);
            content.ShouldBe(StubText.Text(index, 200, index % 2 == 1));
            seen += reading.Text.Length;
            await reading.DisposeAsync();
        }
        seen.ShouldBeGreaterThan(streams * 10, "the streams were hardly begun when the process was killed");
    }

    private static async Task ReadUntilCutAsync(ChatReading reading)
    {
        try
        {
            await reading.ToEndAsync();
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // Cut off, as intended.
        }
    }

    private static async Task<(string Status, string Content)> EndedAsync(
        NpgsqlConnection connection, Guid message, CancellationToken cancellationToken)
    {
        while (true)
        {
            await using (var command = new NpgsqlCommand("SELECT status, content FROM messages WHERE id = $1", connection))
            {
                command.Parameters.Add(new() { Value = message });
                await using var reader = await command.ExecuteReaderAsync(cancellationToken);
                (await reader.ReadAsync(cancellationToken)).ShouldBeTrue();
                if (reader.GetString(0) != "streaming")
                    return (reader.GetString(0), reader.GetString(1));
            }
            await Task.Delay(50, cancellationToken);
        }
    }

    private async Task HealthAsync(string service, HttpStatusCode code, string status)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var http = system.CreateServiceClient(service);
        while (true)
        {
            using var response = await http.GetAsync("/health", limit.Token);
            var health = await response.Content.ReadFromJsonAsync<JsonElement>(limit.Token);
            if (response.StatusCode == code && health.GetProperty("status").GetString() == status)
                return;
            await Task.Delay(100, limit.Token);
        }
    }
}
