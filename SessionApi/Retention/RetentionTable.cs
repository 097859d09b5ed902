using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.SessionApi.Retention;

/// <summary>For how many days a tenant keeps things (table <c>tenant_retention</c>); null: for ever. No row: all for ever.</summary>
internal sealed class RetentionRow
{
    public required string Tenant { get; init; }
    public int? Conversations { get; set; }
    public int? Transcripts { get; set; }
    public int? Uploads { get; set; }
    public int? Logs { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }

    /// <summary>Who set it.</summary>
    public required string UpdatedBy { get; set; }
}

internal sealed class RetentionTable : IEntityTypeConfiguration<RetentionRow>
{
    public void Configure(EntityTypeBuilder<RetentionRow> row)
    {
        row.ToTable("tenant_retention");
        row.HasKey(r => r.Tenant);
    }
}
