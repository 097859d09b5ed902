using Lyceum.Gateway.Settings;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>
/// Section <c>tools</c> of the configuration file: what manifests may not decide themselves. Manifests come from every
/// tenant with the scope <c>tools.admin</c>; this file is the operator's.
/// </summary>
internal sealed record ToolSettings : ISectionSettings
{
    /// <summary>
    /// Calls of remote tools at a time in this process, of all tenants; one more is rejected with 503.
    /// </summary>
    public int MaxConcurrentCalls { get; init; } = 512;

    /// <summary>Versions a tenant may keep; one more is rejected with 429.</summary>
    public int MaxVersions { get; init; } = 10_000;

    public void Check(string path, SettingsCheck check)
    {
        check.ErrorIf(MaxConcurrentCalls < 1, $"{path}.max_concurrent_calls", "must be positive");
        check.ErrorIf(MaxVersions < 1, $"{path}.max_versions", "must be positive");
    }
}
