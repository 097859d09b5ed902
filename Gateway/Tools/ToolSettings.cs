using System.Text;
using System.Text.Json.Serialization;
using Lyceum.Gateway.Settings;
using Lyceum.Gateway.Tools.Egress;

namespace Lyceum.Gateway.Tools;

/// <summary>
/// <c>tools</c> of the gateway's configuration file: what no manifest may decide for itself. Manifests come from whoever has the scope
/// <c>tools.admin</c>, in any tenant; this file is the operator's.
/// </summary>
internal sealed record ToolSettings
{
    /// <summary>Calls of HTTP and MCP tools at a time in this process, of all tenants; one more is refused with 503.</summary>
    public int MaxConcurrentCalls { get; init; } = 512;

    /// <summary>Versions a tenant may keep; one more is refused with 429.</summary>
    public int MaxVersions { get; init; } = 10_000;

    public EgressSettings Egress { get; init; } = new();

    /// <summary>What manifests may send in headers, by name.</summary>
    public IReadOnlyDictionary<string, ToolSecretSettings> Secrets { get; init; } = new Dictionary<string, ToolSecretSettings>();

    /// <summary>MCP servers that are commands on this machine, by name.</summary>
    public IReadOnlyDictionary<string, McpServerSettings> McpServers { get; init; } = new Dictionary<string, McpServerSettings>();

    public void Check(string path, SettingsCheck check)
    {
        check.FaultIf(MaxConcurrentCalls < 1, $"{path}.max_concurrent_calls", "must be positive");
        check.FaultIf(MaxVersions < 1, $"{path}.max_versions", "must be positive");
        foreach (var (index, entry) in Egress.Allow.Index())
            check.FaultIf(!EgressPolicy.IsEntry(entry), $"{path}.egress.allow[{index}]", "must be a network, an address or a name, with a port if only that is meant");
        foreach (var (name, secret) in Secrets)
            secret.Check($"{path}.secrets.{name}", check);
        foreach (var (name, server) in McpServers)
            server.Check($"{path}.mcp_servers.{name}", check);
    }
}

internal sealed record EgressSettings
{
    /// <summary>
    /// Where tools may go beside the public internet: networks (<c>10.1.0.0/16</c>), addresses, or names
    /// (<c>calendar.internal</c>), the latter two with a port if only that one is meant.
    /// </summary>
    public IReadOnlyList<string> Allow { get; init; } = [];
}

/// <summary>A secret for the servers it is meant for: a manifest that sends it elsewhere is refused.</summary>
internal sealed record ToolSecretSettings
{
    /// <summary>File with the secret, watched.</summary>
    public string? File { get; init; }

    /// <summary>Name of the environment variable with the secret.</summary>
    public string? Env { get; init; }

    /// <summary>Where it may be sent: <c>https://api.example.org</c>.</summary>
    public required IReadOnlyList<string> Origins { get; init; }

    /// <summary>Whose manifests may name it; <c>*</c>: everybody's.</summary>
    public required IReadOnlyList<string> Tenants { get; init; }

    /// <summary>What the file or the variable holds.</summary>
    [JsonIgnore]
    public string Value { get; private set; } = "";

    /// <summary>Also reads it: the file is watched from then on, and a new one makes new settings.</summary>
    public void Check(string path, SettingsCheck check)
    {
        check.FaultIf(Origins.Count == 0, $"{path}.origins", "must name where it may be sent");
        check.FaultIf(Tenants.Count == 0, $"{path}.tenants", "must name whose manifests may use it, or \"*\"");
        foreach (var (index, origin) in Origins.Index())
        {
            check.FaultIf(
                !Uri.TryCreate(origin, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.PathAndQuery != "/" || uri.UserInfo.Length > 0,
                $"{path}.origins[{index}]", "must be a scheme, a host and a port, as https://api.example.org");
        }
        var value = this switch
        {
            { File: { } file, Env: null } => check.Read($"{path}.file", file) is { } content ? Encoding.UTF8.GetString(content).Trim() : null,
            { File: null, Env: { } variable } => check.Variable($"{path}.env", variable),
            _ => Faulty(),
        };
        // What is sent in a header must be able to be.
        if (value is not null && (value.Length == 0 || value.AsSpan().ContainsAnyExceptInRange(' ', '~')))
            check.Fault(path, "must hold one line of plain ASCII");
        Value = value ?? "";

        string? Faulty()
        {
            check.Fault(path, "must have exactly one of file and env");
            return null;
        }
    }
}

/// <summary>A program that speaks MCP over its standard input and output. Only this file starts programs: it is remote execution.</summary>
internal sealed record McpServerSettings
{
    public required string Command { get; init; }
    public IReadOnlyList<string> Args { get; init; } = [];

    /// <summary>Variables of its environment, beside <c>PATH</c>, <c>HOME</c> and the like.</summary>
    public IReadOnlyDictionary<string, string> Env { get; init; } = new Dictionary<string, string>();

    /// <summary>Names of variables of the gateway's own environment that it gets; no others.</summary>
    public IReadOnlyList<string> PassEnv { get; init; } = [];

    /// <summary>Whose manifests may name it; <c>*</c>: everybody's. Each tenant gets a process of its own.</summary>
    public required IReadOnlyList<string> Tenants { get; init; }

    public void Check(string path, SettingsCheck check)
    {
        check.FaultIf(Command.Length == 0, $"{path}.command", "must name a program");
        check.FaultIf(Tenants.Count == 0, $"{path}.tenants", "must name whose manifests may use it, or \"*\"");
        foreach (var (index, variable) in PassEnv.Index())
            check.Variable($"{path}.pass_env[{index}]", variable);
    }
}

/// <summary>The settings in force.</summary>
internal sealed class CurrentToolSettings(Func<ToolSettings> read)
{
    public ToolSettings Value => read();

    public static bool Admits(IReadOnlyList<string> tenants, string tenant) => tenants.Contains("*") || tenants.Contains(tenant);
}
