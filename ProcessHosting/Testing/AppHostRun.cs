using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

/// <summary>
/// A run of an AppHost's own <c>Main</c> under a test: it is held at <c>Build()</c> until the test has made its changes, and
/// at <c>Run()</c> until the test has stopped the application. The builder finds the run it belongs to through the flow of
/// execution, so that several runs in one process do not meet.
/// </summary>
internal sealed class AppHostRun(
    Assembly? assembly, string[] args, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configure)
{
    private static readonly string[] HostPrefixes = ["DOTNET_", "ASPNETCORE_"];
    private static readonly AsyncLocal<AppHostRun?> Flow = new();

    private readonly TaskCompletionSource<DistributedApplicationBuilder> _builder =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<DistributedApplication> _application =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _mayBuild = new(0);
    private readonly SemaphoreSlim _ended = new(0);

    public static AppHostRun? Current => Flow.Value;

    /// <summary>Whether there is a <c>Main</c>; a test may also describe its own application.</summary>
    public bool HasMain => assembly is not null;

    /// <summary>Runs <paramref name="make"/> so that the builder it makes belongs to this run.</summary>
    public T Within<T>(Func<T> make)
    {
        var outer = Flow.Value;
        Flow.Value = this;
        try
        {
            return make();
        }
        finally
        {
            Flow.Value = outer;
        }
    }

    /// <summary>Starts <c>Main</c> and returns when it has come to <c>Build()</c>.</summary>
    public Task<DistributedApplicationBuilder> StartAsync(CancellationToken cancellationToken)
    {
        var main = assembly?.EntryPoint
            ?? throw new InvalidOperationException($"Assembly '{assembly?.GetName().Name}' does not have an entry point.");

        // A thread of its own: Main blocks it until the application ends.
        var thread = new Thread(() => Within(() => Invoke(main))) { IsBackground = true, Name = $"AppHost {main.Module.Name}" };
        thread.Start();
        return _builder.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Lets <c>Build()</c> go on.</summary>
    public Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken)
    {
        _mayBuild.Release();
        return _application.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Lets <c>Main</c> go where it was never built.</summary>
    public void Abandon()
    {
        _application.TrySetCanceled();
        _mayBuild.Release();
    }

    public void Configure(DistributedApplicationOptions options, HostApplicationBuilderSettings settings)
    {
        settings.Args = options.Args = options.Args is { Length: > 0 } given ? given : args;
        if (assembly?.GetName().Name is { } name)
            options.AssemblyName = settings.ApplicationName = name;
        options.DisableDashboard = true;
        options.EnableResourceLogging = true;

        settings.Configuration ??= new ConfigurationManager();
        settings.Configuration.AddInMemoryCollection([new("DcpPublisher:RandomizePorts", "true")]);
        if (DistributedApplicationBuilder.ProjectDirectory(assembly) is { } directory)
        {
            settings.ContentRootPath = directory;
            settings.Configuration.AddInMemoryCollection(LaunchProfileOf(directory));
        }

        configure(options, settings);
    }

    public void Created(DistributedApplicationBuilder builder)
    {
        if (assembly is null)
            _builder.TrySetResult(builder);
    }

    public void Building(DistributedApplicationBuilder builder)
    {
        if (assembly is null)
            return;

        _builder.TrySetResult(builder);
        _mayBuild.Wait();
        if (_application.Task.IsCanceled)
            throw new OperationCanceledException("The test was done with the application before it was built.");
    }

    public void Built(DistributedApplication application) => _application.TrySetResult(application);

    public void WaitForEnd() => _ended.Wait();

    public Task WaitForEndAsync(CancellationToken cancellationToken) => _ended.WaitAsync(cancellationToken);

    public void Ended() => _ended.Release();

    /// <summary>
    /// What the AppHost's first launch profile sets, so that it runs in a test as it runs from the command line; but not
    /// where its dashboard listens, since in a test there is none.
    /// </summary>
    private static Dictionary<string, string?> LaunchProfileOf(string directory)
    {
        // DOTNET_ENVIRONMENT and ASPNETCORE_ENVIRONMENT are the same setting without their prefix: the later one holds.
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var profile = LaunchSettings.Read(directory)?.Profiles.Values.FirstOrDefault();
        foreach (var (name, value) in profile?.EnvironmentVariables ?? [])
        {
            if (name.Contains("_DASHBOARD_", StringComparison.Ordinal))
                continue;
            settings[name] = value;
            foreach (var prefix in HostPrefixes.Where(p => name.StartsWith(p, StringComparison.Ordinal)))
                settings[name[prefix.Length..]] = value;
        }
        return settings;
    }

    private object? Invoke(MethodInfo main)
    {
        try
        {
            var result = main.Invoke(null, main.GetParameters().Length == 0 ? null : [args]);
            Fail(new InvalidOperationException("The AppHost ended without building an application."));
            return result;
        }
        catch (TargetInvocationException exception)
        {
            Fail(exception.InnerException!);
            return null;
        }
    }

    private void Fail(Exception exception)
    {
        // Too late to matter once the application is built.
        if (_builder.TrySetException(exception) | _application.TrySetException(exception))
            _ = _application.Task.Exception;
    }
}
