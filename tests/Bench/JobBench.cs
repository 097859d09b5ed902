using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Lyceum.RoadmapWorker.Data;
using Lyceum.Jobs;
using Lyceum.ServiceDefaults;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Leases;
using Lyceum.ServiceDefaults.Messaging;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.Tests.Bench;

/// <summary>
/// The job engine beside graphile-worker, in turns on the same Postgres: how long a job waits on an idle worker, and how many
/// that do nothing pass through. Each measurement has a fresh database, and one process that enqueues and works.
/// </summary>
/// <param name="graphile">The script that measures graphile-worker the same way.</param>
internal sealed class JobBench(RunningSystem system, FileInfo graphile, int runs)
{
    private const int Seconds = 10;
    private const int Warm = 4_000; // jobs that load code, not counted
    private const int Few = 10_000;
    private const int Many = 50_000;
    private static readonly int[] Rates = [20, 300];

    public async Task<bool> RunAsync(TextWriter output, CancellationToken cancel)
    {
        var ours = new List<double[]>();
        var theirs = new List<double[]>();
        for (var run = 0; run < runs; run++)
        {
            ours.Add(await MeasureAsync(LatencyAsync, RateAsync, cancel));
            theirs.Add(await MeasureAsync(GraphileLatencyAsync, GraphileRateAsync, cancel));
            Say("lyceum", $"run {run + 1}", ours[^1]);
            Say("graphile-worker", $"run {run + 1}", theirs[^1]);
        }
        var (our, their) = (Medians(ours), Medians(theirs));
        Say("lyceum", $"median of {runs}", our);
        Say("graphile-worker", $"median of {runs}", their);
        return our[0] <= their[0] && our[1] <= their[1] * 1.5 && our[2] <= their[2] && our[3] <= their[3] * 1.5
            && our[4] >= their[4] * 2 && our[5] > our[4] / 2;

        void Say(string who, string which, double[] f) => output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"[perf] jobs {who} ({which}): start_ms at 20/s p50={f[0]:0.0} p99={f[1]:0.0}, at 300/s p50={f[2]:0.0} p99={f[3]:0.0}; noop_jobs_per_s={f[4]:0}, with {Many} queued={f[5]:0}"));
    }

    private static double[] Medians(List<double[]> runs) => [.. runs[0].Select((_, figure) => runs.Select(run => run[figure]).Median())];

    private async Task<double[]> MeasureAsync(
        Func<string, int, CancellationToken, Task<(double P50, double P99)>> latency, Func<string, int, int, CancellationToken, Task<double>> rate,
        CancellationToken cancel)
    {
        var figures = new List<double>();
        foreach (var perSecond in Rates)
        {
            await using var database = await OwnDatabase.CreateAsync(await ConnectionStringAsync(cancel), cancel);
            var (p50, p99) = await latency(database.ConnectionString, perSecond, cancel);
            figures.AddRange([p50, p99]);
        }
        foreach (var queued in new[] { Few, Many })
        {
            await using var database = await OwnDatabase.CreateAsync(await ConnectionStringAsync(cancel), cancel);
            figures.Add(await rate(database.ConnectionString, queued, Few, cancel));
        }
        return [.. figures];
    }

    private Task<string> ConnectionStringAsync(CancellationToken cancel) =>
        system.AdministratorAsync("roadmap-worker", "roadmapdb", cancel);

    private async Task<(double P50, double P99)> LatencyAsync(string database, int perSecond, CancellationToken cancel)
    {
        var kind = new NoWork();
        await using var engine = await StartAsync(database, kind, cancel);
        var jobs = engine.Services.GetRequiredService<JobStore>();
        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => jobs.AddAsync(Order($"\"warm {i}\""), cancel)));
        await kind.UntilAsync(200, cancel);

        kind.Started.Clear();
        var count = perSecond * Seconds;
        var enqueued = new long[count];
        var orders = new Task[count];
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++)
        {
            var due = TimeSpan.FromSeconds((double)i / perSecond) - Stopwatch.GetElapsedTime(begun);
            if (due > TimeSpan.Zero)
                await Task.Delay(due, cancel);
            enqueued[i] = Stopwatch.GetTimestamp();
            orders[i] = jobs.AddAsync(Order(i.ToString(CultureInfo.InvariantCulture)), cancel);
        }
        await Task.WhenAll(orders);
        await kind.UntilAsync(count, cancel);
        double[] waits = [.. enqueued.Select((at, i) =>
            Stopwatch.GetElapsedTime(at, kind.Started[i.ToString(CultureInfo.InvariantCulture)]).TotalMilliseconds).Order()];
        return (waits.Percentile(50), waits.Percentile(99));

        static JobOrder Order(string input) => new(NoWork.KindName, "dev", "ada", input);
    }

    private async Task<double> RateAsync(string database, int queued, int measured, CancellationToken cancel)
    {
        await using (var source = NpgsqlDataSource.Create(database))
        {
            await using (var db = new RoadmapDb(new DbContextOptionsBuilder<RoadmapDb>().UseNpgsql(source).Options))
                await db.Database.MigrateAsync(cancel);
            await using var fill = source.CreateCommand(
                """
                INSERT INTO jobs (task_id, kind, tenant, subject, status, stage, progress, priority, input, events, attempt, epoch, run_after, timeout, created_at, updated_at)
                SELECT gen_random_uuid(), $2, 'dev', 'ada', 'queued', 'a', 0, 1, i::text::json, 1, 0, 0, now() - interval '1 hour' + i * interval '1 ms', '1 hour', now(), now()
                FROM generate_series(1, $1) i
                """);
            fill.Parameters.Add(new() { Value = queued });
            fill.Parameters.Add(new() { Value = NoWork.KindName });
            await fill.ExecuteNonQueryAsync(cancel);
            await using var tell = source.CreateCommand(
                "INSERT INTO job_events (task_id, seq, status, stage, progress, at) SELECT task_id, 1, 'queued', 'a', 0, now() FROM jobs; ANALYZE");
            await tell.ExecuteNonQueryAsync(cancel);
        }
        var kind = new NoWork();
        await using var engine = await StartAsync(database, kind, cancel);
        await kind.UntilAsync(measured, cancel);
        var starts = kind.Started.Values.Order().ToArray();
        return (measured - 1 - Warm) / Stopwatch.GetElapsedTime(starts[Warm], starts[measured - 1]).TotalSeconds;
    }

    /// <summary>The engine as RoadmapWorker has it, with one kind of work, in this process.</summary>
    private async Task<WebApplication> StartAsync(string database, NoWork kind, CancellationToken cancel)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.AddInMemoryCollection((await system.EnvironmentAsync("roadmap-worker", cancel))
            .Where(variable => variable.Key.StartsWith("Identity__", StringComparison.Ordinal))
            .Select(variable => new KeyValuePair<string, string?>(variable.Key.Replace("__", ":", StringComparison.Ordinal), variable.Value)));
        builder.Configuration.AddInMemoryCollection(
        [
            new("Jobs:Concurrency", "256"), new("ConnectionStrings:roadmapdb", database), new("urls", "http://127.0.0.1:0"), new("Service:Name", "roadmap-worker"),
        ]);
        builder.AddServiceDefaults();
        builder.Logging.ClearProviders();
        builder.AddPostgres<RoadmapDb>("roadmapdb");
        builder.AddMessaging();
        builder.AddJobs();
        builder.Services.AddSingleton<IJobKind>(kind);
        var app = builder.Build();
        await app.StartAsync(cancel);
        while (!app.Services.GetRequiredService<LeaseKeeper>().IsHeld)
            await Task.Delay(10, cancel);
        return app;
    }

    private async Task<(double P50, double P99)> GraphileLatencyAsync(string database, int perSecond, CancellationToken cancel)
    {
        var figures = await GraphileAsync("latency", database, [perSecond, Seconds], cancel);
        return (figures.GetProperty("p50").GetDouble(), figures.GetProperty("p99").GetDouble());
    }

    private async Task<double> GraphileRateAsync(string database, int queued, int measured, CancellationToken cancel) =>
        (await GraphileAsync("rate", database, [queued, measured, Warm], cancel)).GetProperty("rate").GetDouble();

    private async Task<JsonElement> GraphileAsync(string what, string database, int[] figures, CancellationToken cancel)
    {
        var start = new ProcessStartInfo("node", [graphile.FullName, what, OwnDatabase.Url(database), .. figures.Select(figure => $"{figure}")]) { RedirectStandardOutput = true };
        using var node = Process.Start(start)!;
        var said = await node.StandardOutput.ReadToEndAsync(cancel);
        await node.WaitForExitAsync(cancel);
        if (node.ExitCode != 0)
            throw new InvalidOperationException($"{graphile.Name} ended with {node.ExitCode}; tests/Clients wants npm ci");
        return JsonSerializer.Deserialize<JsonElement>(said);
    }

    /// <summary>One stage that does nothing, and remembers when.</summary>
    private sealed class NoWork : IJobKind
    {
        public const string KindName = "noop";

        /// <summary>Timestamps by input.</summary>
        public ConcurrentDictionary<string, long> Started { get; } = new(StringComparer.Ordinal);

        public string Name => KindName;
        public string FirstStage => "a";
        public TimeSpan Timeout => TimeSpan.FromMinutes(10);

        public Task<StageResult> RunAsync(JobContext job, string stage, CancellationToken cancellationToken)
        {
            Started[job.Input] = Stopwatch.GetTimestamp();
            return Task.FromResult(new StageResult("1", null, 100));
        }

        public void OnChanged(JobChange change)
        {
        }

        public async Task UntilAsync(int count, CancellationToken cancel)
        {
            while (Started.Count < count)
                await Task.Delay(5, cancel);
        }
    }
}
