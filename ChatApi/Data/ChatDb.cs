using Lyceum.Durability.Events;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.ChatApi.Data;

/// <summary>
/// chatdb. Conversations and messages are read and written through EF; what happens per token (<c>generation_chunks</c>,
/// <c>owners</c>) is plain SQL in <c>GenerationJournal</c> and
/// <see cref="Durability.Leases.LeaseKeeper"/>, and stands here only so that migrations create it. What is searched,
/// <c>messages.terms</c> and <c>conversations.title_terms</c>, is plain SQL too, and not here, so that no entity carries it.
/// </summary>
public sealed class ChatDb(DbContextOptions<ChatDb> options) : DbContext(options)
{
    public DbSet<Conversation> Conversations => Set<Conversation>();
    public DbSet<Message> Messages => Set<Message>();
    public DbSet<GenerationRow> Generations => Set<GenerationRow>();
    public DbSet<IdempotencyKey> IdempotencyKeys => Set<IdempotencyKey>();
    public DbSet<ModerationVerdict> Verdicts => Set<ModerationVerdict>();
    public DbSet<Concern> Concerns => Set<Concern>();
    public DbSet<ImageRow> Images => Set<ImageRow>();
    public DbSet<MessageImage> MessageImages => Set<MessageImage>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Conversation>(conversation =>
        {
            conversation.Property(c => c.Id).ValueGeneratedNever();
            // The version before inserts without these: who gave such a title is not known, so it counts as a person's.
            conversation.Property(c => c.TitleSource).HasDefaultValue(TitleSources.Person);
            conversation.Property(c => c.TitleTries).HasDefaultValue(0);
            conversation.Property(c => c.IsPinned).HasDefaultValue(false);
            conversation.Property(c => c.IsArchived).HasDefaultValue(false);
            // The owner's list, pinned and newest first, by cursor.
            conversation.HasIndex(c => new { c.Tenant, c.Owner, c.IsArchived, c.IsPinned, c.UpdatedAt, c.Id })
                .HasDatabaseName("ix_conversations_list");
            conversation.HasIndex(c => c.TitleDueAt).HasFilter("title_due_at IS NOT NULL");
        });

        modelBuilder.Entity<Message>(message =>
        {
            message.Property(m => m.Id).ValueGeneratedNever();
            message.HasOne<Conversation>().WithMany().HasForeignKey(m => m.ConversationId).OnDelete(DeleteBehavior.Cascade);
            message.HasIndex(m => new { m.ConversationId, m.Position }).IsUnique();
            message.HasIndex(m => new { m.ConversationId, m.ParentId });
            // What the version before wrote, which knows no branches (Branches).
            message.HasIndex(m => new { m.ConversationId, m.Depth }).HasFilter("depth IS NULL").HasDatabaseName("ix_messages_unlinked");
            // What was asked through a class, newest first.
            message.HasIndex(m => new { m.ClassId, m.CreatedAt }).HasFilter("class_id IS NOT NULL");
            // One answer at a time per conversation, held by the database.
            message.HasIndex(m => m.ConversationId).IsUnique()
                .HasFilter($"status = '{AnswerStatus.Streaming}'").HasDatabaseName(OneAnswerAtATime);
            message.Property(m => m.Usage).HasColumnType("jsonb");
            message.Property(m => m.Error).HasColumnType("jsonb");
            message.Property(m => m.Sources).HasColumnType("jsonb");
            message.Property(m => m.Help).HasColumnType("jsonb");
            message.Ignore(m => m.Images);
        });

        modelBuilder.Entity<ImageRow>(image =>
        {
            image.ToTable("images");
            image.Property(i => i.Id).ValueGeneratedNever();
            image.HasIndex(i => new { i.Tenant, i.Person });
            image.HasIndex(i => i.CreatedAt).HasFilter("used_at IS NULL").HasDatabaseName("ix_images_unused");
        });

        modelBuilder.Entity<MessageImage>(image =>
        {
            image.ToTable("message_images");
            image.HasKey(i => new { i.MessageId, i.Number });
            image.Property(i => i.Number).ValueGeneratedNever();
            image.HasOne<Message>().WithMany().HasForeignKey(i => i.MessageId).OnDelete(DeleteBehavior.Cascade);
            image.HasOne<ImageRow>().WithMany().HasForeignKey(i => i.ImageId).OnDelete(DeleteBehavior.NoAction);
            image.HasIndex(i => i.ImageId);
        });

        modelBuilder.Entity<GenerationRow>(generation =>
        {
            generation.ToTable("generations");
            generation.Property(g => g.Id).ValueGeneratedNever();
            generation.Property(g => g.Moderation).HasColumnType("jsonb");
            generation.HasOne<Message>().WithOne().HasForeignKey<GenerationRow>(g => g.Id).OnDelete(DeleteBehavior.Cascade);
            // What a sweep looks through: the running ones only.
            generation.HasIndex(g => g.Owner).HasFilter("ended_at IS NULL").HasDatabaseName("ix_generations_running");
        });

        // Append-only, and keyed by the offset itself: two writers can never both hold one position (docs/adr/0006).
        // No foreign key: its check would cost every token a lookup, and rows live only until compaction.
        modelBuilder.Entity<GenerationChunk>(chunk =>
        {
            chunk.ToTable("generation_chunks");
            chunk.HasKey(c => new { c.GenerationId, c.ByteOffset });
            chunk.Property(c => c.ByteOffset).ValueGeneratedNever();
        });

        modelBuilder.Entity<IdempotencyKey>(key =>
        {
            key.HasKey(k => new { k.Tenant, k.Owner, k.Key }).HasName(OneKeyOnce);
            key.HasIndex(k => k.CreatedAt); // what the sweep forgets
            key.HasOne<Message>().WithMany().HasForeignKey(k => k.MessageId).OnDelete(DeleteBehavior.Cascade);
        });

        modelBuilder.Entity<ModerationVerdict>(verdict =>
        {
            verdict.ToTable("moderation_verdicts");
            verdict.Property(v => v.Id).ValueGeneratedNever();
            verdict.HasOne<Message>().WithMany().HasForeignKey(v => v.MessageId).OnDelete(DeleteBehavior.Cascade);
            verdict.HasIndex(v => new { v.Tenant, v.Id }); // an owner's list, newest first, by cursor
        });

        // No foreign key: what a teacher was told stays when the student deletes the conversation.
        modelBuilder.Entity<Concern>(concern =>
        {
            concern.Property(c => c.Id).ValueGeneratedNever();
            concern.HasIndex(c => new { c.Tenant, c.Id });
        });

        modelBuilder.Entity<OwnerRow>(owner =>
        {
            owner.ToTable("owners");
            owner.Property(o => o.Id).ValueGeneratedNever();
        });

        modelBuilder.AddErasedPersons();
        modelBuilder.AddPersonEvents();
        modelBuilder.UseSnakeCaseNames();
    }

    public const string OneKeyOnce = "pk_idempotency_keys";
    public const string OneAnswerAtATime = "ix_messages_one_answer_at_a_time";
}

/// <summary>A thread of messages, owned by <c>(tenant, owner)</c>: other callers cannot tell that it exists.</summary>
public sealed class Conversation
{
    public Guid Id { get; init; }
    public required string Tenant { get; init; }

    /// <summary>The caller's <c>sub</c>.</summary>
    public required string Owner { get; init; }

    public required string Title { get; set; }

    /// <summary>One of <see cref="TitleSources"/>.</summary>
    public string TitleSource { get; set; } = TitleSources.Person;

    /// <summary>When a model is to be asked for a title, or that it is being asked until then; null: it is not to be.</summary>
    public DateTimeOffset? TitleDueAt { get; set; }

    /// <summary>How often a model was asked for it.</summary>
    public int TitleTries { get; set; }

    public bool IsPinned { get; set; }
    public bool IsArchived { get; set; }

    /// <summary>
    /// The last message of the branch that is shown and that a question goes on with; null: no messages, or none of this
    /// version's (<see cref="Branches"/>).
    /// </summary>
    public Guid? ActiveLeafId { get; set; }

    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>Who gave a conversation its title.</summary>
public static class TitleSources
{
    /// <summary>A person, for good.</summary>
    public const string Person = "person";

    /// <summary>A model, after the first answer.</summary>
    public const string Model = "model";

    /// <summary>The beginning of the first question.</summary>
    public const string Made = "made";
}

/// <summary>One turn. While an answer is being written its text is in <c>generation_chunks</c>, not here.</summary>
public sealed class Message
{
    public Guid Id { get; init; }
    public Guid ConversationId { get; init; }

    /// <summary>0, 1, 2 … within the conversation; given out under the conversation's row lock. A child's is above its parent's.</summary>
    public int Position { get; init; }

    /// <summary>
    /// What it follows: a question an answer, an answer a question; null: a first question. Set once, to a message that is
    /// there, so that there are no circles. No foreign key: messages go only with their conversation.
    /// </summary>
    public Guid? ParentId { get; init; }

    /// <summary>Messages before it on its branch; null: by the version before (<see cref="Branches"/>).</summary>
    public int? Depth { get; init; }

    /// <summary><c>user | assistant</c>.</summary>
    public required string Role { get; init; }

    public required string Content { get; set; }

    /// <summary>One of <see cref="AnswerStatus"/>; a user's message is always <c>complete</c>.</summary>
    public required string Status { get; set; }

    /// <summary>Why it ended, see <see cref="FinishReasons"/>; null while streaming and for a user's message.</summary>
    public string? FinishReason { get; set; }

    /// <summary><c>{"prompt_tokens","completion_tokens","total_tokens"}</c> as the model reported it.</summary>
    public string? Usage { get; set; }

    /// <summary>A problem document beside the text: never instead of it.</summary>
    public string? Error { get; set; }

    /// <summary>Of an answer: the model's reasoning before it, never part of it; null: none. Bounded.</summary>
    public string? Thinking { get; set; }

    /// <summary>Of an answer: who was asked; null: no tutor.</summary>
    public int? TutorId { get; init; }

    /// <summary>Of an answer: the knowledge base that was searched for it; null: none.</summary>
    public string? KbId { get; init; }

    /// <summary>A <c>GroundingStatus</c>; null where no knowledge base was searched.</summary>
    public string? Grounding { get; init; }

    /// <summary>
    /// The passages that the model was given (<c>AnswerSource</c>), recorded before it is asked;
    /// since the answer's end, with what it cites.
    /// </summary>
    public string? Sources { get; set; }

    /// <summary>Of an answer: how it was to be taught, as <c>Teaching</c> has it, with the three below; null: nothing was said.</summary>
    public string? Mode { get; init; }

    public string? ReadingLevel { get; init; }
    public string? Language { get; init; }
    public string? ConceptId { get; init; }

    /// <summary>Of an answer: the class through which the tutor is shared with the person; null: it is the person's own.</summary>
    public Guid? ClassId { get; init; }

    /// <summary>Of an answer, by who asked: <c>up | down</c>; null: none.</summary>
    public string? Rating { get; set; }

    /// <summary>To the rating, in words.</summary>
    public string? Comment { get; set; }
    /// <summary>A <see cref="ModerationStatus"/>; null: nothing was withheld, and nothing went unjudged that should not.</summary>
    public string? Moderation { get; set; }

    /// <summary>Of an answer: the help that the school gives at signs of self-harm in its question; null: there were none.</summary>
    public string? Help { get; set; }

    /// <summary>Of a question: its images, in order; from <c>message_images</c>, where they are read.</summary>
    public IReadOnlyList<ImageView> Images { get; set; } = [];

    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? CompletedAt { get; set; }
}

/// <summary>Who is writing an answer, and under which epoch (the fencing token).</summary>
public sealed class GenerationRow
{
    /// <summary>The message's id.</summary>
    public Guid Id { get; init; }

    /// <summary>A row of <c>owners</c>; an id without such a row means that the owner is dead.</summary>
    public Guid Owner { get; set; }

    /// <summary>Incremented by every takeover; every write checks it.</summary>
    public int Epoch { get; set; }

    /// <summary>The engine INSTANCE that generates, so that a new owner can find it again.</summary>
    public string? EngineUrl { get; set; }

    public DateTimeOffset StartedAt { get; init; }

    /// <summary>When the user asked for the end; recorded first, then signalled to the owner, so that it cannot be lost.</summary>
    public DateTimeOffset? StopRequestedAt { get; set; }

    /// <summary><c>on_disconnect: "stop"</c>; here so that it holds for whoever takes over.</summary>
    public bool StopsOnDisconnect { get; init; }

    /// <summary>What the model is told instead of <c>Generation:SystemPrompt</c>: the tutor's, as it was when it was asked.</summary>
    public string? SystemPrompt { get; init; }

    /// <summary>How the answer is moderated: the policy as it was when it was asked; null: not at all.</summary>
    public string? Moderation { get; init; }

    /// <summary>W3C <c>traceparent</c> of the request that asked.</summary>
    public string? Traceparent { get; init; }

    /// <summary>Null while running; set in the transaction that gives the message its terminal status.</summary>
    public DateTimeOffset? EndedAt { get; set; }
}

/// <summary>Text that has been shown or is about to be: one row per generation and commit, until compaction.</summary>
public sealed class GenerationChunk
{
    public Guid GenerationId { get; init; }

    /// <summary>UTF-8 bytes of the answer before this chunk.</summary>
    public int ByteOffset { get; init; }

    public required string Body { get; init; }
}

/// <summary>A question that may be sent again without being asked again: <c>Idempotency-Key</c> of <c>POST /chat</c>.</summary>
public sealed class IdempotencyKey
{
    public required string Tenant { get; init; }
    public required string Owner { get; init; }
    public required string Key { get; init; }

    /// <summary>SHA-256 of what was asked: the same key with another question is rejected.</summary>
    public required byte[] Fingerprint { get; init; }

    /// <summary>The answer.</summary>
    public Guid MessageId { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>One row per living process; see <see cref="Durability.Leases.LeaseKeeper"/>.</summary>
public sealed class OwnerRow
{
    public Guid Id { get; init; }

    /// <summary>By Postgres' <c>clock_timestamp()</c>.</summary>
    public DateTimeOffset LeaseUntil { get; set; }
}
