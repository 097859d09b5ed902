using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json;

namespace Lyceum.Tests.Bench;

/// <summary>
/// Live sessions through the gateway: <c>idle</c> sockets that say nothing, and <c>talking</c> ones beside them. Lateness of token
/// i is its arrival minus (question sent + i/rate), over all tokens, as in <see cref="ChatBench"/>; measured before, while
/// refusals are asked for, and after. Memory is what the engine's resident set grew by, for each idle session with its socket.
/// </summary>
internal sealed class SessionBench(Target target, RunningSystem system, int idle, int talking) : IDisposable
{
    private const int Rate = 20;
    private const int Tokens = 60;
    private const int Turns = 4;
    private const int Refusals = 500;
    private const int AtOnce = 20;

    private readonly HttpClient _http = new()
    {
        BaseAddress = target.Url, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", target.Token) },
    };
    private readonly List<ClientWebSocket> _sockets = [];
    private int _tutor;

    public void Dispose()
    {
        _sockets.ForEach(socket => socket.Dispose());
        _http.Dispose();
    }

    public async Task<bool> RunAsync(TextWriter output, CancellationToken cancel)
    {
        using var made = await _http.PostAsJsonAsync("/api/tutors", new { name = "bench" }, cancel);
        _tutor = (await made.Content.ReadFromJsonAsync<JsonElement>(cancel)).GetProperty("id").GetInt32();
        var talkers = await OpenAsync(talking, cancel);
        await TalkAsync(talkers, 1_000_000, cancel); // loads code, fills pools

        var before = await ResidentAsync(cancel);
        var sleepers = await OpenAsync(idle, cancel);
        // A socket answers pings only while somebody reads from it.
        var hear = sleepers.Select(socket => socket.ReceiveAsync(new byte[64], cancel)).ToList();
        var after = await ResidentAsync(cancel);
        output.WriteLine(FormattableString.Invariant(
            $"[perf] sessions idle={sleepers.Count} beside={talkers.Count} engine_rss_kb_per_idle={(after - before) / 1024.0 / idle:0.0}"));

        await RefuseAsync(100, cancel); // loads code, too

        var faults = new List<string>();
        foreach (var phase in (string[])["before", "refusing", "after"])
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var refusing = phase == "refusing" ? RefuseAsync(Refusals, over.Token) : Task.FromResult<(double[] Create, double[] Upgrade)?>(null);
            var (late, wrong) = await TalkAsync(talkers, phase.Length * 1000, cancel);
            await over.CancelAsync();
            faults.AddRange(wrong);
            output.WriteLine(FormattableString.Invariant(
                $"[perf] sessions talking={talkers.Count} {phase} tokens={late.Length} lateness_ms_p50={late.Percentile(50):0.0} p99={late.Percentile(99):0.0} max={late[^1]:0.0}"));
            if (await refusing is var (create, upgrade))
            {
                output.WriteLine(FormattableString.Invariant(
                    $"[perf] sessions refused create_503={create.Length} ms_p50={create.Percentile(50):0.0} p99={create.Percentile(99):0.0} upgrade_404={upgrade.Length} ms_p50={upgrade.Percentile(50):0.0} p99={upgrade.Percentile(99):0.0}"));
            }
        }
        foreach (var heard in hear.Where(task => task.IsCompleted))
            faults.Add($"an idle socket heard something, or its end: {heard.Status} {heard.Exception?.InnerException?.Message}");
        faults.GroupBy(fault => fault).ToList().ForEach(group => output.WriteLine($"{group.Count()} x {group.Key}"));
        return faults.Count == 0;
    }

    private async Task<List<ClientWebSocket>> OpenAsync(int count, CancellationToken cancel)
    {
        var opened = new List<ClientWebSocket>();
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (i, stop) =>
        {
            using var made = await _http.PostAsJsonAsync($"/api/tutors/{_tutor}/sessions", new { student_id = i }, stop);
            made.EnsureSuccessStatusCode();
            var url = (await made.Content.ReadFromJsonAsync<JsonElement>(stop)).GetProperty("engine_url").GetString()!;
            var socket = new ClientWebSocket();
            socket.Options.AddSubProtocol("lyceum.v1");
            await socket.ConnectAsync(new Uri(url), stop);
            await socket.ReceiveAsync(new byte[4096], stop); // "session"
            lock (opened)
                opened.Add(socket);
        });
        _sockets.AddRange(opened);
        return opened;
    }

    private static async Task<(double[] LatenessMs, List<string> ValidationErrors)> TalkAsync(List<ClientWebSocket> sockets, long seed, CancellationToken cancel)
    {
        var heard = await Task.WhenAll(sockets.Select((socket, i) => TalkAsync(socket, seed + i, i * 3000 / sockets.Count, cancel)));
        return ([.. heard.SelectMany(h => h.LatenessMs).Order()], [.. heard.Select(h => h.Fault).OfType<string>()]);
    }

    private static async Task<(List<double> LatenessMs, string? Fault)> TalkAsync(ClientWebSocket socket, long seed, int afterMs, CancellationToken cancel)
    {
        var late = new List<double>();
        var buffer = new byte[16 * 1024];
        var text = new byte[16 * 1024];
        await Task.Delay(afterMs, cancel);
        for (var turn = 0; turn < Turns; turn++)
        {
            var check = new TokenCheck(seed, Tokens, unicode: true);
            var sent = Stopwatch.GetTimestamp();
            await socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { type = "text", content = $"[[stub tokens={Tokens} rate={Rate} seed={seed} unicode=1]]" }),
                WebSocketMessageType.Text, true, cancel);
            while (true)
            {
                var received = await socket.ReceiveAsync(buffer.AsMemory(), cancel);
                if (received.MessageType == WebSocketMessageType.Close)
                    return (late, $"closed: {socket.CloseStatusDescription}");
                var happened = JsonDocument.Parse(buffer.AsMemory(0, received.Count)).RootElement;
                var type = happened.GetProperty("type").GetString();
                if (type == "delta")
                    check.Take(text.AsSpan(0, System.Text.Encoding.UTF8.GetBytes(happened.GetProperty("content").GetString(), text)), Stopwatch.GetTimestamp());
                else if (type == "error")
                    return (late, happened.GetProperty("code").GetString());
                else if (type == "latency_report")
                    break;
            }
            if (check.Fault is not null || check.Received < Tokens)
                return (late, check.Fault ?? "tokens are missing");
            late.AddRange(check.LatenessMs(sent, Rate));
        }
        return (late, null);
    }

    /// <summary>Asks for what is refused, until told to stop: a session too many, and a socket with a wrong token.</summary>
    private async Task<(double[] Create, double[] Upgrade)?> RefuseAsync(int count, CancellationToken over)
    {
        var (create, upgrade) = (new List<double>(), new List<double>());
        var session = $"gpu-engine.{Guid.CreateVersion7()}";
        for (var i = 0; i < count && !over.IsCancellationRequested; i++)
        {
            var started = Stopwatch.GetTimestamp();
            using var created = await _http.PostAsJsonAsync($"/api/tutors/{_tutor}/sessions", new { student_id = i }, CancellationToken.None);
            if (created.StatusCode != HttpStatusCode.ServiceUnavailable)
                throw new InvalidDataException($"a session too many was answered {created.StatusCode}");
            create.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);

            using var request = new HttpRequestMessage(HttpMethod.Get, $"/ws/{session}?token=wrong")
            {
                Headers = { { "Upgrade", "websocket" }, { "Connection", "Upgrade" }, { "Sec-WebSocket-Version", "13" }, { "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==" } },
            };
            started = Stopwatch.GetTimestamp();
            using var refused = await _http.SendAsync(request, CancellationToken.None);
            if (refused.StatusCode != HttpStatusCode.NotFound)
                throw new InvalidDataException($"a socket of no session was answered {refused.StatusCode}");
            upgrade.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            await Task.Delay(20, CancellationToken.None);
        }
        return ([.. create.Order()], [.. upgrade.Order()]);
    }

    /// <summary>The engine's resident set in bytes, when it has been quiet for a moment.</summary>
    private async Task<long> ResidentAsync(CancellationToken cancel)
    {
        await Task.Delay(TimeSpan.FromSeconds(5), cancel);
        var pid = await system.PidAsync("gpu-engine", cancel);
        var line = (await File.ReadAllLinesAsync($"/proc/{pid}/status", cancel)).Single(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;
    }
}
