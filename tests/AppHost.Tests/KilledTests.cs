using System.Diagnostics;
using System.Net.Http.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.AppHost;

/// <summary>A system that run.sh started, and the death of what holds it together.</summary>
[Trait("Category", "Long")]
public sealed class KilledTests : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);

    private readonly TemporaryFolder folder = new();
    private readonly int port = FreePort();
    private string? model; // address of the model server; null: the engine's built-in answerer

    public async ValueTask DisposeAsync()
    {
        await RunAsync("stop", "--data", folder.Path);
        folder.Dispose();
    }

    [Theory]
    [InlineData("AppHost", 25)]
    [InlineData("run-controllers", 10)] // the half of the orchestrator that starts and stops processes
    [InlineData("start-apiserver", 10)] // the half that AppHost talks to
    public async Task System_WhoseHolderIsKilled_LeavesNothingBehind(string holder, int seconds)
    {
        await StartAsync();

        Kill(holder);

        await GoneAsync(TimeSpan.FromSeconds(seconds));
    }

    [Fact]
    public async Task System_WhoseHoldersAreAllKilled_StartsAgainOnItsData()
    {
        await StartAsync();

        Kill("AppHost");
        Kill("run-controllers");
        Kill("start-apiserver");
        Kill("monitor-process");

        await StartAsync(); // cleans up what is left
        (await RunAsync("status", "--data", folder.Path)).ShouldBe(0);
    }

    [Fact]
    public async Task Stop_Idle_IsOrderlyWithinEightSeconds()
    {
        await StartAsync();
        var stopping = Stopwatch.StartNew();

        (await RunAsync("stop", "--data", folder.Path)).ShouldBe(0);

        stopping.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(8));
        Processes().ShouldBeEmpty();
        await NothingWasKilledAsync();
    }

    [Fact]
    public async Task Stop_UnderFiftyStreams_IsOrderlyWithinFourteenSeconds()
    {
        await using var stub = await StubModelServer.StartAsync();
        model = stub.Endpoint;
        await StartAsync();
        using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}") };
        http.DefaultRequestHeaders.Authorization = new("Bearer", (await File.ReadAllTextAsync(folder.PathOf("dev-token"))).Trim());
        var streams = await Task.WhenAll(Enumerable.Range(0, 50).Select(seed => OpenAsync(http, seed)));
        var stopping = Stopwatch.StartNew();

        (await RunAsync("stop", "--data", folder.Path)).ShouldBe(0);

        stopping.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(14));
        Processes().ShouldBeEmpty();
        await NothingWasKilledAsync();
        Array.ForEach(streams, stream => stream.Dispose());
    }

    [Fact]
    public async Task Stop_OfAServiceThatDoesNotReact_SaysThatItWasKilled()
    {
        await StartAsync();
        var (pid, _) = Processes().Single(process => process.CommandLine.Contains("/RoadmapWorker", StringComparison.Ordinal)
            && !process.CommandLine.Contains("monitor-process", StringComparison.Ordinal));
        using (var pause = Process.Start("kill", ["-STOP", $"{pid}"]))
            await pause.WaitForExitAsync();

        (await RunAsync("stop", "--data", folder.Path)).ShouldBe(0);

        Processes().ShouldBeEmpty();
        (await LogAsync()).ShouldContain("roadmap-worker ended with exit code");
    }

    private static async Task<HttpResponseMessage> OpenAsync(HttpClient http, int seed)
    {
        using var question = new HttpRequestMessage(HttpMethod.Post, "/chat")
        {
            Content = JsonContent.Create(new { message = $"[[stub tokens=1000 rate=20 seed={seed}]]" }),
        };
        var response = await http.SendAsync(question, HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        return response;
    }

    private async Task NothingWasKilledAsync()
    {
        var log = await LogAsync();
        log.ShouldNotContain("SIGKILL", Case.Insensitive);
        log.ShouldNotContain("did not stop in order");
        log.ShouldNotContain("ended with exit code");
    }

    private Task<string> LogAsync() => File.ReadAllTextAsync(folder.PathOf("logs", "apphost.log"));

    private async Task StartAsync() =>
        (await RunAsync("--detach", "--no-build", "--port", $"{port}", "--data", folder.Path)).ShouldBe(0);

    private async Task<int> RunAsync(params string[] arguments)
    {
        using var run = Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "run.sh"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["Lyceum__Containers"] = "false",
                ["Llm__Endpoint"] = model,
                ["Llm__Model"] = model is null ? null : "stub",
            },
        })!;
        // Read to its end by nobody: what it started keeps the pipe open.
        run.OutputDataReceived += static (_, _) => { };
        run.ErrorDataReceived += static (_, _) => { };
        run.BeginOutputReadLine();
        run.BeginErrorReadLine();
        using var limit = new CancellationTokenSource(StartLimit);
        while (!run.HasExited)
            await Task.Delay(50, limit.Token);
        return run.ExitCode;
    }

    private async Task GoneAsync(TimeSpan limit)
    {
        var waiting = Stopwatch.StartNew();
        while (Processes() is { Count: > 0 } left)
        {
            waiting.Elapsed.ShouldBeLessThan(limit, "still there: " + string.Join(", ", left.Select(process => process.CommandLine)));
            await Task.Delay(200);
        }
    }

    private void Kill(string program)
    {
        foreach (var (pid, _) in Processes().Where(process => process.CommandLine.Contains(program, StringComparison.Ordinal)))
        {
            using var kill = Process.Start("kill", ["-KILL", $"{pid}"]);
            kill.WaitForExit();
        }
    }

    /// <summary>Everything that was started with this data folder, by the variable that run.sh gives to AppHost.</summary>
    private List<(int Pid, string CommandLine)> Processes()
    {
        var mark = $"LYCEUM_DATA={folder.Path}";
        List<(int, string)> found = [];
        foreach (var entry in Directory.EnumerateDirectories("/proc"))
        {
            try
            {
                if (int.TryParse(Path.GetFileName(entry), out var pid) && File.ReadAllText($"{entry}/environ").Split('\0').Contains(mark)
                    && File.ReadAllText($"{entry}/cmdline").Replace('\0', ' ') is { Length: > 0 } commandLine)
                    found.Add((pid, commandLine));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // gone meanwhile, or another account's
            }
        }
        return found;
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
