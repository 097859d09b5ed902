using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.Gateway.Records.Repo;

/// <summary>
/// Ids are compared byte by byte (collation <c>C</c>), so that their order is the same on every server.
/// </summary>
file static class RepoColumns
{
    public const string Bytewise = "C";
    public const string NextPosition = "nextval('repo_seq')";
}

internal sealed class RecordTable : IEntityTypeConfiguration<RecordRow>
{
    public void Configure(EntityTypeBuilder<RecordRow> record)
    {
        record.Metadata.Model.AddSequence("repo_seq");
        record.ToTable("repo_records");
        record.HasKey(r => new { r.Tenant, r.Id });
        record.Property(r => r.Tenant).UseCollation(RepoColumns.Bytewise);
        record.Property(r => r.Id).UseCollation(RepoColumns.Bytewise);
        record.Property(r => r.Properties).HasColumnType("jsonb");
        record.Property(r => r.Seq).HasDefaultValueSql(RepoColumns.NextPosition);
    }
}

/// <summary>An edge cannot leave its tenant, because both its foreign keys contain it.</summary>
internal sealed class EdgeTable : IEntityTypeConfiguration<EdgeRow>
{
    public void Configure(EntityTypeBuilder<EdgeRow> edge)
    {
        edge.ToTable("repo_edges");
        // For walks along the edges; the index below is for walks against them.
        edge.HasKey(e => new { e.Tenant, e.FromId, e.Type, e.ToId });
        edge.HasIndex(e => new { e.Tenant, e.ToId, e.Type, e.FromId });
        edge.Property(e => e.Tenant).UseCollation(RepoColumns.Bytewise);
        edge.Property(e => e.FromId).UseCollation(RepoColumns.Bytewise);
        edge.Property(e => e.ToId).UseCollation(RepoColumns.Bytewise);
        edge.Property(e => e.Type).UseCollation(RepoColumns.Bytewise);
        edge.Property(e => e.Properties).HasColumnType("jsonb");
        edge.Property(e => e.Seq).HasDefaultValueSql(RepoColumns.NextPosition);
        edge.HasOne<RecordRow>().WithMany().HasForeignKey(e => new { e.Tenant, e.FromId })
            .OnDelete(DeleteBehavior.Restrict);
        edge.HasOne<RecordRow>().WithMany().HasForeignKey(e => new { e.Tenant, e.ToId })
            .OnDelete(DeleteBehavior.Restrict);
    }
}

/// <summary>A record, which is a node of the graph. Only ever added.</summary>
internal sealed class RecordRow
{
    public required string Tenant { get; init; }

    /// <summary>The client's, unique in the tenant.</summary>
    public required string Id { get; init; }

    public required string Type { get; init; }

    /// <summary>A JSON object.</summary>
    public required string Properties { get; init; }

    /// <summary>The caller that appended it.</summary>
    public required string Subject { get; init; }

    /// <summary>Grows with each append, with gaps; one sequence for records and edges.</summary>
    public long Seq { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>A directed edge; between two records there is one of each type. Only ever added.</summary>
internal sealed class EdgeRow
{
    public required string Tenant { get; init; }
    public required string FromId { get; init; }
    public required string Type { get; init; }
    public required string ToId { get; init; }

    /// <summary>A JSON object.</summary>
    public required string Properties { get; init; }

    public required string Subject { get; init; }
    public long Seq { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
}
