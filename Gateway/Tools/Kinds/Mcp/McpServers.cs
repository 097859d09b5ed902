using Lyceum.Gateway.Settings;

namespace Lyceum.Gateway.Tools.Kinds.Mcp;

/// <summary>MCP servers that are commands on this machine, by name (section <c>tools.mcp_servers</c>).</summary>
internal sealed class McpServers : Dictionary<string, McpServerSettings>, ISectionSettings
{
    public void Check(string path, SettingsCheck check)
    {
        foreach (var (name, server) in this)
            server.Check($"{path}.{name}", check);
    }
}

/// <summary>
/// A program that speaks MCP over its standard input and output. Only the configuration file can start programs: it is
/// remote execution.
/// </summary>
internal sealed record McpServerSettings
{
    public required string Command { get; init; }
    public IReadOnlyList<string> Args { get; init; } = [];

    /// <summary>Variables of its environment, beside <c>PATH</c>, <c>HOME</c> and the like.</summary>
    public IReadOnlyDictionary<string, string> Env { get; init; } = new Dictionary<string, string>();

    /// <summary>Names of the only variables of the gateway's own environment that it gets.</summary>
    public IReadOnlyList<string> PassEnv { get; init; } = [];

    /// <summary>
    /// The tenants whose manifests may name it; <c>*</c>: all. Each tenant gets a process of its own.
    /// </summary>
    public required IReadOnlyList<string> Tenants { get; init; }

    public void Check(string path, SettingsCheck check)
    {
        check.ErrorIf(Command.Length == 0, $"{path}.command", "must name a program");
        check.ErrorIf(Tenants.Count == 0, $"{path}.tenants", "must name whose manifests may use it, or \"*\"");
        foreach (var (index, variable) in PassEnv.Index())
            check.Variable($"{path}.pass_env[{index}]", variable);
    }
}
