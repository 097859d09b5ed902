using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Knowledge;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.SessionApi.Tests.Documents;

/// <summary>A hostile file costs its own reading, whose time and memory are bounded, and nothing else.</summary>
public sealed class HostileFilesTests(ITestOutputHelper output)
{
    private const long MostMemory = 1024 * 1024; // KiB of one reader: its heap's 768 MiB and the runtime

    private static readonly CancellationToken Test = TestContext.Current.CancellationToken;

    [Fact]
    public Task HostileFiles_ASample_AreReadOrRejected_WithinTimeAndMemory() =>
        AllAsync(Enumerable.Range(0, HostileFile.Count / 5).Where(i => i % 2 == 0), TimeSpan.FromSeconds(4));

    [Fact]
    [Trait("Category", "Long")]
    public Task HostileFiles_All_AreReadOrRejected_WithinTimeAndMemory() =>
        AllAsync(Enumerable.Range(0, HostileFile.Count), new KnowledgeOptions().MaxFileReadingTime);

    private async Task AllAsync(IEnumerable<int> numbers, TimeSpan limit)
    {
        Assert.SkipUnless(Directory.Exists("/proc/self"), "reads /proc");
        using var reader = new DocumentReader(Options.Create(new KnowledgeOptions { MaxFileReadingTime = limit }));
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(Test);
        var memory = WatchAsync(watching.Token);
        var results = new ConcurrentQueue<(int Number, string Kind, string Result, TimeSpan Took)>();
        await Parallel.ForEachAsync(numbers, new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = Test }, async (number, cancel) =>
        {
            var file = HostileFile.Of(number);
            var (result, started) = ("", Stopwatch.GetTimestamp());
            try
            {
                var read = await reader.ReadFileAsync(file.MediaType, "lesson", file.Content, cancel);
                result = $"read: {read.Passages.Count}";
            }
            catch (ProblemException e) when (e.Status == 400)
            {
                result = e.Code;
            }
            catch (ReaderDiedException e)
            {
                result = e.Message;
            }
            results.Enqueue((number, $"{file.Kind} {DocumentFiles.KindOf(file.MediaType)}", result, Stopwatch.GetElapsedTime(started)));
        });
        await watching.CancelAsync();
        var most = await memory;
        foreach (var (number, kind, result, took) in results.OrderBy(r => r.Number))
            output.WriteLine($"{number,3} {kind,-40} {result,-28} {took.TotalSeconds:0.00} s");
        output.WriteLine($"largest reader: {most / 1024} MiB; slowest: {results.Max(r => r.Took).TotalSeconds:0.0} s");

        results.Where(r => !r.Result.StartsWith("document_", StringComparison.Ordinal) && !r.Result.StartsWith("read:", StringComparison.Ordinal))
            .ShouldBeEmpty();
        // Most of the time is the machine's, where it is busy: only what is never reached is asserted.
        results.Max(r => r.Took).ShouldBeLessThan(limit + TimeSpan.FromSeconds(5));
        most.ShouldBeInRange(1, MostMemory);
    }

    /// <returns>KiB of the largest reader seen.</returns>
    private static async Task<long> WatchAsync(CancellationToken cancellationToken)
    {
        long most = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            foreach (var folder in Directory.GetDirectories("/proc"))
            {
                if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out _))
                    continue;
                try
                {
                    var parent = File.ReadAllText($"{folder}/stat").Split(") ")[^1].Split(' ')[1];
                    if (parent != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
                        || !File.ReadAllText($"{folder}/cmdline").Contains(DocumentProgram.Command, StringComparison.Ordinal))
                        continue;
                    var peak = File.ReadLines($"{folder}/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
                    most = Math.Max(most, long.Parse(peak.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture));
                }
                catch (Exception e) when (e is IOException or InvalidOperationException or UnauthorizedAccessException)
                {
                    // It ended meanwhile.
                }
            }
            await Task.Delay(50, CancellationToken.None);
        }
        return most;
    }
}
