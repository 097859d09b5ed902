using Lyceum.ChatApi.Data;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.ChatApi.Conversations;

/// <summary>Conversations of one caller: every query is filtered by <c>(tenant, owner)</c>.</summary>
public sealed class ConversationStore(ChatDb db, DatabaseReady ready, ConversationQuota quota, TimeProvider time)
{
    private const int TitleLength = 80;

    public IQueryable<Conversation> Of(Caller caller) =>
        db.Conversations.Where(c => c.Tenant == caller.Tenant && c.Owner == caller.Person);

    /// <summary>Records that an answer is to end; false if the caller has no such answer. One that has ended stays as it is.</summary>
    public async Task<bool> RequestStopAsync(Caller caller, Guid messageId, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return await Transient.RetryOnceAsync(async _ =>
        {
            var mine = await Of(caller).Join(db.Messages, c => c.Id, m => m.ConversationId, (_, m) => m)
                .AnyAsync(m => m.Id == messageId && m.Role == "assistant", cancellationToken);
            if (mine)
            {
                await db.Generations.Where(g => g.Id == messageId && g.EndedAt == null && g.StopRequestedAt == null)
                    .ExecuteUpdateAsync(set => set.SetProperty(g => g.StopRequestedAt, time.GetUtcNow()), cancellationToken);
            }
            return mine;
        });
    }

    /// <summary>A conversation without messages yet.</summary>
    public async Task<Conversation> CreateAsync(Caller caller, string? title, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await quota.CheckAsync(caller, conversations: 1, bytes: 0, cancellationToken);
        var now = time.GetUtcNow();
        var conversation = new Conversation
        {
            Id = Guid.CreateVersion7(),
            Tenant = caller.Tenant,
            Owner = caller.Person,
            Title = title is null ? "" : TitleOf(title),
            CreatedAt = now,
            UpdatedAt = now,
        };
        db.Add(conversation);
        await db.SaveChangesAsync(cancellationToken);
        return conversation;
    }

    public async Task<Conversation> ReadAsync(Caller caller, Guid id, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return await Transient.RetryOnceAsync(_ => Of(caller).AsNoTracking().SingleOrDefaultAsync(c => c.Id == id, cancellationToken))
            ?? throw NotFound(id);
    }

    public async Task<Conversation> RenameAsync(Caller caller, Guid id, string title, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var conversation = await Of(caller).SingleOrDefaultAsync(c => c.Id == id, cancellationToken) ?? throw NotFound(id);
        conversation.Title = TitleOf(title);
        await db.SaveChangesAsync(cancellationToken);
        return conversation;
    }

    /// <summary>Deletes a conversation with its messages; running answers in it end unwritten.</summary>
    /// <returns>The answers that were being written.</returns>
    public async Task<List<Guid>> DeleteAsync(Caller caller, Guid id, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        // The row lock first: a question that is being recorded comes before or after, never between.
        if (!await db.Conversations.FromSql($"SELECT * FROM conversations WHERE id = {id} FOR UPDATE")
                .AnyAsync(c => c.Tenant == caller.Tenant && c.Owner == caller.Person, cancellationToken))
            throw NotFound(id);
        var running = await db.Messages.Where(m => m.ConversationId == id && m.Status == AnswerStatus.Streaming)
            .Select(m => m.Id).ToListAsync(cancellationToken);
        // Generations first: a writer in flight holds no lock on them, but finds none at its next commit.
        await db.Conversations.Where(c => c.Id == id).ExecuteDeleteAsync(cancellationToken);
        await db.Set<GenerationChunk>().Where(c => running.Contains(c.GenerationId)).ExecuteDeleteAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return running;
    }

    internal static string TitleOf(string text) =>
        text.Length <= TitleLength ? text : Utf16.Truncate(text, TitleLength - 1) + "…";

    /// <summary>The messages of a conversation, oldest first; a running answer with what of it is committed.</summary>
    public async Task<List<Message>> MessagesAsync(Caller caller, Guid conversationId, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        if (!await Of(caller).AnyAsync(c => c.Id == conversationId, cancellationToken))
            throw NotFound(conversationId);

        // One statement, one snapshot: an answer that ends meanwhile is seen either before or after its compaction.
        return await db.Messages.FromSql(
            $"""
             SELECT m.id, m.conversation_id, m.position, m.role, m.status, m.finish_reason, m.usage, m.error,
                    m.thinking, m.tutor_id, m.kb_id, m.grounding, m.sources, m.moderation, m.help, m.created_at, m.completed_at,
                    CASE WHEN m.status = {AnswerStatus.Streaming} THEN COALESCE((
                        SELECT string_agg(c.body, '' ORDER BY c.byte_offset)
                        FROM generation_chunks c WHERE c.generation_id = m.id), '')
                    ELSE m.content END AS content
             FROM messages m WHERE m.conversation_id = {conversationId}
             """).AsNoTracking().OrderBy(m => m.Position).ToListAsync(cancellationToken);
    }

    internal static ProblemException NotFound(Guid id) =>
        new(404, ErrorCodes.ConversationNotFound, $"There is no conversation {id} of yours.");
}
