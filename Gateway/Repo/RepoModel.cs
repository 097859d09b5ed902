using Microsoft.EntityFrameworkCore;

namespace Lyceum.Gateway.Repo;

/// <summary>
/// A tenant's records and the edges between them. Both are only ever added. Ids are compared byte by byte (collation
/// <c>C</c>), so that their order is the same on every server; an edge cannot leave its tenant, as both its foreign keys carry it.
/// </summary>
internal static class RepoModel
{
    private const string Bytewise = "C";
    private const string NextPosition = "nextval('repo_seq')";

    public static void Configure(ModelBuilder model)
    {
        model.HasSequence<long>("repo_seq");
        model.Entity<RecordRow>(record =>
        {
            record.ToTable("repo_records");
            record.HasKey(r => new { r.Tenant, r.Id });
            record.Property(r => r.Tenant).UseCollation(Bytewise);
            record.Property(r => r.Id).UseCollation(Bytewise);
            record.Property(r => r.Properties).HasColumnType("jsonb");
            record.Property(r => r.Seq).HasDefaultValueSql(NextPosition);
        });
        model.Entity<EdgeRow>(edge =>
        {
            edge.ToTable("repo_edges");
            // The way out; the index below is the way in.
            edge.HasKey(e => new { e.Tenant, e.FromId, e.Type, e.ToId });
            edge.HasIndex(e => new { e.Tenant, e.ToId, e.Type, e.FromId });
            edge.Property(e => e.Tenant).UseCollation(Bytewise);
            edge.Property(e => e.FromId).UseCollation(Bytewise);
            edge.Property(e => e.ToId).UseCollation(Bytewise);
            edge.Property(e => e.Type).UseCollation(Bytewise);
            edge.Property(e => e.Properties).HasColumnType("jsonb");
            edge.Property(e => e.Seq).HasDefaultValueSql(NextPosition);
            edge.HasOne<RecordRow>().WithMany().HasForeignKey(e => new { e.Tenant, e.FromId }).OnDelete(DeleteBehavior.Restrict);
            edge.HasOne<RecordRow>().WithMany().HasForeignKey(e => new { e.Tenant, e.ToId }).OnDelete(DeleteBehavior.Restrict);
        });
    }
}

/// <summary>A record, which is a node of the graph.</summary>
public sealed class RecordRow
{
    public required string Tenant { get; init; }

    /// <summary>The client's, unique in the tenant.</summary>
    public required string Id { get; init; }

    public required string Type { get; init; }

    /// <summary>A JSON object.</summary>
    public required string Properties { get; init; }

    /// <summary>Who appended it.</summary>
    public required string Subject { get; init; }

    /// <summary>Grows with each append, with gaps; one sequence for records and edges.</summary>
    public long Seq { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>A directed edge; between two records there is one of a type.</summary>
public sealed class EdgeRow
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
