using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Lyceum.GpuEngine.Sessions.Transcripts;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>GpuEngine as a process of its own, which can be killed.</summary>
internal sealed class EngineProcess : IAsyncDisposable
{
    private readonly IdentityFolder _identity = new("gateway", "gpu-engine", "session-api");
    private readonly string _transcripts = Directory.CreateTempSubdirectory("lyceum-transcripts-").FullName;
    private readonly HttpClient _http = new();
    private Process? _process;

    public static async Task<EngineProcess> StartAsync(StubModelServer stub, params (string Key, string Value)[] environment)
    {
        var engine = new EngineProcess();
        try
        {
            await engine.RunAsync(stub, environment);
            return engine;
        }
        catch
        {
            await engine.DisposeAsync();
            throw;
        }
    }

    public async Task<SessionAddress> CreateAsync()
    {
        using var response = await _http.PostAsJsonAsync("/v1/sessions", new { tutor_id = 1, student_id = 1 }, TestContext.Current.CancellationToken);
        return SessionAddress.Of(await response.JsonAsync());
    }

    /// <summary>Where it listens.</summary>
    public List<Uri> Addresses { get; } = [];

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        _process!.Kill();
        _process.WaitForExit();
    }

    /// <summary>SIGTERM.</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{_process!.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Its exit code, once it has ended.</summary>
    public async Task<int> ExitedAsync()
    {
        await _process!.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Eventually.Limit);
        return _process.ExitCode;
    }

    /// <summary>Bytes of memory it occupies.</summary>
    public long ResidentBytes()
    {
        _process!.Refresh();
        return _process.WorkingSet64;
    }

    public List<LoggedTurn> Recorded() => TranscriptTests.Recorded(_transcripts);

    public ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            Kill();
        }
        _process?.Dispose();
        _http.Dispose();
        _identity.Dispose();
        Directory.Delete(_transcripts, recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task RunAsync(StubModelServer stub, (string Key, string Value)[] environment)
    {
        string[] listen = environment.Any(setting => setting.Key == "MANAGEMENT_API_PORT") ? [] : ["--urls", "http://127.0.0.1:0"];
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "GpuEngine.dll"), .. listen])
        {
            RedirectStandardOutput = true, WorkingDirectory = AppContext.BaseDirectory,
        };
        foreach (var (key, value) in _identity.Settings("gpu-engine"))
        {
            start.Environment[key.Replace(":", "__")] = value;
        }
        start.Environment["Llm__Endpoint"] = stub.Endpoint;
        start.Environment["Engine__Transcripts__Folder"] = _transcripts;
        start.Environment["Logging__LogLevel__Microsoft.Hosting.Lifetime"] = "Information";
        start.Environment["Logging__Console__FormatterName"] = "simple";
        foreach (var (key, value) in environment)
        {
            start.Environment[key] = value;
        }
        _process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        const string Marker = "Now listening on: ";
        while (await _process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.IndexOf(Marker, StringComparison.Ordinal) is >= 0 and var at)
            {
                Addresses.Add(new Uri(line[(at + Marker.Length)..].Trim()));
            }
            else if (line.Contains("Application started", StringComparison.Ordinal))
            {
                break;
            }
        }
        Addresses.ShouldNotBeEmpty("the engine did not start");
        _http.BaseAddress = Addresses[0];
        // What it says from now on is of no interest, but has to go somewhere.
        _ = _process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Bearer", _identity.Token("session-api", sub: "session-api", kind: "service", scope: "sessions", act: "ada"));
    }
}
