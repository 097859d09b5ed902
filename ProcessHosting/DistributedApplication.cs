using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Orchestration;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>An application that can be run. Whatever way it ends, the processes it started end with it.</summary>
public class DistributedApplication : IHost, IAsyncDisposable
{
    private readonly IHost _host;
    private readonly AppHostRun? _run;
    private readonly Orchestrator _orchestrator;

    public DistributedApplication(IHost host)
        : this(host, run: null)
    {
    }

    internal DistributedApplication(IHost host, AppHostRun? run)
    {
        ArgumentNullException.ThrowIfNull(host);
        (_host, _run, _orchestrator) = (host, run, host.Services.GetRequiredService<Orchestrator>());
    }

    public IServiceProvider Services => _host.Services;

    /// <summary>The states of the resources.</summary>
    public ResourceNotificationService ResourceNotifications
        => Services.GetRequiredService<ResourceNotificationService>();

    /// <summary>Executes commands of the resources.</summary>
    public ResourceCommandService ResourceCommands => Services.GetRequiredService<ResourceCommandService>();

    private bool IsStopping
        => Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested;

    public static IDistributedApplicationBuilder CreateBuilder() => CreateBuilder([]);

    public static IDistributedApplicationBuilder CreateBuilder(string[] args)
        => new DistributedApplicationBuilder(args);

    public static IDistributedApplicationBuilder CreateBuilder(DistributedApplicationOptions options)
        => new DistributedApplicationBuilder(options);

    /// <summary>Runs until SIGINT or SIGTERM. In a test, the test starts and stops it: this only waits for the end.</summary>
    public void Run()
    {
        if (_run is null)
            HostingAbstractionsHostExtensions.Run(this);
        else
            _run.WaitForEnd();
    }

    /// <inheritdoc cref="Run"/>
    public virtual Task RunAsync(CancellationToken cancellationToken = default)
        => _run is null
            ? HostingAbstractionsHostExtensions.RunAsync(this, cancellationToken)
            : _run.WaitForEndAsync(cancellationToken);

    /// <summary>Returns when every resource that should start has started, or failed to.</summary>
    public virtual async Task StartAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await _host.StartAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (IsStopping && !cancellationToken.IsCancellationRequested)
        {
            // Somebody asked the host to end while it was starting; its runner goes on to end it.
            await _orchestrator.StopAsync(CancellationToken.None);
        }
        catch
        {
            // A host that failed to start is not stopped by its runner; what had started already must not stay.
            await _orchestrator.StopAsync(CancellationToken.None);
            throw;
        }
    }

    public virtual async Task StopAsync(CancellationToken cancellationToken = default)
    {
        await _host.StopAsync(cancellationToken);
        _run?.Ended();
    }

    /// <summary>Kills what was not stopped; <see cref="DisposeAsync"/> stops it in order.</summary>
    public virtual void Dispose()
    {
        _host.Dispose();
        _run?.Ended();
        GC.SuppressFinalize(this);
    }

    public virtual async ValueTask DisposeAsync()
    {
        // While the services are still there, for the handlers of what happens now.
        await _orchestrator.StopAsync(CancellationToken.None);
        if (_host is IAsyncDisposable host)
            await host.DisposeAsync();
        else
            _host.Dispose();
        _run?.Ended();
        GC.SuppressFinalize(this);
    }
}
