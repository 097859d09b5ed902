using System.Collections.Immutable;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Aspire.Hosting.Lifecycle;
using Aspire.Hosting.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Orchestration;

/// <summary>Brings the described application to life, and down again.</summary>
internal sealed partial class Orchestrator(
    DistributedApplicationModel model, IServiceProvider services, IDistributedApplicationEventing eventing,
    ResourceNotificationService notifications, ResourceLoggerService loggers,
    DistributedApplicationExecutionContext execution, EndpointAllocator endpoints, OrphanWatchdog watchdog,
    ILogger<Orchestrator> logger) : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new();
    private ImmutableDictionary<IResource, ProcessRunner> _runners = ImmutableDictionary<IResource, ProcessRunner>.Empty;
    private Task? _stopped;

    /// <summary>Returns when every resource that should start has started, or failed to.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // 1. Last changes to the model.
        foreach (var subscriber in services.GetServices<IDistributedApplicationEventingSubscriber>())
            await subscriber.SubscribeAsync(eventing, execution, cancellationToken);
        await eventing.PublishAsync(new BeforeStartEvent(services, model), cancellationToken);

        // 2. Whoever is about to start waits first; handlers that the AppHost subscribed run before that.
        eventing.Subscribe<BeforeResourceStartedEvent>((e, ct) => _runners.TryGetValue(e.Resource, out var runner)
            ? runner.WaitForDependenciesAsync(ct)
            : notifications.WaitForDependenciesAsync(e.Resource, ct));

        // 3. From here on the model is fixed: every process gets its runner and its commands, every resource its snapshot.
        _runners = model.Resources.Where(IsProcess)
            .ToImmutableDictionary(r => r, r => new ProcessRunner(r, ChildrenOf(r), services, watchdog));
        foreach (var resource in model.Resources)
        {
            if (_runners.ContainsKey(resource))
                LifecycleCommands.AddTo(resource, this);
            await notifications.PublishUpdateAsync(resource, s => Initial(resource, s));
        }

        // 4. Ports, once for this run: a restarted process listens where it did before.
        foreach (var resource in model.Resources)
            await endpoints.AllocateAsync(resource, cancellationToken);
        await eventing.PublishAsync(new AfterEndpointsAllocatedEvent(services, model), cancellationToken);

        // 5. Everything begins its life at once; the waits bring the order.
        await Task.WhenAll(model.Resources.ToList().Select(r => InitializeAsync(r, cancellationToken)));
        await eventing.PublishAsync(new AfterResourcesCreatedEvent(services, model), cancellationToken);
    }

    /// <summary>
    /// Stops what waits for others before what it waits for. May be called again; nothing is started any more.
    /// </summary>
    /// <param name="cancellationToken">When cancelled, everything that is left is killed.</param>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
            return _stopped ??= StopCoreAsync(cancellationToken);
    }

    public async Task<bool> StartResourceAsync(IResource resource, CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        return await _runners[resource].StartAsync(linked.Token);
    }

    public Task StopResourceAsync(IResource resource, CancellationToken cancellationToken)
        => _runners[resource].StopAsync(cancellationToken);

    /// <summary>Kills what was not stopped.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        foreach (var runner in _runners.Values)
            runner.Kill();
        _stopping.Dispose();
    }

    private static bool IsProcess(IResource resource)
        => resource is ExecutableResource or ProjectResource or ContainerResource;

    /// <summary>What lives and dies with the process without being one.</summary>
    private IReadOnlyList<IResource> ChildrenOf(IResource process)
        => [.. model.Resources.Where(r => !IsProcess(r) && r is IResourceWithParent { Parent: var parent } && parent == process)];

    private async Task InitializeAsync(IResource resource, CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        try
        {
            var begins = eventing.PublishAsync(
                new InitializeResourceEvent(resource, eventing, loggers, notifications, services), linked.Token);

            if (resource is IResourceWithConnectionString and not ConnectionStringResource)
                await eventing.PublishAsync(new ConnectionStringAvailableEvent(resource, services), linked.Token);
            if (_runners.TryGetValue(resource, out var runner) && !resource.HasAnnotationOfType<ExplicitStartupAnnotation>())
                await runner.StartAsync(linked.Token);

            await begins;
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !linked.IsCancellationRequested)
        {
            LogInitializationFailed(logger, exception, resource.Name);
            await notifications.PublishUpdateAsync(resource, s => s with { State = KnownResourceStates.FailedToStart });
        }
    }

    private CustomResourceSnapshot Initial(IResource resource, CustomResourceSnapshot snapshot)
    {
        snapshot = snapshot with
        {
            Relationships = [.. resource.Annotations.OfType<ResourceRelationshipAnnotation>()
                .Select(r => new RelationshipSnapshot(r.Resource.Name, r.Type)).Distinct()],
        };
        return snapshot.State is null && _runners.ContainsKey(resource)
            ? snapshot with { State = KnownResourceStates.NotStarted }
            : snapshot;
    }

    private async Task StopCoreAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();

        // In an order in which everything comes after what it depends on, each waits for its dependents that come later;
        // in a circle of dependencies nobody waits for ever.
        var order = StopOrder.Of(model.Resources);
        var stops = new Task[order.Count];
        for (var i = order.Count - 1; i >= 0; i--)
        {
            var (resource, dependents) = order[i];
            stops[i] = StopOneAsync(resource, [.. dependents.Select(d => stops[d])], cancellationToken);
        }

        await Task.WhenAll(stops);
    }

    private async Task StopOneAsync(IResource resource, Task[] dependents, CancellationToken cancellationToken)
    {
        await Task.WhenAll(dependents);
        if (_runners.TryGetValue(resource, out var runner))
            await runner.StopAsync(cancellationToken);
        loggers.Complete(resource);
    }

    [LoggerMessage(LogLevel.Error, "Resource '{Resource}' could not be initialized.")]
    private static partial void LogInitializationFailed(ILogger logger, Exception exception, string resource);
}

/// <summary>The orchestrator's place in the host: started before, and stopped after, everything the AppHost adds.</summary>
internal sealed class OrchestratorHostedService(Orchestrator orchestrator) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => orchestrator.StartAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => orchestrator.StopAsync(cancellationToken);
}
