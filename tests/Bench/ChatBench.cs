using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lyceum.Tests.Bench;

/// <summary>What is asked for.</summary>
/// <param name="Ramp">The streams' starts are spread evenly over this time.</param>
internal sealed record Load(BenchApi Api, int Streams, double Rate, int Tokens, TimeSpan Ramp, bool Unicode);

/// <summary>What came of it.</summary>
/// <param name="Bytes">UTF-8 bytes of answers that came in.</param>
internal sealed record BenchResult(string Line, bool AllGood, List<string> ValidationErrors, double LatenessP50, double LatenessP99, long Bytes);

/// <summary>
/// N answers at once from the stub model (which sends token i at i/rate after it was asked), through whatever stands
/// between. Measured in the client: <c>ttft</c>, from sending the request to the first token; <c>lateness</c> of token i,
/// its arrival minus (request sent + i/rate), over all tokens of all answers, so connecting, queueing and every hop's
/// delay count; <c>success</c>, answers whose text is exact and whose end says complete. Two hundred answers of 3 s before it
/// are not counted: they load code and open connections in every process on the way.
/// </summary>
internal sealed partial class ChatBench(Target target, Load load) : IDisposable
{
    private const int Warmup = 200;

    private readonly HttpClient _http = new(new SocketsHttpHandler { PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5) })
    {
        BaseAddress = target.Url,
        Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestHeaders = { Authorization = target.Token is null ? null : new AuthenticationHeaderValue("Bearer", target.Token) },
    };

    public void Dispose() => _http.Dispose();

    private string Route => load.Api is BenchApi.Chat ? "/chat" : "/v1/chat/completions";

    public async Task<BenchResult> RunAsync(CancellationToken cancel)
    {
        await WarmUpAsync(cancel);
        return await MeasureAsync(cancel);
    }

    public Task WarmUpAsync(CancellationToken cancel)
    {
        var warm = load with { Streams = Warmup, Tokens = 60, Rate = 20 };
        return Task.WhenAll(Enumerable.Range(0, Warmup).Select(i => StreamAsync(warm, 1_000_000 + i, TimeSpan.FromMilliseconds(20 * i), cancel)));
    }

    public async Task<BenchResult> MeasureAsync(CancellationToken cancel)
    {
        var start = Stopwatch.GetTimestamp();
        var answers = await Task.WhenAll(Enumerable.Range(0, load.Streams)
            .Select(i => StreamAsync(load, i, load.Ramp * i / load.Streams, cancel)));
        var elapsed = Stopwatch.GetElapsedTime(start);

        var good = answers.Where(answer => answer.Fault is null).ToList();
        var lateness = good.SelectMany(answer => answer.LatenessMs).Order().ToArray();
        var ttft = good.Select(answer => answer.LatenessMs[0]).Order().ToArray();
        var received = answers.Sum(answer => (long)answer.Received);
        var (p50, p99) = (lateness.Percentile(50), lateness.Percentile(99));
        var line = FormattableString.Invariant($"[perf] route={Route} total={answers.Length} success={good.Count} ") +
            FormattableString.Invariant($"ttft_ms_p50={ttft.Percentile(50):0.0} lateness_ms_p50={p50:0.0} ") +
            FormattableString.Invariant($"lateness_ms_p99={p99:0.0} ") +
            FormattableString.Invariant($"tokens_per_s={received / elapsed.TotalSeconds:0}");
        var faults = answers.Where(answer => answer.Fault is not null).GroupBy(answer => answer.Fault!)
            .Select(group => $"{group.Count()} x {group.Key}").ToList();
        return new BenchResult(line, good.Count == answers.Length, faults, p50, p99, answers.Sum(answer => answer.Bytes));
    }

    private sealed record Answer(string? Fault, int Received, long Bytes, double[] LatenessMs);

    private async Task<Answer> StreamAsync(Load asked, long seed, TimeSpan after, CancellationToken cancel)
    {
        await Task.Delay(after, cancel);
        var check = new AnswerCheck(asked.Api, seed, asked.Tokens, asked.Unicode);
        var sent = Stopwatch.GetTimestamp();
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, Route) { Content = Body(asked, seed) };
            request.Headers.Accept.ParseAdd("text/event-stream");
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
            if (!response.IsSuccessStatusCode)
            {
                // Ids and trace ids would make each fault one of its own: the code says enough.
                var code = Code().Match(await response.Content.ReadAsStringAsync(cancel)).Groups[1].Value;
                return new Answer($"status {(int)response.StatusCode} {code}", 0, 0, []);
            }
            await using var stream = await response.Content.ReadAsStreamAsync(cancel);
            await check.ReadAsync(stream, cancel);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
        {
            return new Answer(e.GetType().Name + ": " + e.Message, check.Tokens.Received, check.Tokens.Bytes, []);
        }
        return new Answer(check.Fault, check.Tokens.Received, check.Tokens.Bytes, [.. check.Tokens.LatenessMs(sent, asked.Rate)]);
    }

    private static StringContent Body(Load asked, long seed)
    {
        var text = FormattableString.Invariant(
            $"[[stub tokens={asked.Tokens} rate={asked.Rate} seed={seed} unicode={(asked.Unicode ? 1 : 0)}]]");
        object body = asked.Api is BenchApi.Chat
            ? new { message = text }
            : new { stream = true, messages = new[] { new { role = "user", content = text } } };
        return new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
    }

    [GeneratedRegex("\"code\":\\s*\"([a-z_]+)\"")]
    private static partial Regex Code();
}
