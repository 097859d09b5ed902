using Lyceum.Gateway.Settings;

namespace Lyceum.Gateway.Tools.Egress;

/// <summary>Section <c>tools.egress</c>.</summary>
internal sealed record EgressSettings : ISectionSettings
{
    /// <summary>
    /// Where tools may connect to beside the public internet: networks (<c>10.1.0.0/16</c>), addresses, or names
    /// (<c>calendar.internal</c>); addresses and names may have a port, and then only that port is allowed.
    /// </summary>
    public IReadOnlyList<string> Allow { get; init; } = [];

    public void Check(string path, SettingsCheck check)
    {
        foreach (var (index, entry) in Allow.Index())
        {
            check.ErrorIf(!EgressPolicy.IsEntry(entry), $"{path}.allow[{index}]",
                "must be a network, an address or a name, with a port if only that is meant");
        }
    }
}
