namespace Lyceum.Contracts;

/// <summary>
/// Event, for every gateway: another version of a tenant's tools is in force. Sent after the commit. A hint (rule 2): it only makes a
/// gateway look at the registry now instead of within a second.
/// </summary>
/// <param name="Tenant">Whose tools.</param>
/// <param name="Version">The version.</param>
public sealed record ToolVersionActivated(string Tenant, string Version);
