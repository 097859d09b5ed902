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

/// <summary>A text as it was uploaded; its passages are made from it, and can be made again.</summary>
internal sealed class Document
{
    public Guid Id { get; init; }
    public Guid KnowledgeBaseId { get; init; }

    /// <summary>Unique within the knowledge base: uploading it again replaces it.</summary>
    public required string Name { get; init; }

    /// <summary>One of <see cref="Passages.MediaTypes"/>.</summary>
    public required string MediaType { get; init; }

    public required string Content { get; init; }

    /// <summary>UTF-8 bytes.</summary>
    public int Length { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>
    /// Which <see cref="SearchTerms.Version"/> the terms of its passages are of; 0 before there were versions.
    /// </summary>
    public int IndexVersion { get; init; }
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

    /// <summary>See <see cref="SearchTerms"/>.</summary>
    public required NpgsqlTsVector Terms { get; init; }
}

/// <summary>Tables <c>knowledge_bases</c>, <c>documents</c>, <c>passages</c>.</summary>
internal sealed class KnowledgeTables :
    IEntityTypeConfiguration<KnowledgeBase>, IEntityTypeConfiguration<Document>, IEntityTypeConfiguration<PassageRow>
{
    public void Configure(EntityTypeBuilder<KnowledgeBase> kb)
    {
        kb.ToTable("knowledge_bases");
        kb.Property(k => k.Id).ValueGeneratedNever();
        kb.HasIndex(k => new { k.Tenant, k.KbId }).IsUnique();
    }

    public void Configure(EntityTypeBuilder<Document> document)
    {
        document.ToTable("documents");
        document.Property(d => d.Id).ValueGeneratedNever();
        document.HasOne<KnowledgeBase>().WithMany().HasForeignKey(d => d.KnowledgeBaseId)
            .OnDelete(DeleteBehavior.Cascade);
        document.HasIndex(d => new { d.KnowledgeBaseId, d.Name }).IsUnique();
        document.Property(d => d.IndexVersion).HasDefaultValue(0);
        document.HasIndex(d => d.IndexVersion); // for the reindex after an upgrade
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
