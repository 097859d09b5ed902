using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Containers;
using Aspire.Hosting.Eventing;
using Aspire.Hosting.Orchestration;
using Aspire.Hosting.Processes;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

/// <inheritdoc cref="IDistributedApplicationBuilder"/>
public class DistributedApplicationBuilder : IDistributedApplicationBuilder
{
    private readonly HostApplicationBuilder _host;
    private readonly AppHostRun? _run = AppHostRun.Current;

    public DistributedApplicationBuilder(string[] args)
        : this(new DistributedApplicationOptions { Args = args })
    {
    }

    public DistributedApplicationBuilder(DistributedApplicationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);

        // ASPIRE_* variables come first: DOTNET_* ones and the command line win over them.
        var settings = new HostApplicationBuilderSettings { Args = options.Args, Configuration = new ConfigurationManager() };
        settings.Configuration.AddEnvironmentVariables(prefix: "ASPIRE_");
        _run?.Configure(options, settings);

        AppHostAssembly = options.AssemblyName is { } name ? Assembly.Load(new AssemblyName(name)) : Assembly.GetEntryAssembly();
        _host = new HostApplicationBuilder(settings);
        AppHostDirectory = options.ProjectDirectory ?? ProjectDirectory(AppHostAssembly) ?? _host.Environment.ContentRootPath;
        Configuration["AppHost:Directory"] = AppHostDirectory;

        _host.Logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Warning);
        _host.Logging.AddFilter("System.Net.Http.HttpClient", LogLevel.Warning);
        // What a health check finds is in the resource's snapshot; a resource that is still starting is not an error.
        _host.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        _host.Logging.AddConfiguration(Configuration.GetSection("Logging"));

        Services.TryAddSingleton(TimeProvider.System);
        Services.AddSingleton(ExecutionContext);
        Services.AddSingleton(Eventing);
        Services.AddSingleton<ResourceLoggerService>();
        Services.AddSingleton<ResourceNotificationService>();
        Services.AddSingleton(services => new DistributedApplicationModel(Resources));
        Services.AddSingleton(services => new ResourceCommandService(
            services, services.GetRequiredService<DistributedApplicationModel>(), services.GetRequiredService<ResourceLoggerService>()));
        Services.AddHttpClient();
        Services.AddHealthChecks();
        // Without a dashboard nobody can repair what others wait for: the wait ends.
        Services.Configure<ResourceNotificationServiceOptions>(o => o.DefaultWaitBehavior =
            options.DisableDashboard ? WaitBehavior.StopOnResourceUnavailable : WaitBehavior.WaitOnResourceUnavailable);
        Services.AddSingleton<ProcessOptions>();
        Services.AddSingleton<PortAllocator>();
        Services.AddSingleton<OrphanWatchdog>();
        Services.AddSingleton<EndpointAllocator>();
        Services.AddSingleton<ContainerEngine>();
        Services.AddSingleton<Orchestrator>();
        Services.AddSingleton(new ResourceLogSink.Settings(_run is null, options.EnableResourceLogging, Environment.ApplicationName));
        Services.AddHostedService<ResourceLogSink>();
        Services.AddHostedService<HealthMonitor>();
        Services.AddHostedService<OrchestratorHostedService>();
        _run?.Created(this);
    }

    public ConfigurationManager Configuration => _host.Configuration;
    public string AppHostDirectory { get; }
    public Assembly? AppHostAssembly { get; }
    public IHostEnvironment Environment => _host.Environment;
    public IServiceCollection Services => _host.Services;
    public IDistributedApplicationEventing Eventing { get; } = new DistributedApplicationEventing();
    public DistributedApplicationExecutionContext ExecutionContext { get; } = new(DistributedApplicationOperation.Run);
    public IResourceCollection Resources { get; } = new ResourceCollection([]);

    public IResourceBuilder<T> AddResource<T>(T resource)
        where T : IResource
    {
        ArgumentNullException.ThrowIfNull(resource);

        if (Resources.TryGetByName(resource.Name, out var existing))
        {
            throw new DistributedApplicationException(
                $"Cannot add resource of type '{resource.GetType()}' with name '{resource.Name}' because resource of type "
                + $"'{existing.GetType()}' with that name already exists. Resource names are case-insensitive.");
        }

        Resources.Add(resource);
        return CreateResourceBuilder(resource);
    }

    public IResourceBuilder<T> CreateResourceBuilder<T>(T resource)
        where T : IResource
    {
        ArgumentNullException.ThrowIfNull(resource);
        return new ResourceBuilder<T>(this, resource);
    }

    public DistributedApplication Build()
    {
        _run?.Building(this);

        var application = new DistributedApplication(_host.Build(), _run);
        ExecutionContext.ServiceProvider = application.Services;
        _run?.Built(application);
        return application;
    }

    /// <summary>Where the AppHost was built from, if that is still there; the build writes it into the assembly.</summary>
    internal static string? ProjectDirectory(Assembly? assembly)
    {
        var directory = assembly?.GetCustomAttributes<AssemblyMetadataAttribute>()
            .FirstOrDefault(m => m.Key.Equals("AppHostProjectPath", StringComparison.OrdinalIgnoreCase))?.Value;
        return Directory.Exists(directory) ? directory : null;
    }
}
