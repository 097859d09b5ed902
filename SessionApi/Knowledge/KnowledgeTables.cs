using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using NpgsqlTypes;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>A named collection of documents of one person.</summary>
internal sealed class KnowledgeBase
{
    public Guid Id { get; init; }
    public required string Tenant { get; init; }

    /// <summary>Whose it is: the subject. Null for a moment, where an earlier version made it.</summary>
    public required string? Owner { get; init; }

    /// <summary>The slug that clients chose and name it by; unique in the tenant.</summary>
    public required string KbId { get; init; }

    public required string Title { get; set; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>
/// A text as it was uploaded; its passages are made from it, and can be made again. Of a file
/// (<see cref="DocumentFiles"/>) this says what became of it; its bytes are a <see cref="DocumentOriginal"/>.
/// </summary>
internal sealed class Document
{
    public Guid Id { get; init; }
    public Guid KnowledgeBaseId { get; init; }

    /// <summary>
    /// Unique within the knowledge base among those that are ready, and among the others: uploading it again replaces it.
    /// </summary>
    public required string Name { get; init; }

    /// <summary>One of <see cref="Passages.MediaTypes"/> or <see cref="DocumentFiles.MediaTypes"/>.</summary>
    public required string MediaType { get; init; }

    /// <summary>Empty for a file.</summary>
    public required string Content { get; init; }

    /// <summary>Bytes as uploaded; of a text in UTF-8.</summary>
    public int Length { get; init; }

    /// <summary>UTF-8 bytes of what was read out of a file; 0 for a text, whose length it is.</summary>
    public int TextBytes { get; init; }

    /// <summary>A <see cref="DocumentStatus"/>.</summary>
    public string Status { get; init; } = DocumentStatus.Ready;

    /// <summary>Why it failed: an error code; null else.</summary>
    public string? Failure { get; init; }

    /// <summary>In words why it failed, or what is missing of it.</summary>
    public string? Detail { get; init; }

    public int? Pages { get; init; }

    /// <summary>How often somebody began to read it.</summary>
    public int Attempts { get; init; }

    /// <summary>Who reads it at present: an attempt that is not this one any more writes nothing.</summary>
    public Guid? Claim { get; init; }

    /// <summary>When another may take it over, by Postgres' clock.</summary>
    public DateTimeOffset? ClaimedUntil { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>
    /// Which <see cref="SearchTerms.Version"/> the terms of its passages are of; 0 before there were versions.
    /// </summary>
    public int IndexVersion { get; init; }
}

/// <summary>A file as it came, for as long as it may be read again. Apart, so that no list of documents touches it.</summary>
internal sealed class DocumentOriginal
{
    public Guid DocumentId { get; init; }
    public required byte[] Content { get; init; }
}

/// <summary>What is searched and quoted.</summary>
internal sealed class PassageRow
{
    public Guid DocumentId { get; init; }

    /// <summary>0, 1, 2 … within the document.</summary>
    public int Position { get; init; }

    /// <summary>Also in the document; here so that a search stays within one knowledge base by its own rows.</summary>
    public Guid KnowledgeBaseId { get; init; }

    public required string Section { get; init; }
    public required string Text { get; init; }

    /// <summary>Page or slide, from 1; null where the document has none.</summary>
    public int? Page { get; init; }

    /// <summary>
    /// Where its text begins in the document's (<see cref="ContentLayout"/>), in UTF-16 units; null until an older row is
    /// reindexed.
    /// </summary>
    public int? Start { get; init; }

    /// <summary>See <see cref="SearchTerms"/>.</summary>
    public required NpgsqlTsVector Terms { get; init; }
}

/// <summary>Tables <c>knowledge_bases</c>, <c>documents</c>, <c>document_originals</c>, <c>passages</c>.</summary>
internal sealed class KnowledgeTables :
    IEntityTypeConfiguration<KnowledgeBase>, IEntityTypeConfiguration<Document>, IEntityTypeConfiguration<DocumentOriginal>,
    IEntityTypeConfiguration<PassageRow>
{
    public void Configure(EntityTypeBuilder<KnowledgeBase> kb)
    {
        kb.ToTable("knowledge_bases");
        kb.Property(k => k.Id).ValueGeneratedNever();
        kb.HasIndex(k => new { k.Tenant, k.KbId }).IsUnique();
        kb.HasIndex(k => k.Id).HasFilter("owner IS NULL").HasDatabaseName("ix_knowledge_bases_unowned");
    }

    public void Configure(EntityTypeBuilder<Document> document)
    {
        document.ToTable("documents");
        document.Property(d => d.Id).ValueGeneratedNever();
        document.HasOne<KnowledgeBase>().WithMany().HasForeignKey(d => d.KnowledgeBaseId)
            .OnDelete(DeleteBehavior.Cascade);
        document.HasIndex(d => new { d.KnowledgeBaseId, d.Name }, "ix_documents_ready").IsUnique()
            .HasFilter("status = 'ready'");
        document.HasIndex(d => new { d.KnowledgeBaseId, d.Name }, "ix_documents_unready").IsUnique()
            .HasFilter("status <> 'ready'");
        document.HasIndex(d => d.CreatedAt).HasFilter("status IN ('queued', 'reading', 'indexing')"); // the queue
        document.Property(d => d.Status).HasDefaultValue(DocumentStatus.Ready);
        document.Property(d => d.TextBytes).HasDefaultValue(0);
        document.Property(d => d.Attempts).HasDefaultValue(0);
        document.Property(d => d.IndexVersion).HasDefaultValue(0);
        document.HasIndex(d => d.IndexVersion); // for the reindex after an upgrade
    }

    public void Configure(EntityTypeBuilder<DocumentOriginal> original)
    {
        original.ToTable("document_originals");
        original.HasKey(o => o.DocumentId);
        original.Property(o => o.DocumentId).ValueGeneratedNever();
        original.HasOne<Document>().WithOne().HasForeignKey<DocumentOriginal>(o => o.DocumentId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<PassageRow> passage)
    {
        passage.ToTable("passages");
        passage.HasKey(p => new { p.DocumentId, p.Position });
        passage.Property(p => p.Position).ValueGeneratedNever();
        passage.HasOne<Document>().WithMany().HasForeignKey(p => p.DocumentId).OnDelete(DeleteBehavior.Cascade);
        passage.HasIndex(p => p.KnowledgeBaseId);
        passage.HasIndex(p => p.Terms).HasMethod("gin");
    }
}
