using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace Lyceum.Tests.ProcessHosting;

/// <summary>An application that a test describes and runs.</summary>
internal sealed class TestApplication : IAsyncDisposable
{
    /// <summary>No test waits longer for anything.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    private readonly CancellationTokenSource _limit = new(Limit);

    private TestApplication(DistributedApplication app) => App = app;

    public DistributedApplication App { get; }
    public CancellationToken Token => _limit.Token;
    public ResourceNotificationService Notifications => App.ResourceNotifications;

    public static TestApplication Build(Action<IDistributedApplicationTestingBuilder> describe)
    {
        var builder = DistributedApplicationTestingBuilder.Create();
        builder.Configuration["ProcessHosting:StopTimeout"] = "00:00:02";
        describe(builder);
        return new TestApplication(builder.Build());
    }

    public static async Task<TestApplication> StartAsync(Action<IDistributedApplicationTestingBuilder> describe)
    {
        var application = Build(describe);
        await application.App.StartAsync(application.Token);
        return application;
    }

    public CustomResourceSnapshot Snapshot(string resource)
        => Notifications.TryGetCurrentState(resource, out var current) ? current.Snapshot : throw new InvalidOperationException($"{resource} has no state");

    public string? State(string resource) => Snapshot(resource).State?.Text;

    public int Pid(string resource) => Convert.ToInt32(
        Snapshot(resource).Properties.Single(p => p.Name == "executable.pid").Value, CultureInfo.InvariantCulture);

    public Task<string> WaitForStateAsync(string resource, string state)
        => Notifications.WaitForResourceAsync(resource, [state], Token);

    public Task<ExecuteCommandResult> ExecuteAsync(string resource, string command)
        => App.ResourceCommands.ExecuteCommandAsync(resource, command, Token);

    /// <summary>The first line of the resource's log that contains the text.</summary>
    public async Task<string> WaitForLineAsync(string resource, string text)
    {
        await foreach (var lines in App.Services.GetRequiredService<ResourceLoggerService>().WatchAsync(resource).WithCancellation(Token))
        {
            if (lines.FirstOrDefault(l => l.Content.Contains(text, StringComparison.Ordinal)) is { Content: { } found })
                return found;
        }

        throw new InvalidOperationException($"The log of {resource} ended without '{text}'.");
    }

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        _limit.Dispose();
    }
}

/// <summary>Describes small processes.</summary>
internal static class TestResources
{
    public static IResourceBuilder<ExecutableResource> AddShell(
        this IDistributedApplicationBuilder builder, string name, string script)
        => builder.AddExecutable(name, "sh", ".", "-c", script);

    /// <summary>Runs until it is stopped.</summary>
    public static IResourceBuilder<ExecutableResource> AddSleeper(
        this IDistributedApplicationBuilder builder, string name)
        => builder.AddExecutable(name, "sleep", ".", "1000");

    public static IResourceBuilder<ProjectResource> AddSampleService(
        this IDistributedApplicationBuilder builder, string name)
        => builder.AddProject<Projects.SampleService>(name).WithHttpEndpoint();
}

/// <summary>Looks at the machine's processes.</summary>
internal static class Machine
{
    /// <summary>Whether the process exists and is not merely waiting to be buried.</summary>
    public static bool IsAlive(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>The living processes that carry the text in their environment or command line.</summary>
    public static List<int> Find(string text)
    {
        return [.. Directory.EnumerateDirectories("/proc")
            .Select(d => int.TryParse(Path.GetFileName(d), out var pid) ? pid : 0)
            .Where(pid => pid > 0 && pid != Environment.ProcessId && IsAlive(pid) && (Has(pid, "environ") || Has(pid, "cmdline")))];

        bool Has(int pid, string file)
        {
            try
            {
                return File.ReadAllText($"/proc/{pid}/{file}").Contains(text, StringComparison.Ordinal);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    public static async Task WaitUntilAsync(Func<bool> condition, TimeSpan limit)
    {
        using var late = new CancellationTokenSource(limit);
        while (!condition())
            await Task.Delay(20, late.Token);
    }
}
