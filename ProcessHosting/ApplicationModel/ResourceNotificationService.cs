using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>What a wait does when nobody says it.</summary>
public sealed class ResourceNotificationServiceOptions
{
    public WaitBehavior DefaultWaitBehavior { get; set; }
}

/// <summary>The current snapshot of each resource, and those who watch them change.</summary>
public partial class ResourceNotificationService : IDisposable
{
    /// <summary>A watcher that is this many updates behind loses the oldest ones, never the newest.</summary>
    private const int WatcherCapacity = 10_000;

    private readonly ConcurrentDictionary<string, ResourceState> _states = new(ResourceName.Comparer);
    private readonly Lock _watchersLock = new();
    private readonly List<Channel<ResourceEvent>> _watchers = [];
    private readonly CancellationTokenSource _disposed = new();
    private readonly ILogger<ResourceNotificationService> _logger;
    private readonly IServiceProvider _services;
    private readonly ResourceLoggerService _loggers;
    private readonly WaitBehavior _defaultWaitBehavior;

    public ResourceNotificationService(
        ILogger<ResourceNotificationService> logger, IHostApplicationLifetime hostApplicationLifetime,
        IServiceProvider serviceProvider, ResourceLoggerService resourceLoggerService)
    {
        ArgumentNullException.ThrowIfNull(serviceProvider);
        (_logger, _services, _loggers) = (logger, serviceProvider, resourceLoggerService);
        _defaultWaitBehavior =
            serviceProvider.GetRequiredService<IOptions<ResourceNotificationServiceOptions>>().Value.DefaultWaitBehavior;
    }

    /// <summary>The current snapshot of every resource that has one, then every update.</summary>
    public async IAsyncEnumerable<ResourceEvent> WatchAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposed.Token);
        var channel = Channel.CreateBounded<ResourceEvent>(
            new BoundedChannelOptions(WatcherCapacity) { FullMode = BoundedChannelFullMode.DropOldest });
        lock (_watchersLock)
            _watchers.Add(channel);

        try
        {
            // Subscribed first, so that nothing falls between; what then comes twice is recognised by its version.
            var seen = new Dictionary<string, long>(ResourceName.Comparer);
            foreach (var (id, state) in _states)
            {
                if (state.Last is { } snapshot)
                {
                    seen[id] = snapshot.Version;
                    yield return new ResourceEvent(state.Resource, id, snapshot);
                }
            }

            await foreach (var update in channel.Reader.ReadAllAsync(ended.Token))
            {
                if (!seen.TryGetValue(update.ResourceId, out var version) || update.Snapshot.Version > version)
                    yield return update;
            }
        }
        finally
        {
            lock (_watchersLock)
                _watchers.Remove(channel);
        }
    }

    public bool TryGetCurrentState(string resourceId, [NotNullWhen(true)] out ResourceEvent? resourceEvent)
    {
        resourceEvent = _states.TryGetValue(resourceId, out var state) && state.Last is { } snapshot
            ? new ResourceEvent(state.Resource, resourceId, snapshot)
            : null;
        return resourceEvent is not null;
    }

    public Task PublishUpdateAsync(
        IResource resource, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        ArgumentNullException.ThrowIfNull(resource);
        return PublishUpdateAsync(resource, resource.Name, stateFactory);
    }

    public Task PublishUpdateAsync(
        IResource resource, string resourceId, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        ArgumentNullException.ThrowIfNull(stateFactory);

        var state = _states.GetOrAdd(resourceId, static (_, r) => new ResourceState(r), resource);
        lock (state.Lock)
        {
            var before = state.Last ?? InitialSnapshot(resource);
            var after = stateFactory(before) with { Version = before.Version + 1 };
            after = after with { Commands = [.. Commands(resource, after)] };
            if (after.State?.Text != KnownResourceStates.Waiting)
                after = after.WithProperty(KnownProperties.WaitingFor, null);
            state.Last = after;

            if (before.State?.Text != after.State?.Text)
                LogState(_logger, resource.Name, before.State?.Text, after.State?.Text);

            // Inside the lock: watchers see the updates of one resource in their order.
            var update = new ResourceEvent(resource, resourceId, after);
            lock (_watchersLock)
            {
                foreach (var watcher in _watchers)
                    watcher.Writer.TryWrite(update);
            }
        }

        return Task.CompletedTask;
    }

    public Task WaitForResourceAsync(
        string resourceName, string? targetState = null, CancellationToken cancellationToken = default)
        => WaitForResourceAsync(
            resourceName, [string.IsNullOrEmpty(targetState) ? KnownResourceStates.Running : targetState], cancellationToken);

    /// <returns>The state that was reached.</returns>
    public async Task<string> WaitForResourceAsync(
        string resourceName, IEnumerable<string> targetStates, CancellationToken cancellationToken = default)
    {
        var states = targetStates.ToHashSet(StringComparer.OrdinalIgnoreCase);
        var reached = await WaitForResourceAsync(
            resourceName, e => e.Snapshot.State is { } state && states.Contains(state.Text), cancellationToken);
        return reached.Snapshot.State!.Text;
    }

    /// <exception cref="OperationCanceledException">The wait was cancelled; its message says how the resource is.</exception>
    public async Task<ResourceEvent> WaitForResourceAsync(
        string resourceName, Func<ResourceEvent, bool> predicate, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(predicate);

        try
        {
            await foreach (var update in WatchAsync(cancellationToken))
            {
                if (ResourceName.Comparer.Equals(update.Resource.Name, resourceName) && predicate(update))
                    return update;
            }
        }
        catch (OperationCanceledException exception)
        {
            var state = TryGetCurrentState(resourceName, out var current) ? current.Snapshot : null;
            throw new OperationCanceledException(
                $"The wait for resource '{resourceName}' was cancelled; its state is {state?.State?.Text ?? "unknown"}, "
                + $"its health {state?.HealthStatus?.ToString() ?? "unknown"}.",
                exception, exception.CancellationToken);
        }

        throw new OperationCanceledException($"The wait for resource '{resourceName}' was cancelled.");
    }

    public Task<ResourceEvent> WaitForResourceHealthyAsync(
        string resourceName, CancellationToken cancellationToken = default)
        => WaitForResourceHealthyAsync(resourceName, _defaultWaitBehavior, cancellationToken);

    /// <summary>Waits until the resource runs, is healthy, and the handlers of <see cref="ResourceReadyEvent"/> are done.</summary>
    /// <exception cref="DistributedApplicationException">
    /// It ended or failed to start, or does not exist (with <see cref="WaitBehavior.StopOnResourceUnavailable"/>).
    /// </exception>
    public async Task<ResourceEvent> WaitForResourceHealthyAsync(
        string resourceName, WaitBehavior waitBehavior, CancellationToken cancellationToken = default)
    {
        var stop = waitBehavior == WaitBehavior.StopOnResourceUnavailable;
        if (stop && !_services.GetRequiredService<DistributedApplicationModel>().Resources.TryGetByName(resourceName, out _))
        {
            throw new DistributedApplicationException(
                $"Stopped waiting for resource '{resourceName}' to become healthy because it does not exist in the application model.");
        }

        var healthy = await WaitForResourceAsync(
            resourceName, e => IsReady(e.Snapshot) || (stop && IsUnavailable(e.Snapshot)), cancellationToken);
        if (!IsReady(healthy.Snapshot))
        {
            throw new DistributedApplicationException(
                $"Stopped waiting for resource '{resourceName}' to become healthy because it failed to start.");
        }

        await healthy.Snapshot.ReadyHandlers!.WaitAsync(cancellationToken);
        return healthy;
    }

    /// <summary>Waits for everything that the resource waits for; it is <see cref="KnownResourceStates.Waiting"/> meanwhile.</summary>
    /// <exception cref="DistributedApplicationException">Something it waits for will not come.</exception>
    public async Task WaitForDependenciesAsync(IResource resource, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(resource);

        var pending = resource.Annotations
            .OfType<WaitAnnotation>().Where(w => w.Resource is not IResourceWithoutLifetime).ToList();
        if (pending.Count == 0)
            return;

        await PublishWaitingAsync(resource, pending);
        await foreach (var done in Task.WhenEach(pending.ToList().Select(Wait)))
        {
            pending.Remove(await done);
            if (pending.Count > 0)
                await PublishWaitingAsync(resource, pending);
        }

        async Task<WaitAnnotation> Wait(WaitAnnotation wait)
        {
            await WaitForDependencyAsync(resource, wait, cancellationToken);
            return wait;
        }
    }

    public void Dispose()
    {
        _disposed.Cancel();
        _disposed.Dispose();
        GC.SuppressFinalize(this);
    }

    internal static bool IsTerminal(CustomResourceSnapshot snapshot)
        => snapshot.State is { } state && KnownResourceStates.TerminalStates.Contains(state.Text);

    private static bool IsReady(CustomResourceSnapshot snapshot)
        => snapshot.HealthStatus == HealthStatus.Healthy && snapshot.ReadyHandlers is not null;

    private static bool IsUnavailable(CustomResourceSnapshot snapshot)
        => IsTerminal(snapshot) || snapshot.State?.Text == KnownResourceStates.RuntimeUnhealthy;

    private async Task WaitForDependencyAsync(
        IResource resource, WaitAnnotation wait, CancellationToken cancellationToken)
    {
        var name = wait.Resource.Name;
        var logger = _loggers.GetLogger(resource);
        var stop = (wait.WaitBehavior ?? _defaultWaitBehavior) == WaitBehavior.StopOnResourceUnavailable;
        LogWaiting(logger, name, wait.WaitType);

        switch (wait.WaitType)
        {
            case WaitType.WaitUntilHealthy:
                var healthy = await WaitForResourceAsync(
                    name, e => IsReady(e.Snapshot) || (stop && IsUnavailable(e.Snapshot)), cancellationToken);
                if (!IsReady(healthy.Snapshot))
                    throw Unavailable(healthy.Snapshot);
                await healthy.Snapshot.ReadyHandlers!.WaitAsync(cancellationToken);
                break;

            case WaitType.WaitUntilStarted:
                var started = await WaitForResourceAsync(
                    name,
                    e => e.Snapshot.State?.Text == KnownResourceStates.Running || (stop && IsUnavailable(e.Snapshot)),
                    cancellationToken);
                if (started.Snapshot.State?.Text != KnownResourceStates.Running)
                    throw Unavailable(started.Snapshot);
                break;

            case WaitType.WaitForCompletion:
                var ended = await WaitForResourceAsync(name, e => IsTerminal(e.Snapshot), cancellationToken);
                if (ended.Snapshot.State?.Text == KnownResourceStates.FailedToStart)
                    throw Unavailable(ended.Snapshot);
                if (ended.Snapshot.ExitCode is { } code && code != wait.ExitCode)
                {
                    throw new DistributedApplicationException(
                        $"Resource '{resource.Name}' stopped waiting for dependency resource '{name}' because it entered "
                        + $"the '{ended.Snapshot.State?.Text}' state with exit code '{code}', expected '{wait.ExitCode}'.");
                }

                break;

            default:
                throw new DistributedApplicationException($"Unexpected wait type: {wait.WaitType}");
        }

        LogWaited(logger, name);

        DistributedApplicationException Unavailable(CustomResourceSnapshot snapshot) => new(
            $"Resource '{resource.Name}' stopped waiting for dependency resource '{name}' because it is in the state "
            + $"'{snapshot.State?.Text}'.");
    }

    private Task PublishWaitingAsync(IResource resource, IEnumerable<WaitAnnotation> pending)
    {
        string[] names = [.. pending.Select(w => w.Resource.Name).Distinct(ResourceName.Comparer)];
        return PublishUpdateAsync(resource, s => (s with { State = KnownResourceStates.Waiting })
            .WithProperty(KnownProperties.WaitingFor, names));
    }

    private static CustomResourceSnapshot InitialSnapshot(IResource resource)
    {
        var snapshot = resource.Annotations.OfType<ResourceSnapshotAnnotation>().LastOrDefault()?.InitialSnapshot
            ?? new CustomResourceSnapshot
            {
                ResourceType = resource.GetType().Name.Replace("Resource", "", StringComparison.Ordinal),
                Properties = [],
            };
        return snapshot with { CreationTimeStamp = snapshot.CreationTimeStamp ?? DateTime.UtcNow };
    }

    private IEnumerable<ResourceCommandSnapshot> Commands(IResource resource, CustomResourceSnapshot snapshot)
        => resource.Annotations.OfType<ResourceCommandAnnotation>().Select(command => new ResourceCommandSnapshot(
            command.Name,
            command.UpdateState(new UpdateCommandStateContext { ResourceSnapshot = snapshot, ServiceProvider = _services }),
            command.DisplayName, command.DisplayDescription, command.Parameter, command.ConfirmationMessage,
            command.IconName, command.IconVariant, command.IsHighlighted));

    [LoggerMessage(LogLevel.Debug, "Resource {Resource} changed state: {Before} -> {After}")]
    private static partial void LogState(ILogger logger, string resource, string? before, string? after);

    [LoggerMessage(LogLevel.Information, "Waiting for resource '{Dependency}' ({WaitType}).")]
    private static partial void LogWaiting(ILogger logger, string dependency, WaitType waitType);

    [LoggerMessage(LogLevel.Information, "Finished waiting for resource '{Dependency}'.")]
    private static partial void LogWaited(ILogger logger, string dependency);

    private sealed class ResourceState(IResource resource)
    {
        public Lock Lock { get; } = new();
        public IResource Resource { get; } = resource;

        /// <summary>Written under the lock; any thread reads it.</summary>
        public volatile CustomResourceSnapshot? Last;
    }
}
