using Lyceum.Gateway.Settings;
using Lyceum.Gateway.Tools.Egress;
using Lyceum.Gateway.Tools.Execution;
using Lyceum.Gateway.Tools.Mcp;
using Lyceum.Gateway.Tools.Registry;

namespace Lyceum.Gateway.Tools;

internal static class ToolRegistration
{
    /// <summary>The tool registry, and what runs tools.</summary>
    public static void AddTools(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSingleton(provider =>
        {
            var settings = provider.GetRequiredService<SettingsMonitor>();
            return new CurrentToolSettings(() => settings.Current.Tools);
        });
        services.AddSingleton<ToolStore>();
        services.AddSingleton<ToolRegistry>();
        services.AddHostedService(provider => provider.GetRequiredService<ToolRegistry>());
        services.AddSingleton<ManifestChecks>();

        services.AddSingleton<EgressConnections>();
        services.AddSingleton<TargetHeaders>();
        services.AddSingleton<McpSessions>();
        services.AddHostedService(provider => provider.GetRequiredService<McpSessions>());
        services.AddSingleton<HttpKind>();
        services.AddSingleton<McpKind>();
        services.AddSingleton<ToolMetrics>();
        services.AddSingleton<IReadOnlyDictionary<ToolKind, IToolKind>>(provider => new Dictionary<ToolKind, IToolKind>
        {
            [ToolKind.Builtin] = new BuiltinKind(),
            [ToolKind.Http] = provider.GetRequiredService<HttpKind>(),
            [ToolKind.Mcp] = provider.GetRequiredService<McpKind>(),
        });
        services.AddSingleton<ToolRunner>();
    }
}
