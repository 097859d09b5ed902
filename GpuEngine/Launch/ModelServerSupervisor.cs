using System.ComponentModel;
using System.Globalization;
using Lyceum.GpuEngine.Upstream;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Launch;

/// <summary>
/// Keeps the model server running. One loop: start it, watch it until it ends or has to be stopped, wait, again. The
/// next run begins when all processes of the last one have ended, so there are never two.
/// </summary>
internal sealed partial class ModelServerSupervisor(
    ModelServer server, ModelServerLog output, HealthProbe probe, IOptions<LaunchOptions> launch, IOptions<LlmOptions> llm,
    TimeProvider time, ILogger<ModelServerSupervisor> log) : BackgroundService
{
    private static readonly TimeSpan LoadingInterval = TimeSpan.FromSeconds(1);

    /// <summary>Lines of the last run in the health report.</summary>
    private const int LastWords = 5;

    private readonly LaunchOptions _options = launch.Value;

    /// <summary>Why a run ended.</summary>
    /// <param name="Reason">For the metric.</param>
    private sealed record End(string Reason, string Trouble);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var backoff = new Backoff(_options);
        for (var restarts = 0; ; restarts++)
        {
            var before = output.Last;
            var address = ServerAddress.Choose(llm.Value.Endpoint);
            TimeSpan? ready = null;
            var end = await RunAsync(address, restarts, started => ready = started, stoppingToken);
            var wait = backoff.After(ready is { } since ? Now() - since : TimeSpan.Zero);
            server.Ended(end.Reason);
            LogRestarting(log, end.Trouble, wait.TotalSeconds);
            output.Add($"{end.Trouble}; started again in {wait.TotalSeconds:0.##} s", "engine");
            server.State = new ServerState(ServerPhase.Waiting, time.GetUtcNow(), Restarts: restarts, Trouble: end.Trouble,
                LastWords: output.Tail(LastWords, before), RetryAt: time.GetUtcNow() + wait);
            await Task.Delay(wait, time, stoppingToken);
        }
    }

    /// <summary>One run, from its start until all its processes have ended.</summary>
    private async Task<End> RunAsync(Uri address, int restarts, Action<TimeSpan> onReady, CancellationToken stop)
    {
        if (ServerAddress.IsTaken(address))
            return new End("not_started", $"port {address.Port} is taken by another program");
        var last = server.State;
        var loading = new ServerState(
            ServerPhase.Loading, time.GetUtcNow(), address, Restarts: restarts, Trouble: last.Trouble, LastWords: last.LastWords);
        ModelProcess process;
        try
        {
            process = ModelProcess.Start(Command(address), (line, isError) => output.Add(line, isError ? "stderr" : "stdout"));
        }
        catch (Exception e) when (e is Win32Exception or IOException)
        {
            return new End("not_started", $"it cannot be started: {e.Message}");
        }
        server.State = loading;

        using var watching = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task<End>? watch = null;
        var end = new End("stopped", "the engine is stopping");
        try
        {
            var pid = await process.Pid.WaitAsync(stop);
            LogStarted(log, pid, address);
            server.State = loading with { Pid = pid };
            watch = WatchAsync(address, onReady, watching.Token);
            await Task.WhenAny(process.Exited, watch);
            return end = process.Exited.IsCompleted
                ? new End("exited", $"it ended with exit code {(await process.Exited).ToString(CultureInfo.InvariantCulture)}")
                : await watch;
        }
        finally
        {
            // Only one task at a time writes the state.
            await watching.CancelAsync();
            await ((Task?)watch ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!process.Exited.IsCompleted)
            {
                server.State = server.State with { Phase = ServerPhase.Ending, Since = time.GetUtcNow(), Trouble = end.Trouble };
                process.End();
            }
            await process.Exited;
        }
    }

    /// <summary>Checks its health until it has to be stopped, and returns why.</summary>
    private async Task<End> WatchAsync(Uri address, Action<TimeSpan> onReady, CancellationToken cancel)
    {
        var (started, ready, failures) = (Now(), false, 0);
        while (true)
        {
            var interval = ready || _options.HealthInterval < LoadingInterval ? _options.HealthInterval : LoadingInterval;
            await Task.Delay(interval, time, cancel);
            var unhealthy = await probe.AskAsync(address, cancel);
            if (unhealthy is null)
            {
                failures = 0;
                if (!ready)
                {
                    ready = true;
                    onReady(Now());
                    server.State = server.State with { Phase = ServerPhase.Ready, Since = time.GetUtcNow(), Trouble = null, LastWords = null };
                    LogReady(log, (Now() - started).TotalSeconds);
                }
            }
            else if (!ready && Now() - started >= _options.StartTimeout)
            {
                return new End(
                    "start_timeout", $"it was not ready within {_options.StartTimeout.TotalSeconds:0.#} s: {unhealthy}");
            }
            else if (ready)
            {
                LogUnhealthy(log, unhealthy, ++failures, _options.HealthFailures);
                if (failures >= _options.HealthFailures)
                    return new End("hung", $"it failed {failures} health checks in a row: {unhealthy}");
            }
        }
    }

    private ModelCommand Command(Uri address)
    {
        var port = address.Port.ToString(CultureInfo.InvariantCulture);
        string Place(string text) => text.Replace(LaunchOptions.PortPlaceholder, port, StringComparison.Ordinal);
        return new ModelCommand(
            [.. _options.Command.Select(Place)], _options.WorkingDirectory,
            _options.Environment.ToDictionary(variable => variable.Key, variable => Place(variable.Value)), _options.StopTimeout);
    }

    /// <summary>Monotonic.</summary>
    private TimeSpan Now() => time.GetElapsedTime(0);

    [LoggerMessage(Level = LogLevel.Information, Message = "Model server started: pid {Pid}, address {Address}")]
    private static partial void LogStarted(ILogger log, int? pid, Uri address);

    [LoggerMessage(Level = LogLevel.Information, Message = "Model server is ready after {Seconds:0.0} s")]
    private static partial void LogReady(ILogger log, double seconds);

    [LoggerMessage(LogLevel.Warning, "Model server failed a health check ({Failures} of {Limit}): {Reason}")]
    private static partial void LogUnhealthy(ILogger log, string reason, int failures, int limit);

    [LoggerMessage(LogLevel.Error, "Model server ended: {Trouble}; it is started again in {Seconds:0.0} s")]
    private static partial void LogRestarting(ILogger log, string trouble, double seconds);
}
