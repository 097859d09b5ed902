using System.Text;
using System.Text.Json.Serialization;
using Lyceum.Gateway.Settings;

namespace Lyceum.Gateway.Tools.Targets;

/// <summary>The secrets that manifests may send in headers, by name (section <c>tools.secrets</c>).</summary>
internal sealed class ToolSecrets : Dictionary<string, ToolSecretSettings>, ISectionSettings
{
    public void Check(string path, SettingsCheck check)
    {
        foreach (var (name, secret) in this)
            secret.Check($"{path}.{name}", check);
    }
}

/// <summary>A secret for the servers it is meant for: a manifest that sends it elsewhere is rejected.</summary>
internal sealed record ToolSecretSettings
{
    /// <summary>File with the secret, watched.</summary>
    public string? File { get; init; }

    /// <summary>Name of the environment variable with the secret.</summary>
    public string? Env { get; init; }

    /// <summary>Where it may be sent: <c>https://api.example.org</c>.</summary>
    public required IReadOnlyList<string> Origins { get; init; }

    /// <summary>The tenants whose manifests may name it; <c>*</c>: all.</summary>
    public required IReadOnlyList<string> Tenants { get; init; }

    /// <summary>The content of the file or the variable.</summary>
    [JsonIgnore]
    public string Value { get; private set; } = "";

    /// <summary>
    /// Also reads the secret: its file is watched from then on, and a change of it makes new settings.
    /// </summary>
    public void Check(string path, SettingsCheck check)
    {
        check.ErrorIf(Origins.Count == 0, $"{path}.origins", "must name where it may be sent");
        check.ErrorIf(Tenants.Count == 0, $"{path}.tenants", "must name whose manifests may use it, or \"*\"");
        foreach (var (index, origin) in Origins.Index())
        {
            check.ErrorIf(
                !Uri.TryCreate(origin, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")
                || uri.PathAndQuery != "/" || uri.UserInfo.Length > 0,
                $"{path}.origins[{index}]", "must be a scheme, a host and a port, as https://api.example.org");
        }
        check.ErrorIf(File is null == Env is null, path, "must have exactly one of file and env");
        var value = this switch
        {
            { File: { } file, Env: null } => check.Read($"{path}.file", file) is { } content
                ? Encoding.UTF8.GetString(content).Trim() : null,
            { File: null, Env: { } variable } => check.Variable($"{path}.env", variable),
            _ => null,
        };
        if (value is not null && (value.Length == 0 || value.AsSpan().ContainsAnyExceptInRange(' ', '~')))
            check.Error(path, "must hold one line of plain ASCII");
        Value = value ?? "";
    }
}

internal static class TenantList
{
    /// <summary>Whether the list names the tenant, or all with <c>*</c>.</summary>
    public static bool Admit(this IReadOnlyList<string> tenants, string tenant) =>
        tenants.Contains("*") || tenants.Contains(tenant);
}
