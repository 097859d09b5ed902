using Lyceum.Gateway.Settings;
using Lyceum.Gateway.Tools.Egress;
using Lyceum.Gateway.Tools.Kinds.Builtin;
using Lyceum.Gateway.Tools.Kinds.Http;
using Lyceum.Gateway.Tools.Kinds.Mcp;
using Lyceum.Gateway.Tools.Manifests;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.Gateway.Tools.Targets;

namespace Lyceum.Gateway.Tools;

internal static class ToolRegistration
{
    /// <summary>The tool registry, the kinds of tools, and what runs them.</summary>
    public static void AddTools(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSettingsSection<ToolSettings>("tools");
        services.AddSettingsSection<EgressSettings>("tools.egress");
        services.AddSettingsSection<ToolSecrets>("tools.secrets");
        services.AddSingleton<ToolStore>();
        services.AddSingleton<ToolRegistry>();
        services.AddHostedService(provider => provider.GetRequiredService<ToolRegistry>());
        services.AddSingleton<ManifestReader>();
        services.AddSingleton<ManifestChecks>();
        services.AddSingleton<EgressConnections>();
        services.AddSingleton<TargetHeaders>();
        services.AddSingleton<ToolMetrics>();
        services.AddSingleton<ToolRunner>();

        // The kinds. Messages name them in this order.
        services.AddSingleton<IToolKind, BuiltinTools>();
        services.AddSingleton<IToolKind, HttpTools>();
        services.AddMcpTools();
    }
}
