using System.Collections.Immutable;
using System.Globalization;
using Lyceum.AppHost.Infrastructure;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Lyceum.AppHost.Supervision;

/// <summary>
/// Watches every resource. One that ended without being told to is started again after a <see cref="Backoff"/>; every
/// change is written to <see cref="StateFile"/>.
/// </summary>
/// <remarks>
/// It begins before the resources start, because starting them ends only when every one of them runs: a server that
/// dies on the way needs it most. The two loops share <see cref="watched"/>, and only under its lock.
/// </remarks>
internal sealed partial class Supervisor(
    ResourceNotificationService notifications,
    ResourceCommandService commands,
    IHostApplicationLifetime lifetime,
    StateFile stateFile,
    IConfiguration configuration,
    TimeProvider time,
    ILogger<Supervisor> logger) : IHostedLifecycleService, IDisposable
{
    // Children of a resource's process appear without a notification; state.json learns of them at the next tick.
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);
    internal const string PidProperty = "executable.pid"; // Aspire's name for it

    private readonly TimeSpan settled = configuration.GetValue("Lyceum:SettledAfter", Backoff.Settled);
    private readonly SortedDictionary<string, Watched> watched = new(StringComparer.Ordinal);
    private bool wasHealthy;
    private bool closed;
    private CancellationTokenSource? stopping;
    private Task loops = Task.CompletedTask;

    private sealed class Watched(Backoff backoff)
    {
        public required ResourceEvent Latest { get; set; }
        public string? ConnectionString { get; set; }
        public Backoff Backoff { get; } = backoff;
        public bool ToldToStop { get; set; }
        public bool RestartPending { get; set; }
        public int Restarts { get; set; }
    }

    public Task StartingAsync(CancellationToken cancellationToken)
    {
        // What dies after ApplicationStopping was told to.
        stopping = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping);
        loops = Task.WhenAll(WatchAsync(stopping.Token), KeepStateFileAsync(stopping.Token));
        return Task.CompletedTask;
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (stopping is not null)
            await stopping.CancelAsync();
        await loops.WaitAsync(cancellationToken);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        // Whoever has disposed of the application may delete its folder: from here on nothing is written there.
        lock (watched)
            closed = true;
        stopping?.Dispose();
    }

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        List<Task> restarts = [];
        try
        {
            await foreach (var change in notifications.WatchAsync(cancellationToken))
            {
                // What is queued already comes without a look at the token.
                cancellationToken.ThrowIfCancellationRequested();
                if (change.Snapshot.IsHidden || change.Resource is ParameterResource)
                    continue;
                if (Observe(change) is { } delay)
                {
                    restarts.RemoveAll(restart => restart.IsCompleted);
                    restarts.Add(RestartAsync(change.Resource.Name, change.ResourceId, delay, cancellationToken));
                }
                await ReadConnectionStringAsync(change, cancellationToken);
                WriteState();
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            LogEnd(logger);
        }
        await Task.WhenAll(restarts);
    }

    /// <summary>Takes note of a change; returns after what time the resource is to be started again, if it is.</summary>
    private TimeSpan? Observe(ResourceEvent change)
    {
        lock (watched)
        {
            if (!watched.TryGetValue(change.ResourceId, out var entry))
                watched[change.ResourceId] = entry = new Watched(new Backoff(time, settled)) { Latest = change };
            entry.Latest = change;

            var state = change.Snapshot.State?.Text;
            if (state == KnownResourceStates.Stopping)
                entry.ToldToStop = true;
            else if (state == KnownResourceStates.Starting || state == KnownResourceStates.Running)
                entry.ToldToStop = false;
            if (state == KnownResourceStates.Running)
                entry.Backoff.Running();

            var died = KnownResourceStates.TerminalStates.Contains(state) && !entry.ToldToStop;
            // Only what has endpoints is a server; a connection string cannot be started.
            if (!died || entry.RestartPending || change.Resource is not IResourceWithEndpoints)
                return null;
            entry.RestartPending = true;
            return entry.Backoff.Died();
        }
    }

    private async Task RestartAsync(string name, string resourceId, TimeSpan delay, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                LogDied(logger, name, delay.TotalSeconds);
                await Task.Delay(delay, time, cancellationToken);
                if (!BeginRestart(resourceId))
                    return;
                var result = await commands.ExecuteCommandAsync(resourceId, KnownResourceCommands.StartCommand, cancellationToken);
                if (result.Success)
                    return;
                LogNotStarted(logger, name, result.Message);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                LogStopping(logger, name);
                return;
            }
            catch (Exception e)
            {
                LogFailed(logger, name, e);
            }

            // Refused, and so without a notification that would bring us back here.
            lock (watched)
            {
                var entry = watched[resourceId];
                if (entry.RestartPending)
                    return; // it died once more meanwhile: another restart is on its way
                entry.RestartPending = true;
                delay = entry.Backoff.Died();
            }
        }
    }

    /// <summary>False when somebody has started it meanwhile, or stopped it for good.</summary>
    private bool BeginRestart(string resourceId)
    {
        lock (watched)
        {
            var entry = watched[resourceId];
            entry.RestartPending = false;
            if (entry.ToldToStop || !KnownResourceStates.TerminalStates.Contains(entry.Latest.Snapshot.State?.Text))
                return false;
            entry.Restarts++;
            return true;
        }
    }

    private async Task ReadConnectionStringAsync(ResourceEvent change, CancellationToken cancellationToken)
    {
        if (change.Snapshot.State?.Text != KnownResourceStates.Running)
            return; // its endpoints may not be known yet
        var expression = change.Resource is IResourceWithConnectionString resource
            ? resource.ConnectionStringExpression
            : change.Resource.Annotations.OfType<ServerConnectionString>().FirstOrDefault()?.Value;
        if (expression is null)
            return;
        string? connectionString;
        try
        {
            connectionString = await expression.GetValueAsync(cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogNoConnectionString(logger, change.Resource.Name, e);
            return;
        }
        lock (watched)
            watched[change.ResourceId].ConnectionString = connectionString;
    }

    private async Task KeepStateFileAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Tick, time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
                WriteState();
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            WriteState();
        }
    }

    private void WriteState()
    {
        lock (watched)
        {
            if (closed)
                return;
            var processes = ProcessTree.ByParent();
            var resources = watched.Values.Select(entry => Describe(entry, processes)).ToArray();
            var running = resources.All(resource => resource.State == KnownResourceStates.Running);
            var healthy = resources.All(resource => resource.Health is null or "healthy");
            wasHealthy |= resources.Length > 0 && running && healthy;
            var status =
                lifetime.ApplicationStopping.IsCancellationRequested ? "stopping"
                : !wasHealthy ? "starting"
                : running && healthy ? "healthy"
                : "degraded";
            try
            {
                stateFile.Write(status, resources);
            }
            catch (IOException e)
            {
                LogStateNotWritten(logger, e); // a full disk stops no service
            }
        }
    }

    private static ResourceState Describe(Watched entry, ILookup<int, int> processes)
    {
        var (resource, snapshot) = (entry.Latest.Resource, entry.Latest.Snapshot);
        var known = snapshot.Properties.FirstOrDefault(property => property.Name == PidProperty)?.Value;
        var started = snapshot.State?.Text is { } state && !KnownResourceStates.TerminalStates.Contains(state)
            && int.TryParse(Convert.ToString(known, CultureInfo.InvariantCulture), CultureInfo.InvariantCulture, out var pid)
            ? pid
            : (int?)null;
        // With its direct children: the script that runs a server and the server, or a service and what it started.
        // Grandchildren (a database's workers) come and go and belong to their parents.
        int[] pids = started is { } parent && ProcessTree.Exists(parent) ? [parent, .. processes[parent].Order()] : [];
        return new ResourceState(
            resource.Name,
            snapshot.ResourceType.ToLowerInvariant(),
            snapshot.State?.Text ?? "Unknown",
            snapshot.HealthStatus?.ToString().ToLowerInvariant(),
            pids.Length > 1 && ProcessTree.IsDotnetRun(pids[0]) ? pids[1] : pids.Length > 0 ? pids[0] : null,
            pids,
            snapshot.Urls.IsDefault ? [] : [.. snapshot.Urls.Where(url => !url.IsInternal).Select(url => url.Url).Where(IsAddress)],
            entry.ConnectionString,
            entry.Restarts);
    }

    // The dashboard's links to single pages are no addresses.
    private static bool IsAddress(string url) => Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.AbsolutePath.Length <= 1;

    [LoggerMessage(LogLevel.Warning, "{Resource} ended unexpectedly; it is started again in {Seconds} s")]
    private static partial void LogDied(ILogger logger, string resource, double seconds);

    [LoggerMessage(LogLevel.Error, "{Resource} was not started: {Message}")]
    private static partial void LogNotStarted(ILogger logger, string resource, string? message);

    [LoggerMessage(LogLevel.Error, "{Resource} could not be started again")]
    private static partial void LogFailed(ILogger logger, string resource, Exception exception);

    [LoggerMessage(LogLevel.Warning, "the connection string of {Resource} is not known")]
    private static partial void LogNoConnectionString(ILogger logger, string resource, Exception exception);

    [LoggerMessage(LogLevel.Debug, "the system is stopping; what ends now was told to")]
    private static partial void LogEnd(ILogger logger);

    [LoggerMessage(LogLevel.Debug, "{Resource} stays down: the system is stopping")]
    private static partial void LogStopping(ILogger logger, string resource);

    [LoggerMessage(LogLevel.Error, "state.json could not be written")]
    private static partial void LogStateNotWritten(ILogger logger, Exception exception);
}
