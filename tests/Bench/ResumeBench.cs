using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.Bench;

/// <summary>
/// Coming back to a 100 kB answer: the time from sending <c>GET /chat/{id}/stream</c> to its first whole delta, in the
/// replica that writes the answer and in another one, asked directly; while the answer is being written and after its end.
/// A tenth of the cursors is 0, a tenth close to the end, the others random; every byte that comes is checked.
/// </summary>
internal sealed class ResumeBench(IReadOnlyList<Uri> replicas, string identity, int count) : IDisposable
{
    private const int Tokens = 10_000; // a little more than 100 kB
    private const long Seed = 100;

    // A journal row for nearly every token, as of a real model's answer, yet 100 kB in less than a minute.
    private const double RunningRate = 200;
    private const int RunningTokens = 40_000;

    private static readonly int[] Concurrencies = [1, 8];
    private static readonly string[] Places = ["same_replica", "other_replica"];

    private readonly byte[] _text = Encoding.UTF8.GetBytes(StubText.Text(Seed, RunningTokens, unicode: false));
    private readonly int _size = Encoding.UTF8.GetByteCount(StubText.Text(Seed, Tokens, unicode: false));
    private readonly List<HttpClient> _clients = [.. replicas.Take(2).Select(url => new HttpClient(
        // A reader of a running answer leaves at once: drained, it would go on reading for two seconds.
        new SocketsHttpHandler { MaxResponseDrainSize = 0 })
    {
        BaseAddress = url,
        Timeout = TimeSpan.FromMinutes(2),
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", identity) },
    })];

    public void Dispose() => _clients.ForEach(client => client.Dispose());

    /// <returns>The lines to print.</returns>
    /// <exception cref="InvalidDataException">A byte was not as expected.</exception>
    public async IAsyncEnumerable<string> RunAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        if (_clients.Count < 2)
            throw new ArgumentException("two replicas of chat-api are needed: run.sh --replicas chat-api=2");

        foreach (var running in (bool[])[true, false])
        {
            using var answer = await AskAsync(running, cancel);
            var id = answer.Headers.GetValues("Lyceum-Message-Id").Single();
            await ReadAsync(answer, 0, running, cancel);
            for (var place = 0; place < Places.Length; place++)
            {
                await MeasureAsync(id, running, place, concurrency: 8, cancel); // code loaded, connections open
                foreach (var concurrency in Concurrencies)
                {
                    var times = await MeasureAsync(id, running, place, concurrency, cancel);
                    yield return FormattableString.Invariant($"[perf] resume bytes={_size} answer={(running ? "running" : "ended")} ") +
                        FormattableString.Invariant($"{Places[place]} concurrency={concurrency} resumes={times.Length} ") +
                        FormattableString.Invariant($"first_delta_ms_p50={times.Percentile(50):0.0} p99={times.Percentile(99):0.0} max={times[^1]:0.0}");
                }
            }
            (await _clients[0].PostAsync($"/chat/{id}/stop", null, cancel)).Dispose();
        }
    }

    /// <summary>Has the first replica write an answer.</summary>
    private async Task<HttpResponseMessage> AskAsync(bool running, CancellationToken cancel)
    {
        var message = FormattableString.Invariant(
            $"[[stub tokens={(running ? RunningTokens : Tokens)} rate={(running ? RunningRate : 0)} seed={Seed}]]");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/chat") { Content = JsonContent.Create(new { message }) };
        var response = await _clients[0].SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        return response.EnsureSuccessStatusCode();
    }

    /// <returns>Milliseconds, ascending.</returns>
    private async Task<double[]> MeasureAsync(string id, bool running, int place, int concurrency, CancellationToken cancel)
    {
        var random = new Random(1);
        var cursors = Enumerable.Range(0, count).Select(i => (i % 10) switch
        {
            0 => 0,
            1 => _size - 1 - random.Next(100),
            _ => random.Next(_size - 1),
        }).ToArray();
        var times = new double[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = concurrency, CancellationToken = cancel }, async (i, cancel) =>
        {
            var sent = Stopwatch.GetTimestamp();
            using var response = await _clients[place].GetAsync(
                $"/chat/{id}/stream?after={cursors[i]}", HttpCompletionOption.ResponseHeadersRead, cancel);
            response.EnsureSuccessStatusCode();
            times[i] = Stopwatch.GetElapsedTime(sent, await ReadAsync(response, cursors[i], running, cancel)).TotalMilliseconds;
        });
        return [.. times.Order()];
    }

    /// <summary>Reads from <paramref name="cursor"/> to the end; of a running answer at least what was there to resume.</summary>
    /// <returns>When the first delta was there.</returns>
    private async Task<long> ReadAsync(HttpResponseMessage response, int cursor, bool running, CancellationToken cancel)
    {
        var first = 0L;
        await using var stream = await response.Content.ReadAsStreamAsync(cancel);
        await foreach (var item in SseParser.Create(stream).EnumerateAsync(cancel))
        {
            if (item.EventType != "delta")
                continue;
            first = first == 0 ? Stopwatch.GetTimestamp() : first;
            using var data = JsonDocument.Parse(item.Data);
            var text = Encoding.UTF8.GetBytes(data.RootElement.GetProperty("text").GetString()!);
            if (!_text.AsSpan(cursor).StartsWith(text))
                throw new InvalidDataException($"wrong text at byte {cursor}");
            cursor += text.Length;
            if (running && cursor >= _size)
                return first;
        }
        return cursor == _size ? first : throw new InvalidDataException($"{cursor} of {_size} bytes");
    }
}
