using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Lyceum.EngineClient;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.Gateway.Tests.Proxy;

/// <summary>
/// 64 streams of 50 events a second while 2,000 short requests a second pass and configuration and engines change: no frame is lost, no
/// request fails, and memory does not grow. <c>LYCEUM_SOAK_SECONDS</c> (20; the real one is 600).
/// </summary>
public sealed class StreamSoakTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Streams = 64;
    private const int Workers = 16;
    private const double RequestsPerSecond = 2000;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);

    private readonly IdentityFolder _identity = new("gateway", "chat-api", "gpu-engine", "session-api");
    private readonly CancellationTokenSource _ticking = new();
    private TestService _chat = null!;
    private Backend _sessions = null!;
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _sessions = await Backend.StartAsync(_identity, "session-api");
        _chat = await TestService.StartAsync(_identity, "chat-api", map: app =>
        {
            app.MapGet("/chat", () => "ok");
            app.MapGet("/api/conversations/ticks", TickAsync);
        });
        _gateway = TestGateway.Start(_identity, new(
            [.. TestGateway.Reference("chat-api", _chat.Address), .. TestGateway.Reference("session-api", _sessions.Address)]));
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _chat.DisposeAsync();
        await _sessions.DisposeAsync();
        _ticking.Dispose();
        _identity.Dispose();
    }

    /// <summary>Numbered events until it is told to end, and how many there were.</summary>
    private async Task TickAsync(HttpContext http)
    {
        http.Response.ContentType = "text/event-stream";
        using var timer = new PeriodicTimer(Tick);
        var number = 0;
        for (; !_ticking.IsCancellationRequested; number++)
        {
            await http.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"data: {number}\n\n"), http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await timer.WaitForNextTickAsync(http.RequestAborted);
        }
        await http.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"data: end {number}\n\n"), http.RequestAborted);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task StreamsUnderLoadAndReloads_LoseNoFrame_AndMemoryStaysFlat()
    {
        var seconds = double.Parse(Environment.GetEnvironmentVariable("LYCEUM_SOAK_SECONDS") ?? "20", CultureInfo.InvariantCulture);
        var streams = Enumerable.Range(0, Streams).Select(_ => ReadAsync()).ToList();
        using var ending = new CancellationTokenSource();
        var requests = Enumerable.Range(0, Workers).Select(_ => AskAsync(ending.Token)).ToList();
        var reloads = ReloadAsync(ending.Token);

        var samples = await WatchMemoryAsync(TimeSpan.FromSeconds(seconds));

        await ending.CancelAsync();
        var asked = (await Task.WhenAll(requests)).Sum();
        var reloaded = await reloads;
        await _ticking.CancelAsync();
        var frames = (await Task.WhenAll(streams)).Sum();

        // The first half is for code to be compiled and pools to fill.
        var (slope, error) = Slope(samples[(samples.Count / 2)..]);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{seconds:0} s: {frames} frames ({frames / seconds / Streams:0.0}/s each), {asked} requests ({asked / seconds:0}/s), {reloaded} reloads; heap {samples[^1].Bytes / 1e6:0.0} MB, slope {slope / 1e3:0.0} ± {error / 1e3:0.0} kB/s over the last half"));
        frames.ShouldBeGreaterThan(Streams * 10);
        reloaded.ShouldBeGreaterThan(2);
        // Indistinguishable from none (95 %), or less than a 50th of the heap in the time watched.
        (slope - error <= 0 || slope * seconds / 2 < samples[^1].Bytes / 50.0).ShouldBeTrue($"the heap grows by {slope:0} ± {error:0} bytes a second");
    }

    private async Task<long> ReadAsync()
    {
        using var response = await _gateway.GetAsync("/api/conversations/ticks");
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        for (long next = 0; ; next++)
        {
            var line = (await reader.ReadLineAsync()).ShouldNotBeNull("a stream broke off");
            (await reader.ReadLineAsync()).ShouldBe("");
            if (line.StartsWith("data: end ", StringComparison.Ordinal))
            {
                line.ShouldBe($"data: end {next}");
                return next;
            }
            line.ShouldBe($"data: {next}");
        }
    }

    private async Task<long> AskAsync(CancellationToken ending)
    {
        var (begun, asked) = (Stopwatch.GetTimestamp(), 0L);
        while (!ending.IsCancellationRequested)
        {
            using var response = await _gateway.GetAsync("/chat");
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            asked++;
            var ahead = (asked * Workers / RequestsPerSecond) - Stopwatch.GetElapsedTime(begun).TotalSeconds;
            if (ahead > 0.001)
                await Task.Delay(TimeSpan.FromSeconds(ahead), CancellationToken.None);
        }
        return asked;
    }

    private async Task<int> ReloadAsync(CancellationToken ending)
    {
        var rounds = 0;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        while (!ending.IsCancellationRequested)
        {
            rounds++;
            _gateway.Configure(configuration => configuration["limits"] = new JsonObject
            {
                ["default_max_tokens"] = 1000 + rounds,
                ["rate"] = new JsonArray(new JsonObject { ["rate"] = 100_000 + rounds }),
            });
            // One engine at a time, each on another port.
            _sessions.Engines.Clear();
            _sessions.Engines.Enqueue(new EngineAnnouncement($"engine-{rounds % 5}", Guid.NewGuid(), new Uri($"http://127.0.0.1:{9000 + (rounds % 5)}"), null, 1, 0, null));
            await timer.WaitForNextTickAsync(ending).AsTask().ContinueWith(_ => { }, TaskScheduler.Default);
        }
        return rounds;
    }

    private static async Task<List<(double Seconds, long Bytes)>> WatchMemoryAsync(TimeSpan time)
    {
        const int count = 40;
        var (begun, samples) = (Stopwatch.GetTimestamp(), new List<(double, long)>());
        for (var i = 0; i < count; i++)
        {
            await Task.Delay(time / count, TestContext.Current.CancellationToken);
            samples.Add((Stopwatch.GetElapsedTime(begun).TotalSeconds, GC.GetTotalMemory(forceFullCollection: true)));
        }
        return samples;
    }

    /// <summary>Bytes a second by least squares, and half of its 95 % interval.</summary>
    private static (double Slope, double Error) Slope(List<(double Seconds, long Bytes)> samples)
    {
        double x = samples.Average(sample => sample.Seconds), y = samples.Average(sample => sample.Bytes);
        var spread = samples.Sum(sample => (sample.Seconds - x) * (sample.Seconds - x));
        var slope = samples.Sum(sample => (sample.Seconds - x) * (sample.Bytes - y)) / spread;
        var residual = samples.Sum(sample => Math.Pow(sample.Bytes - y - (slope * (sample.Seconds - x)), 2));
        return (slope, 2.1 * Math.Sqrt(residual / (samples.Count - 2) / spread)); // Student's t for 18 degrees of freedom
    }
}
