using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;

namespace Lyceum.Tests.Bench;

/// <summary>
/// Stopping an answer at the replica that does not write it: from sending <c>POST /chat/{id}/stop</c> until the model server
/// has no request any more, and until the response, whose length is compared with what the reader had seen.
/// </summary>
internal sealed class StopBench(IReadOnlyList<Uri> replicas, string identity, Uri model, int count) : IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(2);

    private readonly HttpClient _model = new() { BaseAddress = model };
    private readonly List<HttpClient> _clients = [.. replicas.Take(2).Select(url => new HttpClient
    {
        BaseAddress = url,
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", identity) },
    })];

    public void Dispose()
    {
        _clients.ForEach(client => client.Dispose());
        _model.Dispose();
    }

    /// <returns>The line to print.</returns>
    /// <exception cref="InvalidDataException">Less was saved than had been seen.</exception>
    public async Task<string> RunAsync(CancellationToken cancel)
    {
        if (_clients.Count < 2)
            throw new ArgumentException("two replicas of chat-api are needed: run.sh --replicas chat-api=2");
        var (freed, answered) = (new List<double>(), new List<double>());
        for (var i = -20; i < count; i++) // the first twenty load code
        {
            var (free, answer) = await StopAsync(cancel);
            if (i < 0)
                continue;
            freed.Add(free);
            answered.Add(answer);
        }
        double[] frees = [.. freed.Order()], answers = [.. answered.Order()];
        return FormattableString.Invariant($"[perf] stop other_replica stops={count} ") +
            FormattableString.Invariant($"engine_free_ms_p50={frees.Percentile(50):0.0} p99={frees.Percentile(99):0.0} max={frees[^1]:0.0} ") +
            FormattableString.Invariant($"response_ms_p50={answers.Percentile(50):0.0} p99={answers.Percentile(99):0.0} max={answers[^1]:0.0}");
    }

    private async Task<(double Freed, double Answered)> StopAsync(CancellationToken cancel)
    {
        (await _model.DeleteAsync("/stub/requests", cancel)).Dispose();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/chat")
        {
            Content = JsonContent.Create(new { message = "[[stub tokens=1000 rate=50]]" }),
        };
        using var response = await _clients[0].SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        response.EnsureSuccessStatusCode();
        var id = response.Headers.GetValues("Lyceum-Message-Id").Single();
        await using var stream = await response.Content.ReadAsStreamAsync(cancel);
        var seen = 0;
        await foreach (var item in SseParser.Create(stream).EnumerateAsync(cancel))
        {
            if (item.EventType != "delta")
                continue;
            using var data = JsonDocument.Parse(item.Data);
            seen += Encoding.UTF8.GetByteCount(data.RootElement.GetProperty("text").GetString()!);
            if (seen > 30)
                break;
        }

        var started = Stopwatch.GetTimestamp();
        var stop = StopAsync(id, started, cancel);
        while ((await _model.GetFromJsonAsync<JsonElement>("/stub/requests", cancel)).GetProperty("running").GetInt32() > 0)
            await Task.Delay(Look, cancel);
        var freed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        var (length, answered) = await stop;
        return length >= seen ? (freed, answered) : throw new InvalidDataException($"{seen} bytes seen, {length} saved");
    }

    private async Task<(int Length, double Milliseconds)> StopAsync(string id, long started, CancellationToken cancel)
    {
        using var response = await _clients[1].PostAsync($"/chat/{id}/stop", null, cancel);
        response.EnsureSuccessStatusCode();
        var length = (await response.Content.ReadFromJsonAsync<JsonElement>(cancel)).GetProperty("length").GetInt32();
        return (length, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }
}
