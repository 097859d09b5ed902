using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;

namespace Lyceum.Tests.Bench.Retrieval;

/// <summary>
/// How good the search is (<see cref="RetrievalEvaluation"/>), and how its time grows: with so many passages in a knowledge base,
/// with nine more of that size beside it, and with ten times as many in it. Words are as frequent as in a language: the tenth most
/// frequent stands in most passages, most words in few.
/// </summary>
internal sealed class RetrievalBench(Uri url, Func<string> token, int passages) : IDisposable
{
    private const int Words = 20_000;
    private const int WordsOfAPassage = 60;
    private const int PassagesOfADocument = 2_000;
    private const int Questions = 300;

    private readonly HttpClient _http = new() { BaseAddress = url, Timeout = TimeSpan.FromMinutes(5) };
    private readonly Random _random = new(1);
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];

    public void Dispose() => _http.Dispose();

    public async Task<bool> RunAsync(TextWriter output, CancellationToken cancel)
    {
        var scores = await new RetrievalEvaluation().RunAsync(_http, token(), $"evaluation-{_run}", cancel);
        foreach (var score in scores)
            await output.WriteLineAsync(FormattableString.Invariant(
                $"[perf] retrieval of=\"{score.Of}\" questions={score.Questions} recall@5={score.RecallAt5:0.000} mrr={score.Mrr:0.000}"));
        if (passages == 0)
            return true;

        await FillAsync("first", passages, cancel);
        await MeasureAsync("first", cancel); // warms
        var alone = await MeasureAsync("first", cancel);
        for (var i = 0; i < 9; i++)
            await FillAsync($"beside-{i}", passages, cancel);
        var beside = await MeasureAsync("first", cancel);
        await FillAsync("first", 9 * passages, cancel);
        var within = await MeasureAsync("first", cancel);
        foreach (var (name, p50, p99) in new[] { ("alone", alone.P50, alone.P99), ("10x persons", beside.P50, beside.P99), ("10x passages", within.P50, within.P99) })
            await output.WriteLineAsync(FormattableString.Invariant(
                $"[perf] retrieval passages={passages} {name} search_ms_p50={p50:0.0} p99={p99:0.0} growth_p99={p99 / alone.P99:0.00}"));
        return beside.P99 < 2 * alone.P99 && within.P99 < 2 * alone.P99;
    }

    private async Task FillAsync(string name, int count, CancellationToken cancel)
    {
        using var made = await SendAsync(HttpMethod.Put, name, "", new StringContent("{}", MediaTypeHeaderValue.Parse("application/json")), cancel);
        for (var done = 0; done < count; done += PassagesOfADocument)
        {
            var text = new StringBuilder();
            for (var i = 0; i < Math.Min(PassagesOfADocument, count - done); i++)
                text.Append("# ").Append(Word()).Append('\n').AppendJoin(' ', Enumerable.Range(0, WordsOfAPassage).Select(_ => Word())).Append("\n\n");
            using var content = new StringContent(text.ToString(), Encoding.UTF8, "text/markdown");
            using var sent = await SendAsync(HttpMethod.Post, name, $"/documents?name={Guid.NewGuid():N}.md", content, cancel);
        }
    }

    private async Task<(double P50, double P99)> MeasureAsync(string name, CancellationToken cancel)
    {
        var random = new Random(7);
        var times = new List<double>();
        for (var i = 0; i < Questions; i++)
        {
            // As questions are: some common words, a few rare ones; one in five of common ones alone.
            var question = string.Join(' ', Enumerable.Range(0, 8).Select(j => i % 5 == 0 || j < 4 ? $"w{random.Next(1, 40)}x" : $"w{random.Next(40, Words)}x"));
            var started = Stopwatch.GetTimestamp();
            using var found = await SendAsync(HttpMethod.Get, name, $"/search?limit=6&q={Uri.EscapeDataString(question)}", null, cancel);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        double[] ascending = [.. times.Order()];
        return (ascending.Percentile(50), ascending.Percentile(99));
    }

    /// <summary>Zipf's law.</summary>
    private string Word() => $"w{(int)Math.Pow(Words, _random.NextDouble())}x";

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string name, string path, HttpContent? content, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, $"/api/kb/bench-{_run}-{name}{path}") { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token());
        return (await _http.SendAsync(request, cancel)).EnsureSuccessStatusCode();
    }
}
