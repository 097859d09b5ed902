using Lyceum.AppHost.Infrastructure;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Lyceum.AppHost;

/// <summary>The web UI's development server.</summary>
public static class WebDevelopment
{
    private const int Port = 5173;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>
    /// <c>npm run dev</c> in <c>Web/</c>, at http://localhost:5173, whose API requests go to <paramref name="gateway"/>. In Development
    /// where <c>Lyceum:WebDev</c> says so, as AppHost's launch profile and <c>./run.sh --web-dev</c> do; not without npm.
    /// </summary>
    public static void AddWebDevelopment(this IDistributedApplicationBuilder builder, Service gateway)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(gateway);

        if (builder.ExecutionContext.IsPublishMode || !builder.Environment.IsDevelopment()
            || !builder.Configuration.GetValue<bool>("Lyceum:WebDev") || !Tool.Succeeds("npm", Limit, "--version"))
            return;
        var door = gateway.Replicas[0];
        // The packages of the lock file, when it has changed; then the server in this process's place, so that it gets its signals.
        builder.AddExecutable("web", "bash", Path.GetFullPath("../Web", builder.AppHostDirectory), "-ec",
                "[ node_modules/.package-lock.json -nt package-lock.json ] || { npm ci; touch node_modules/.package-lock.json; }; " +
                $"exec npm run dev -- --port {Port} --strictPort")
            .WithHttpEndpoint(port: Port, isProxied: false)
            .WithEnvironment("LYCEUM_GATEWAY", door.GetEndpoint("http"))
            .WaitFor(door);
    }
}
