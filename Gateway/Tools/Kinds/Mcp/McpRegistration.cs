using Lyceum.Gateway.Settings;
using Lyceum.Gateway.Tools.Manifests;

namespace Lyceum.Gateway.Tools.Kinds.Mcp;

internal static class McpRegistration
{
    public static void AddMcpTools(this IServiceCollection services)
    {
        services.AddSettingsSection<McpServers>("tools.mcp_servers");
        services.AddSingleton<McpSessions>();
        services.AddHostedService(provider => provider.GetRequiredService<McpSessions>());
        services.AddSingleton<IToolKind, McpTools>();
    }
}
