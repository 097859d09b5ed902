using System.Diagnostics.Metrics;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lyceum.GpuEngine.Launch;

/// <summary>Where the model server is in its life.</summary>
internal enum ServerPhase
{
    /// <summary>It runs and loads.</summary>
    Loading,

    /// <summary>It runs and is healthy.</summary>
    Ready,

    /// <summary>It is being stopped.</summary>
    Ending,

    /// <summary>It does not run; it is started at <see cref="ServerState.RetryAt"/>.</summary>
    Waiting,
}

/// <summary>The model server at one moment.</summary>
/// <param name="Since">When the phase began.</param>
/// <param name="Address">Base of its API, while it runs.</param>
/// <param name="Pid">Its first process, while it runs.</param>
/// <param name="Restarts">How often it was started again.</param>
/// <param name="Trouble">Why the last run ended; null once it is ready.</param>
/// <param name="LastWords">The last lines of that run's output.</param>
/// <param name="RetryAt">When it is started again.</param>
internal sealed record ServerState(
    ServerPhase Phase, DateTimeOffset Since, Uri? Address = null, int? Pid = null, int Restarts = 0,
    string? Trouble = null, string? LastWords = null, DateTimeOffset? RetryAt = null);

/// <summary>
/// The model server's state. Only <see cref="ModelServerSupervisor"/> writes <see cref="State"/>; requests, health and
/// metrics read it.
/// </summary>
internal sealed class ModelServer : IHealthCheck
{
    /// <summary>Seconds after which to retry while it loads, which may take minutes.</summary>
    private const int LoadingRetry = 5;

    private readonly TimeProvider _time;
    private readonly Counter<long> _restarts;
    private volatile ServerState _state;

    public ModelServer(TimeProvider time, IMeterFactory meters)
    {
        _time = time;
        _state = new ServerState(ServerPhase.Waiting, time.GetUtcNow());
        var meter = meters.Create(EngineMetrics.Name);
        meter.CreateObservableGauge(
            "lyceum.engine.model_server.up", () => _state.Phase is ServerPhase.Ready ? 1 : 0, description: "1 while the model server that the engine started is ready");
        _restarts = meter.CreateCounter<long>(
            "lyceum.engine.model_server.restarts", "{restart}", "Ends of the model server by reason: exited, hung, start_timeout, not_started");
    }

    public ServerState State
    {
        get => _state;
        set => _state = value;
    }

    /// <summary>Counts an unexpected end.</summary>
    public void Ended(string reason) => _restarts.Add(1, new KeyValuePair<string, object?>("reason", reason));

    /// <summary>Base address of its API.</summary>
    /// <exception cref="ApiException">503 <c>model_loading</c>: it is not ready.</exception>
    public Uri Address()
    {
        var state = _state;
        return state is { Phase: ServerPhase.Ready, Address: { } address }
            ? address
            : throw new ApiException(ApiError.Server(503, "model_loading", Brief(state) + "; try again later.", RetryAfter(state)));
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var state = _state;
        var description = Describe(state) + (state.LastWords is { Length: > 0 } words ? $"; its last words: {words}" : "");
        return Task.FromResult(state.Phase is ServerPhase.Ready ? HealthCheckResult.Healthy(description) : HealthCheckResult.Degraded(description));
    }

    /// <summary>For callers: why the last run ended may name programs, folders and ports.</summary>
    private string Brief(ServerState state) => Describe(state with { Trouble = null });

    /// <summary>For operators; nothing of the server's output is in it.</summary>
    private string Describe(ServerState state)
    {
        var trouble = state.Trouble is null ? "" : $" (start {state.Restarts + 1}; before, {state.Trouble})";
        return state.Phase switch
        {
            ServerPhase.Ready => $"The model server is ready (pid {state.Pid}, {state.Restarts} restarts)",
            ServerPhase.Loading => $"The model server has been loading for {Seconds(_time.GetUtcNow() - state.Since)} s{trouble}",
            ServerPhase.Ending => $"The model server is being ended{(state.Trouble is null ? "" : $": {state.Trouble}")}",
            _ when state.Trouble is null => "The model server is about to be started",
            _ => $"The model server does not run: {state.Trouble}; it is started again in {Wait(state)} s",
        };
    }

    private int RetryAfter(ServerState state) => state.Phase is ServerPhase.Waiting ? Math.Max(LoadingRetry, Wait(state) + 1) : LoadingRetry;

    private int Wait(ServerState state) => Math.Max(0, Seconds((state.RetryAt ?? state.Since) - _time.GetUtcNow()));

    private static int Seconds(TimeSpan time) => (int)Math.Ceiling(time.TotalSeconds);
}
