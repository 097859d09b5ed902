using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>A version of a tenant's tools. Written once, never changed.</summary>
internal sealed class ToolVersionRow
{
    /// <summary>Of all tenants' versions in the order they were registered: the list's cursor.</summary>
    public long Id { get; init; }

    public required string Tenant { get; init; }
    public required string Version { get; init; }

    /// <summary>Of <see cref="Manifests"/>.</summary>
    public required string Digest { get; init; }

    /// <summary>
    /// The manifests, canonical JSON. Text, not <c>jsonb</c>, which would write numbers anew and so change the digest.
    /// </summary>
    public required string Manifests { get; init; }

    /// <summary>Of each manifest, JSON: what a list shows, without reading all of them.</summary>
    public required string Summary { get; init; }

    public required string CreatedBy { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>
/// A version came into force. The newest of a tenant is the one in force; none means the built-in version. Committed in the order of
/// their ids (see <see cref="ToolStore"/>), so that a replica that has seen one has seen all before it.
/// </summary>
internal sealed class ToolActivationRow
{
    public long Id { get; init; }
    public required string Tenant { get; init; }
    public required string Version { get; init; }
    public required string ActivatedBy { get; init; }
    public DateTimeOffset ActivatedAt { get; init; }
}

internal sealed class ToolVersionTable : IEntityTypeConfiguration<ToolVersionRow>
{
    public void Configure(EntityTypeBuilder<ToolVersionRow> version)
    {
        version.ToTable("tool_versions");
        version.HasKey(v => v.Id);
        version.HasIndex(v => new { v.Tenant, v.Version }).IsUnique();
        version.HasIndex(v => new { v.Tenant, v.Id }); // the list
    }
}

internal sealed class ToolActivationTable : IEntityTypeConfiguration<ToolActivationRow>
{
    public void Configure(EntityTypeBuilder<ToolActivationRow> activation)
    {
        activation.ToTable("tool_activations");
        activation.HasKey(a => a.Id);
        activation.HasIndex(a => new { a.Tenant, a.Id }); // the version in force, and the history
    }
}
