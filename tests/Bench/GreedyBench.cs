using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json;

namespace Lyceum.Tests.Bench;

/// <summary>
/// One greedy tenant in each way of <see cref="Greed"/>, and another tenant's chat, live session, tool call and signed
/// request beside it: none may be refused. Their times are compared with those beside the same load sent to a dummy, so
/// that what the generator itself costs the machine is not counted; the runs alternate.
/// </summary>
internal sealed class GreedyBench(Uri gateway, TimeSpan length, int runs, string[] ways) : IDisposable
{
    private readonly HttpClient _greedy = Client(gateway, "greedy");
    private readonly HttpClient _other = Client(gateway, "other");

    /// <summary>Of API tokens in the bench's gateway.</summary>
    public static string TokenOf(string tenant) => $"{tenant}-shows-this-0123456789abcdef";

    public void Dispose()
    {
        _greedy.Dispose();
        _other.Dispose();
    }

    public async Task<bool> RunAsync(TextWriter output, CancellationToken cancel)
    {
        var log = Path.Combine(Path.GetTempPath(), $"lyceum-greed-{Environment.ProcessId}.log");
        await using var dummy = await StartAsync([Greed.Dummy], log, cancel);
        var dummyUrl = new Uri((await File.ReadAllTextAsync(log, cancel)).Split('\n').First(line => line.StartsWith("listening on ", StringComparison.Ordinal))[13..]);
        var (tutor, answer) = await PrepareAsync(_greedy, dummyUrl, isGreedy: true, cancel);
        var (own, _) = await PrepareAsync(_other, dummyUrl, isGreedy: false, cancel);
        await MeasureAsync(own, TimeSpan.FromSeconds(5), cancel); // loads code, fills pools

        var good = true;
        foreach (var way in ways)
        {
            var (beside, alone) = (new List<Dictionary<string, double>>(), new List<Dictionary<string, double>>());
            for (var run = 0; run < runs; run++)
            {
                alone.Add(await BesideAsync(way, dummyUrl));
                beside.Add(await BesideAsync(way, gateway));
            }
            foreach (var kind in beside[0].Keys)
            {
                var (with, without) = (beside.Select(run => run[kind]).Median(), alone.Select(run => run[kind]).Median());
                // Below a few milliseconds it is the machine's noise.
                var fits = with <= 2 * Math.Max(without, 5);
                good &= fits;
                output.WriteLine(FormattableString.Invariant(
                    $"[perf] greedy way={way} other={kind} p99_ms={with:0.0} beside_dummy_ms={without:0.0} ratio={with / without:0.00}{(fits ? "" : " MORE THAN TWICE")}"));
            }

            async Task<Dictionary<string, double>> BesideAsync(string load, Uri target)
            {
                await using var greed = await StartAsync(
                    [Greed.Command, "--way", load, "--url", target.ToString(), "--tutor", $"{tutor}", "--answer", answer], log, cancel);
                await Task.Delay(TimeSpan.FromSeconds(3), cancel); // it has what it gets
                var (p99, refused) = await MeasureAsync(own, length, cancel);
                foreach (var group in refused.GroupBy(fault => fault))
                    output.WriteLine($"way={load} at {(target == gateway ? "system" : "dummy")}: {group.Count()} x {group.Key}");
                good &= refused.Count == 0;
                return p99;
            }
        }
        return good;
    }

    /// <summary>The other tenant's four kinds of work, each one after the other, for as long as it takes.</summary>
    private async Task<(Dictionary<string, double> P99Ms, List<string> Refused)> MeasureAsync(int tutor, TimeSpan time, CancellationToken cancel)
    {
        var refused = new ConcurrentBag<string>();
        var until = Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency);
        var kinds = await Task.WhenAll(
            RepeatAsync("chat", () => ReadAsync(Greed.Post("/chat", new { message = "[[stub tokens=5 rate=0]]" }))),
            RepeatAsync("session", () => SessionAsync(tutor, cancel)),
            RepeatAsync("tool", () => ReadAsync(Greed.Post("/api/tools/execute", new { tool = "quick", input = new { } }))),
            RepeatAsync("signed", () => ReadAsync(Greed.Signed(new(HttpMethod.Get, "/api/tools"), "other", ""))));
        return (kinds.ToDictionary(kind => kind.Kind, kind => kind.P99), [.. refused]);

        async Task<(string Kind, double P99)> RepeatAsync(string kind, Func<Task> work)
        {
            var times = new List<double>();
            while (Stopwatch.GetTimestamp() < until)
            {
                var started = Stopwatch.GetTimestamp();
                try
                {
                    await work();
                }
                catch (Exception e) when (!cancel.IsCancellationRequested)
                {
                    refused.Add($"{kind}: {e.Message}");
                }
                times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                await Task.Delay(20, cancel);
            }
            return (kind, times.Order().ToArray().Percentile(99));
        }

        async Task ReadAsync(HttpRequestMessage request)
        {
            using (request)
            {
                using var response = await _other.SendAsync(request, cancel);
                if (!response.IsSuccessStatusCode)
                    throw new HttpRequestException($"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync(cancel)}");
            }
        }
    }

    private async Task SessionAsync(int tutor, CancellationToken cancel)
    {
        using var made = await _other.SendAsync(Greed.Post($"/api/tutors/{tutor}/sessions", new { student_id = 1 }), cancel);
        var session = await made.Content.ReadFromJsonAsync<JsonElement>(cancel);
        if (!made.IsSuccessStatusCode)
            throw new HttpRequestException($"{(int)made.StatusCode} {session}");
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("lyceum.v1");
        await socket.ConnectAsync(new Uri(session.GetProperty("engine_url").GetString()!), cancel);
        await socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { type = "text", content = "[[stub tokens=5 rate=0]]" }), WebSocketMessageType.Text, true, cancel);
        for (var buffer = new byte[16 * 1024]; ;)
        {
            var received = await socket.ReceiveAsync(buffer.AsMemory(), cancel);
            if (received.MessageType == WebSocketMessageType.Close)
                throw new HttpRequestException($"closed: {socket.CloseStatusDescription}");
            var happened = JsonDocument.Parse(buffer.AsMemory(0, received.Count)).RootElement;
            if (happened.GetProperty("type").GetString() is "error")
                throw new HttpRequestException(happened.ToString());
            if (happened.GetProperty("type").GetString() is "latency_report")
                break;
        }
        using var deleted = await _other.DeleteAsync($"/api/sessions/{session.GetProperty("session_id").GetString()}", cancel);
    }

    /// <summary>A tutor, tools, and an answer to be read.</summary>
    private static async Task<(int Tutor, string Answer)> PrepareAsync(HttpClient http, Uri dummy, bool isGreedy, CancellationToken cancel)
    {
        using var made = await http.SendAsync(Greed.Post("/api/tutors", new { name = "bench" }), cancel);
        var tutor = (await made.Content.ReadFromJsonAsync<JsonElement>(cancel)).GetProperty("id").GetInt32();
        object Tool(string name, string path) => new
        {
            name, kind = "http", description = "d", input_schema = true, max_concurrency = 256, http = new { method = "GET", url = new Uri(dummy, path).ToString() },
        };
        var tools = new List<object> { Tool("quick", "/quick") };
        if (isGreedy)
        {
            tools.Add(Tool("hangs", "/hang"));
            tools.AddRange(Enumerable.Range(0, 100).Select(i => (object)new
            {
                name = $"refused-{i}", kind = "mcp", description = "d", input_schema = true,
                mcp = new { url = $"http://10.0.0.{i}/mcp", definition_digest = $"sha256:{new string('0', 64)}" },
            }));
        }
        using var offered = await http.SendAsync(Greed.Post("/api/config/tools", new { version = Guid.NewGuid().ToString("N"), manifests = tools, activate = true }), cancel);
        if (!offered.IsSuccessStatusCode)
            throw new InvalidOperationException(await offered.Content.ReadAsStringAsync(cancel));
        using var asked = await http.SendAsync(
            Greed.Post("/chat", new { message = "[[stub tokens=1000 rate=5]]" }), HttpCompletionOption.ResponseHeadersRead, cancel);
        return (tutor, asked.Headers.GetValues("Lyceum-Message-Id").Single());
    }

    private static async Task<Child> StartAsync(string[] arguments, string log, CancellationToken cancel)
    {
        await File.WriteAllTextAsync(log, "", cancel);
        return await Child.StartAsync(
            "nice", ["-n", "19", Environment.ProcessPath!, .. arguments], [], log,
            async () => arguments[0] != Greed.Dummy || (await File.ReadAllTextAsync(log)).Contains("listening on ", StringComparison.Ordinal), cancel);
    }

    private static HttpClient Client(Uri gateway, string tenant) => new()
    {
        BaseAddress = gateway, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", TokenOf(tenant)) },
    };
}
