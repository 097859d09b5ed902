using System.Collections.Immutable;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Containers;
using Aspire.Hosting.Eventing;
using Aspire.Hosting.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Orchestration;

/// <summary>Starts, watches and stops the process of one resource, again and again.</summary>
internal sealed partial class ProcessRunner
{
    private readonly IResource _resource;
    private readonly IReadOnlyList<IResource> _children;
    private readonly IServiceProvider _services;
    private readonly ResourceNotificationService _notifications;
    private readonly ResourceLoggerService _loggers;
    private readonly DistributedApplicationExecutionContext _execution;
    private readonly OrphanWatchdog _watchdog;
    private readonly ContainerEngine _containers;
    private readonly ProcessOptions _options;
    private readonly IDistributedApplicationEventing _eventing;
    private readonly ILogger _logger;

    // One start or stop at a time. Who wants to stop cancels the start that is under way.
    private readonly SemaphoreSlim _gate = new(1, 1);
    private volatile CancellationTokenSource? _starting;
    private volatile TaskCompletionSource? _startNow;
    private volatile ChildProcess? _child;
    private Task _ended = Task.CompletedTask;

    public ProcessRunner(
        IResource resource, IReadOnlyList<IResource> children, IServiceProvider services, OrphanWatchdog watchdog)
    {
        (_resource, _children, _services, _watchdog) = (resource, children, services, watchdog);
        _execution = services.GetRequiredService<DistributedApplicationExecutionContext>();
        _containers = services.GetRequiredService<ContainerEngine>();
        _options = services.GetRequiredService<ProcessOptions>();
        _notifications = services.GetRequiredService<ResourceNotificationService>();
        _loggers = services.GetRequiredService<ResourceLoggerService>();
        _eventing = services.GetRequiredService<IDistributedApplicationEventing>();
        _logger = _loggers.GetLogger(resource);
    }

    /// <summary>
    /// Starts the process when everything that it waits for is there; at once, if it is asked to a second time meanwhile.
    /// A process that runs already is left alone.
    /// </summary>
    /// <returns>False if it could not be started; the reason is in its log and the state <c>FailedToStart</c>.</returns>
    public async Task<bool> StartAsync(CancellationToken cancellationToken)
    {
        _startNow?.TrySetResult();
        await _gate.WaitAsync(cancellationToken);
        using var starting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            _starting = starting;
            if (_child is { Exited.IsCompleted: false })
                return true;

            await _ended;
            await StartCoreAsync(starting.Token);
            return true;
        }
        catch (OperationCanceledException) when (starting.IsCancellationRequested)
        {
            await PublishAsync(s => s with { State = KnownResourceStates.NotStarted });
            cancellationToken.ThrowIfCancellationRequested();
            return false;
        }
        catch (Exception exception)
        {
            LogFailedToStart(_logger, exception, _resource.Name);
            var state = exception is ContainerEngineException
                ? KnownResourceStates.RuntimeUnhealthy
                : KnownResourceStates.FailedToStart;
            await PublishAsync(s => s with { State = new ResourceStateSnapshot(state, KnownResourceStateStyles.Error) });
            return false;
        }
        finally
        {
            _starting = null;
            _gate.Release();
        }
    }

    /// <summary>Ends the process, or the wait for its start. Returns when nothing of it is left.</summary>
    /// <param name="cancellationToken">When cancelled, the process is killed.</param>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        CancelStart();
        await _gate.WaitAsync(CancellationToken.None);
        try
        {
            if (_child is { Exited.IsCompleted: false } child)
            {
                await PublishAsync(s => s with { State = KnownResourceStates.Stopping });
                await child.StopAsync(_options.StopTimeout, cancellationToken);
            }

            await _ended;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Kills the process without waiting for its end.</summary>
    public void Kill()
    {
        CancelStart();
        _child?.KillAll();
    }

    private void CancelStart()
    {
        try
        {
            _starting?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The start ended in this moment; what it started is stopped below.
        }
    }

    private async Task StartCoreAsync(CancellationToken cancellationToken)
    {
        // A new life: neither the health nor the exit code of the last one counts.
        await PublishAsync(s => (s with
        {
            State = KnownResourceStates.Starting,
            ExitCode = null,
            StartTimeStamp = null,
            StopTimeStamp = null,
            ReadyHandlers = null,
            HealthReports = Unchecked(_resource),
        }).WithProperty(KnownProperties.ExecutablePid, null));

        await _eventing.PublishAsync(new BeforeResourceStartedEvent(_resource, _services), cancellationToken);
        await PublishAsync(s => s with { State = KnownResourceStates.Starting });

        var plan = await LaunchPlanner.PlanAsync(_resource, _execution, _containers, _logger, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();

        var child = ChildProcess.Start(
            plan, _watchdog, (line, isError) => _loggers.Write(_resource.Name, line, isError));
        _child = child;
        await PublishAsync(s => (s with
        {
            State = new ResourceStateSnapshot(KnownResourceStates.Running, KnownResourceStateStyles.Success),
            StartTimeStamp = DateTime.UtcNow,
            Urls = [.. s.Urls.Select(u => u with { IsInactive = false })],
            EnvironmentVariables = [.. plan.Environment
                .Select(v => new EnvironmentVariableSnapshot(v.Key, v.Value, IsFromSpec: true))],
        })
            .WithProperty(KnownProperties.ExecutablePath, plan.FileName)
            .WithProperty(KnownProperties.ExecutableWorkDir, plan.WorkingDirectory)
            .WithProperty(KnownProperties.ExecutableArgs, plan.Arguments.ToImmutableArray(), isSensitive: true)
            .WithProperty(KnownProperties.ExecutablePid, child.Id));
        _ended = WatchAsync(child);
    }

    /// <summary>Returns when all that the resource waits for is there, or when somebody does not want to wait any longer.</summary>
    public async Task WaitForDependenciesAsync(CancellationToken cancellationToken)
    {
        using var abandon = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var startNow = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _startNow = startNow;
        try
        {
            var dependencies = _notifications.WaitForDependenciesAsync(_resource, abandon.Token);
            await await Task.WhenAny(dependencies, startNow.Task);
        }
        finally
        {
            _startNow = null;
            await abandon.CancelAsync();
        }
    }

    /// <summary>What belongs to the process, such as the database of a server, is as it is.</summary>
    private async Task PublishAsync(Func<CustomResourceSnapshot, CustomResourceSnapshot> change)
    {
        await _notifications.PublishUpdateAsync(_resource, change);
        if (!_notifications.TryGetCurrentState(_resource.Name, out var current))
            return;

        var own = current.Snapshot;
        foreach (var child in _children)
        {
            await _notifications.PublishUpdateAsync(child, s => s with
            {
                State = own.State,
                StartTimeStamp = own.StartTimeStamp,
                StopTimeStamp = own.StopTimeStamp,
                HealthReports = own.ReadyHandlers is null ? Unchecked(child) : s.HealthReports,
                ReadyHandlers = own.ReadyHandlers is null ? null : s.ReadyHandlers,
            });
        }
    }

    private static ImmutableArray<HealthReportSnapshot> Unchecked(IResource resource)
        => [.. resource.Annotations.OfType<HealthCheckAnnotation>().DistinctBy(h => h.Key)
            .Select(h => new HealthReportSnapshot(h.Key, Status: null, Description: null, ExceptionText: null))];

    /// <summary>Publishes the end of the process, whoever ended it.</summary>
    private async Task WatchAsync(ChildProcess child)
    {
        var code = await child.Exited;
        LogExited(_logger, _resource.Name, code);
        await PublishAsync(s => (s with
        {
            State = new ResourceStateSnapshot(KnownResourceStates.Finished, code == 0 ? null : KnownResourceStateStyles.Error),
            ExitCode = code,
            StopTimeStamp = DateTime.UtcNow,
            Urls = [.. s.Urls.Select(u => u with { IsInactive = true })],
        }).WithProperty(KnownProperties.ExecutablePid, null));

        try
        {
            if (_notifications.TryGetCurrentState(_resource.Name, out var stopped))
                await _eventing.PublishAsync(new ResourceStoppedEvent(_resource, _services, stopped));
        }
        catch (Exception exception)
        {
            LogHandlerFailed(_logger, exception, _resource.Name);
        }
    }

    [LoggerMessage(LogLevel.Error, "Resource '{Resource}' failed to start.")]
    private static partial void LogFailedToStart(ILogger logger, Exception exception, string resource);

    [LoggerMessage(LogLevel.Information, "Resource '{Resource}' exited with code {Code}.")]
    private static partial void LogExited(ILogger logger, string resource, int code);

    [LoggerMessage(LogLevel.Error, "A handler of the stop of resource '{Resource}' failed.")]
    private static partial void LogHandlerFailed(ILogger logger, Exception exception, string resource);
}
