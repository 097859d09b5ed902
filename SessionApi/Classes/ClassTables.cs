using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Lyceum.SessionApi.Classes;

/// <summary>What teachers of a class may see of its students, as text in SQL and JSON.</summary>
internal static class Visibilities
{
    /// <summary>What they practised, how well, and what is due.</summary>
    public const string Progress = "progress";

    /// <summary>Also their conversations and sessions with the class's tutors.</summary>
    public const string Conversations = "conversations";
}

/// <summary>What can be shared with a class, as text in SQL and JSON.</summary>
internal static class ShareKinds
{
    public const string Tutor = "tutor";
    public const string Roadmap = "roadmap";
    public const string PracticeSet = "practice_set";
}

/// <summary>Students, what is shared with them, and their teachers, one of whom has the class.</summary>
internal sealed class ClassRow
{
    public Guid Id { get; init; }
    public required string Tenant { get; init; }

    /// <summary>The subject of the teacher who has it.</summary>
    public required string Owner { get; set; }

    /// <summary>Any script.</summary>
    public required string Name { get; set; }

    /// <summary>One of <see cref="Visibilities"/>: what whoever joins now agrees to.</summary>
    public required string Visibility { get; set; }

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Set: nobody joins, and nothing is shared by it any more.</summary>
    public DateTimeOffset? ArchivedAt { get; set; }
}

/// <summary>That somebody is a student of a class, and what they agreed to.</summary>
internal sealed class ClassMember
{
    public Guid ClassId { get; init; }

    /// <summary>Their subject.</summary>
    public required string Person { get; init; }

    public required string Tenant { get; init; }

    /// <summary>One of <see cref="Visibilities"/>: what they agreed to, at <see cref="AgreedAt"/>.</summary>
    public required string Visibility { get; set; }

    public DateTimeOffset JoinedAt { get; init; }
    public DateTimeOffset AgreedAt { get; set; }
}

/// <summary>That somebody teaches a class beside the teacher who has it.</summary>
internal sealed class ClassTeacher
{
    public Guid ClassId { get; init; }

    /// <summary>Their subject.</summary>
    public required string Person { get; init; }

    public required string Tenant { get; init; }
    public DateTimeOffset AddedAt { get; init; }
}

/// <summary>
/// What is kept of an archived class until its records are erased. A change of its members makes it anew: a trigger
/// clears it in the change's own transaction.
/// </summary>
internal sealed class ClassArchive
{
    public Guid ClassId { get; init; }
    public required string Tenant { get; init; }

    /// <summary>The deletion that makes the archive first, and erases the class afterwards.</summary>
    public Guid ErasureId { get; init; }

    public DateTimeOffset RequestedAt { get; init; }

    /// <summary>Until then it can be downloaded, and the class taken back.</summary>
    public DateTimeOffset EraseAt { get; init; }

    /// <summary>Goes up when what is stored is not right any more.</summary>
    public int Version { get; init; }

    /// <summary>Null while it is being made.</summary>
    public DateTimeOffset? ExportedAt { get; init; }

    /// <summary>A ZIP archive.</summary>
    public byte[]? Content { get; init; }
}

/// <summary>That a class may use something of its sharer's.</summary>
internal sealed class ClassShare
{
    public Guid ClassId { get; init; }

    /// <summary>One of <see cref="ShareKinds"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>Of a tutor its number, of a roadmap its task id, of a practice set its id.</summary>
    public required string Thing { get; init; }

    public required string Tenant { get; init; }

    /// <summary>Whose it is: who shared it.</summary>
    public required string Owner { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>
/// That a teacher was shown something of a student. Looks at the same view within a minute are one row, so that a page that
/// refreshes itself does not fill the table.
/// </summary>
internal sealed class Look
{
    public Guid Id { get; init; }
    public required string Tenant { get; init; }

    /// <summary>The student's subject.</summary>
    public required string Person { get; init; }

    public Guid ClassId { get; init; }

    /// <summary>As it was called then; the class may be gone.</summary>
    public required string ClassName { get; init; }

    /// <summary>Who looked: the subject.</summary>
    public required string Viewer { get; init; }

    public required string ViewerName { get; init; }

    /// <summary><c>overview | questions | student | transcripts | archive | concern</c>.</summary>
    public required string View { get; init; }

    /// <summary>The first look of the minute, cut to the minute.</summary>
    public DateTimeOffset Minute { get; init; }

    /// <summary>The last one.</summary>
    public DateTimeOffset At { get; init; }

    public int Times { get; init; }
}

/// <summary>
/// Tables <c>classes</c>, <c>class_members</c>, <c>class_teachers</c>, <c>class_archives</c>, <c>shares</c>,
/// <c>looks</c>.
/// </summary>
internal sealed class ClassTables :
    IEntityTypeConfiguration<ClassRow>, IEntityTypeConfiguration<ClassMember>, IEntityTypeConfiguration<ClassShare>,
    IEntityTypeConfiguration<Look>, IEntityTypeConfiguration<ClassTeacher>, IEntityTypeConfiguration<ClassArchive>
{
    public void Configure(EntityTypeBuilder<ClassRow> row)
    {
        row.ToTable("classes");
        row.Property(c => c.Id).ValueGeneratedNever();
        row.HasIndex(c => new { c.Tenant, c.Owner, c.Id });
    }

    public void Configure(EntityTypeBuilder<ClassMember> member)
    {
        member.ToTable("class_members");
        member.HasKey(m => new { m.ClassId, m.Person });
        member.HasOne<ClassRow>().WithMany().HasForeignKey(m => m.ClassId).OnDelete(DeleteBehavior.Cascade);
        member.HasIndex(m => new { m.Tenant, m.Person });
    }

    public void Configure(EntityTypeBuilder<ClassTeacher> teacher)
    {
        teacher.ToTable("class_teachers");
        teacher.HasKey(t => new { t.ClassId, t.Person });
        teacher.HasOne<ClassRow>().WithMany().HasForeignKey(t => t.ClassId).OnDelete(DeleteBehavior.Cascade);
        teacher.HasIndex(t => new { t.Tenant, t.Person });
    }

    public void Configure(EntityTypeBuilder<ClassArchive> archive)
    {
        archive.ToTable("class_archives");
        archive.HasKey(a => a.ClassId);
        archive.Property(a => a.ClassId).ValueGeneratedNever();
        archive.HasOne<ClassRow>().WithOne().HasForeignKey<ClassArchive>(a => a.ClassId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<ClassShare> share)
    {
        share.ToTable("shares");
        share.HasKey(s => new { s.ClassId, s.Kind, s.Thing });
        share.HasOne<ClassRow>().WithMany().HasForeignKey(s => s.ClassId).OnDelete(DeleteBehavior.Cascade);
        share.HasIndex(s => new { s.Tenant, s.Kind, s.Thing });
    }

    public void Configure(EntityTypeBuilder<Look> look)
    {
        look.ToTable("looks");
        look.Property(l => l.Id).ValueGeneratedNever();
        look.HasIndex(l => new { l.Tenant, l.Person, l.Id }); // what a student is shown, by cursor
        look.HasIndex(l => new { l.ClassId, l.Person, l.Viewer, l.View, l.Minute }).IsUnique();
        look.HasIndex(l => l.At); // for the sweep that deletes old ones
    }
}
