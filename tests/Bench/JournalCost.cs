namespace Lyceum.Tests.Bench;

/// <summary>
/// What it costs to make text durable before it is shown: the same load on two ChatApi processes that differ in the
/// journal alone, turn by turn so that what else goes on on the machine meets both. Both are asked directly.
/// </summary>
internal sealed class JournalCost(RunningSystem system, Load load, int runs)
{
    public async Task<int> RunAsync(TextWriter output, CancellationToken cancel)
    {
        await using var on = await ChatApiHost.StartAsync(system, journal: true, cancel);
        await using var off = await ChatApiHost.StartAsync(system, journal: false, cancel);
        var (with, without) = (new List<BenchResult>(), new List<BenchResult>());
        for (var i = 0; i < runs; i++)
        {
            await MeasureAsync(on, "on", with);
            await MeasureAsync(off, "off", without);
        }

        var (p50, p99) = (Added(result => result.LatenessP50), Added(result => result.LatenessP99));
        await output.WriteLineAsync(FormattableString.Invariant(
            $"[perf] journal runs={runs} added_lateness_ms_p50={p50:0.0} added_lateness_ms_p99={p99:0.0} (medians, on - off)"));
        return with.Concat(without).All(result => result.AllGood) ? 0 : 1;

        async Task MeasureAsync(ChatApiHost host, string journal, List<BenchResult> results)
        {
            using var bench = new ChatBench(new Target(host.Url, system.Identity()), load);
            var result = await bench.RunAsync(cancel);
            results.Add(result);
            await output.WriteLineAsync($"{result.Line} journal={journal}");
            result.ValidationErrors.ForEach(output.WriteLine);
        }

        double Added(Func<BenchResult, double> figure) => with.Select(figure).Median() - without.Select(figure).Median();
    }
}
