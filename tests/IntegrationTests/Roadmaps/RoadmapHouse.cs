using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;

namespace Lyceum.Tests.IntegrationTests.Roadmaps;

/// <summary>Two workers, and a model that answers when a test lets it.</summary>
public sealed class RoadmapHouse : HouseFixture, IAsyncLifetime
{
    public static readonly string[] Workers = ["roadmap-worker", "roadmap-worker-2"];

    public RoadmapModelServer Model { get; private set; } = null!;

    protected override IEnumerable<string> Arguments =>
        [$"--Llm:Endpoint={Model.Endpoint}", "--Llm:Model=stub", "--Lyceum:Replicas:roadmap-worker=2"];

    async ValueTask IAsyncLifetime.InitializeAsync()
    {
        Model = await RoadmapModelServer.StartAsync();
        await InitializeAsync();
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await DisposeAsync();
        await Model.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    public async Task<Guid> GenerateAsync(HttpClient client, string query)
    {
        using var response = await client.PostAsJsonAsync("/api/v1/roadmaps/generate", new
        {
            user_id = "u", user_query = query,
            preferences = new { weekly_commitment_hours = 10, learning_style = new[] { "visual", "hands_on" }, primary_language = "en" },
        });
        response.StatusCode.ShouldBe(HttpStatusCode.Accepted, await response.Content.ReadAsStringAsync());
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("task_id").GetGuid();
    }

    /// <summary>Polls until the task has ended; what is refused meanwhile is asked again, and nothing is ever not found.</summary>
    public static async Task<JsonElement> EndAsync(HttpClient client, Guid task, CancellationToken cancellationToken)
    {
        while (true)
        {
            using var response = await client.GetAsync($"/api/v1/roadmaps/{task}/status", cancellationToken);
            response.StatusCode.ShouldNotBe(HttpStatusCode.NotFound);
            if (response.IsSuccessStatusCode)
            {
                var status = await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
                if (status.GetProperty("status").GetString() is "completed" or "failed" or "cancelled")
                    return status;
            }
            await Task.Delay(100, cancellationToken);
        }
    }

    /// <summary>Which worker does it: the one that says so in its metrics. Only one task may be running.</summary>
    public async Task<string> OwnerAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            foreach (var worker in Workers.Where(worker => FindState(worker)?.IsUp == true))
            {
                try
                {
                    using var http = CreateServiceClient(worker);
                    var metrics = await http.GetStringAsync("/metrics", cancellationToken);
                    if (metrics.Split('\n').Any(line => line.StartsWith("lyceum_jobs_running", StringComparison.Ordinal) && line.EndsWith(" 1", StringComparison.Ordinal)))
                        return worker;
                }
                catch (HttpRequestException)
                {
                    // It has just been killed: the other, or its successor, will say.
                }
            }
            await Task.Delay(20, cancellationToken);
        }
    }

    public void Signal(string resource, string signal) => SignalPid(State(resource).Pid!.Value, signal);

    public static void SignalPid(int pid, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", pid.ToString()]);
        kill.WaitForExit();
    }

    public async Task UntilUpAsync(CancellationToken cancellationToken)
    {
        foreach (var resource in Workers.Append("gpu-engine").Append("gateway").Append("postgres"))
            await StateAsync(resource, state => state.IsUp, cancellationToken);
    }

    public async Task UntilAskedAsync(string question, int times, CancellationToken cancellationToken)
    {
        while (Model.Asked.Count(asked => asked.StartsWith(question)) < times)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                throw new TimeoutException($"{question} was not asked {times} times. Asked: {string.Join(", ", Model.Asked)}. Task: " +
                    await ScalarAsync("SELECT json_agg(j)::text FROM (SELECT * FROM jobs ORDER BY task_id DESC LIMIT 1) j"));
            }
            await Task.Delay(10, CancellationToken.None);
        }
    }

    /// <summary>Waits until another claim than that of <paramref name="epoch"/> does the task.</summary>
    public async Task UntilTakenAsync(Guid task, int epoch, CancellationToken cancellationToken)
    {
        while (await ScalarAsync("SELECT count(*) FROM jobs WHERE task_id = $1 AND status = 'running' AND epoch > $2 + 1", task, epoch) is 0L)
            await Task.Delay(20, cancellationToken);
    }

    public async Task<int> EpochAsync(Guid task) => (int)(await ScalarAsync("SELECT epoch FROM jobs WHERE task_id = $1", task))!;

    public async Task<NpgsqlConnection> OpenDatabaseAsync()
    {
        // Not pooled: the server is restarted under these tests.
        var connection = new NpgsqlConnection($"{await GetConnectionStringAsync("roadmapdb")};Pooling=false");
        await connection.OpenAsync();
        return connection;
    }

    public async Task<object?> ScalarAsync(string sql, params object[] values)
    {
        await using var connection = await OpenDatabaseAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        return await command.ExecuteScalarAsync();
    }
}

[CollectionDefinition(Name)]
public sealed class RoadmapHouseCollection : ICollectionFixture<RoadmapHouse>
{
    public const string Name = "roadmap house";
}
