using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Lyceum.Tests.Bench;

/// <summary>
/// Many who ask how far their roadmaps are, through the gateway, while as many roadmaps as <c>making</c> are always being made:
/// an ended one is followed by another. Polls are sent when they are due, whatever became of those before.
/// </summary>
internal sealed class RoadmapBench(Target target, int making, int pollsPerSecond) : IDisposable
{
    private static readonly TimeSpan Lasts = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Warm = TimeSpan.FromSeconds(5); // not counted

    private readonly HttpClient _http = new()
    {
        BaseAddress = target.Url, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", target.Token) },
    };
    private readonly string[] _tasks = new string[making];
    private readonly ConcurrentQueue<double> _times = new();
    private readonly ConcurrentDictionary<string, int> _answers = new();
    private int _made;

    public void Dispose() => _http.Dispose();

    public async Task<bool> RunAsync(TextWriter output, CancellationToken cancel)
    {
        for (var i = 0; i < making; i++)
            _tasks[i] = await GenerateAsync(i, cancel);

        var count = (int)(Lasts.TotalSeconds * pollsPerSecond);
        var polls = new Task[count];
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++)
        {
            var due = TimeSpan.FromSeconds((double)i / pollsPerSecond) - Stopwatch.GetElapsedTime(begun);
            if (due > TimeSpan.Zero)
                await Task.Delay(due, cancel);
            polls[i] = PollAsync(i % making, Stopwatch.GetElapsedTime(begun) > Warm, cancel);
        }
        await Task.WhenAll(polls);
        var lasted = Stopwatch.GetElapsedTime(begun);
        var made = _made;
        var all = await EndAsync(cancel);

        double[] times = [.. _times.Order()];
        output.WriteLine(FormattableString.Invariant(
            $"[perf] roadmaps making={making} made={made} in_s={lasted.TotalSeconds:0.0} polls={times.Length} status_ms_p50={times.Percentile(50):0.0} p99={times.Percentile(99):0.0} max={times[^1]:0.0} answers={string.Join(',', _answers.Select(answer => $"{answer.Key}:{answer.Value}"))} all_completed={all}"));
        return all && _answers.Keys.All(answer => answer == "OK") && times.Percentile(99) <= 50;
    }

    private async Task<string> GenerateAsync(int number, CancellationToken cancel)
    {
        using var response = await _http.PostAsJsonAsync("/api/v1/roadmaps/generate", new
        {
            user_id = "bench", user_query = $"violin {number}",
            preferences = new { weekly_commitment_hours = 10, learning_style = new[] { "visual" }, primary_language = "en" },
        }, cancel);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonElement>(cancel)).GetProperty("task_id").GetString()!;
    }

    private async Task PollAsync(int slot, bool counts, CancellationToken cancel)
    {
        var task = _tasks[slot];
        var started = Stopwatch.GetTimestamp();
        using var response = await _http.GetAsync($"/api/v1/roadmaps/{task}/status", cancel);
        if (counts)
            _times.Enqueue(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        _answers.AddOrUpdate(response.StatusCode.ToString(), 1, (_, seen) => seen + 1);
        if (response.StatusCode != HttpStatusCode.OK
            || (await response.Content.ReadFromJsonAsync<JsonElement>(cancel)).GetProperty("status").GetString() != "completed")
            return;
        var next = await GenerateAsync(slot, cancel);
        // Another poll may have been faster; then there is one more being made than was asked for.
        if (ReferenceEquals(Interlocked.CompareExchange(ref _tasks[slot], next, task), task))
            Interlocked.Increment(ref _made);
    }

    /// <returns>Whether all that are still being made are completed.</returns>
    private async Task<bool> EndAsync(CancellationToken cancel)
    {
        foreach (var task in _tasks)
        {
            string? status;
            do
            {
                await Task.Delay(20, cancel);
                status = (await _http.GetFromJsonAsync<JsonElement>($"/api/v1/roadmaps/{task}/status", cancel)).GetProperty("status").GetString();
            }
            while (status is "queued" or "running");
            if (status != "completed")
                return false;
        }
        return true;
    }
}
