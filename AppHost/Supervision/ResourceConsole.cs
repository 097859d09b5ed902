using System.Text.RegularExpressions;
using Lyceum.AppHost.Hosting;
using Microsoft.Extensions.Hosting;

namespace Lyceum.AppHost.Supervision;

/// <summary>
/// Writes what the resources say to AppHost's console, each line after the resource's name (<c>[chat-api] …</c>), for
/// those who follow the system in a terminal or a log file (<c>Lyceum:Console=true</c>). The dashboard shows the same.
/// </summary>
internal sealed partial class ResourceConsole(DistributedApplicationModel model, ResourceLoggerService logs) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(model.Resources
        .Where(resource => resource is IResourceWithEndpoints && resource.Name != LocalRun.DashboardResource)
        .Select(WatchAsync));

    // Ends with the application, which completes the logs: what a service says last is shown too.
    private async Task WatchAsync(IResource resource)
    {
        await foreach (var lines in logs.WatchAsync(resource))
        {
            foreach (var line in lines)
                await Console.Out.WriteLineAsync($"[{resource.Name}] {Plain(line.Content)}");
        }
    }

    /// <summary>Without colours, and with one time: the orchestrator puts its own before that of the service.</summary>
    private static string Plain(string line) => TwoTimes().Replace(Colour().Replace(line, ""), "");

    [GeneratedRegex(@"\e\[[0-9;]*m")]
    private static partial Regex Colour();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT[0-9:.]+Z (?=\d{4}-\d\d-\d\d)")]
    private static partial Regex TwoTimes();

    // Other services are still stopping and saying so.
    public override Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
