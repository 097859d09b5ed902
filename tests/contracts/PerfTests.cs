using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;

namespace Lyceum.Tests.Contracts;

/// <summary>
/// Load on the native API; each scenario starts a gateway of its own with all it needs, and prints one <c>[perf]</c> line. How many
/// requests and how many at once: <c>GATEWAY_PERF_ITERATIONS_tools</c>, <c>GATEWAY_PERF_CONCURRENCY_tools</c>, and so for
/// <c>collab</c> and <c>llm</c>.
/// </summary>
[Trait("Category", "Long")]
public sealed class PerfTests
{
    [Fact]
    public Task perf_tools_execute_smoke() =>
        RunAsync("tools", "/api/tools/execute", 200, 16, i => new { tool = "echo", input = new { message = $"{i}" } });

    [Fact]
    public Task perf_collab_execute_smoke() => RunAsync("collab", "/api/collab/execute", 150, 12, i => new { task = $"Explain the number {i}" });

    [Fact]
    public Task perf_llm_complete_smoke() => RunAsync("llm", "/api/llm/complete", 150, 8, i => new { prompt = $"What is spaced repetition? ({i})" });

    private static async Task RunAsync(string scenario, string route, int iterations, int concurrency, Func<int, object> body)
    {
        iterations = Setting($"GATEWAY_PERF_ITERATIONS_{scenario}", iterations);
        concurrency = Setting($"GATEWAY_PERF_CONCURRENCY_{scenario}", concurrency);
        await using var gateway = new GatewayProcess();
        await gateway.InitializeAsync();
        await gateway.SendAsync(HttpMethod.Post, route, body(-1)); // works at all; not measured

        var times = new ConcurrentBag<double>(); // milliseconds of successes
        var failures = new ConcurrentBag<string>();
        var started = Stopwatch.GetTimestamp();
        await Parallel.ForAsync(0, iterations, new ParallelOptions { MaxDegreeOfParallelism = concurrency }, async (i, cancellationToken) =>
        {
            var sent = Stopwatch.GetTimestamp();
            using var response = await gateway.Client.PostAsJsonAsync(route, body(i), cancellationToken);
            var text = await response.Content.ReadAsStringAsync(cancellationToken);
            if (response.IsSuccessStatusCode)
                times.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
            else
                failures.Add($"{(int)response.StatusCode} {text}");
        });
        var elapsed = Stopwatch.GetElapsedTime(started);

        var ascending = times.Order().ToArray();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"[perf] route={route} total={iterations} success={ascending.Length} avg_ms={ascending.DefaultIfEmpty(double.NaN).Average():0.00} " +
            $"p95_ms={Percentile(ascending, 95):0.00} p99_ms={Percentile(ascending, 99):0.00} throughput_rps={iterations / elapsed.TotalSeconds:0.0}"));
        failures.Distinct().Take(3).ShouldBeEmpty();
        ascending.Length.ShouldBe(iterations);
    }

    private static int Setting(string variable, int absent) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var value) && value > 0 ? value : absent;

    private static double Percentile(double[] ascending, int percent) =>
        ascending is [] ? double.NaN : ascending[Math.Min(ascending.Length - 1, ascending.Length * percent / 100)];
}
