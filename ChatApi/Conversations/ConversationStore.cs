using Lyceum.ChatApi.Data;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Lyceum.ChatApi.Conversations;

/// <summary>Conversations of one caller: every query is filtered by <c>(tenant, owner)</c>.</summary>
public sealed class ConversationStore(
    ChatDb db, NpgsqlDataSource source, DatabaseReady ready, ConversationQuota quota, TimeProvider time)
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
            TitleSource = title is null ? TitleSources.Made : TitleSources.Person,
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

    /// <summary>Changes what is named; all of it, or nothing.</summary>
    /// <exception cref="ProblemException">404 <c>conversation_not_found</c>, <c>message_not_found</c>.</exception>
    public async Task<Conversation> ChangeAsync(Caller caller, Guid id, ConversationChange change, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var title = change.Title is null ? null : TitleOf(change.Title);
        var changed = await Transient.RetryOnceAsync(async retry =>
        {
            await using var connection = await source.OpenConnectionAsync(cancellationToken);
            using var watch = new CommitWatch(connection);
            // One transaction: the row's lock first, as for a question that is being recorded.
            await using var batch = new NpgsqlBatch(connection);
            foreach (var sql in (string[])[Lock, Branches.Link, Change])
            {
                var command = new NpgsqlBatchCommand(sql);
                foreach (var value in (object[])[id, caller.Tenant, caller.Person])
                    command.Parameters.Add(new() { Value = value });
                batch.BatchCommands.Add(command);
            }
            object?[] values =
            [
                title, title is null ? null : PersonTerms.Vector(caller.Tenant, caller.Person, title), change.Pinned, change.Archived,
                change.ActiveLeafId,
            ];
            foreach (var value in values)
                batch.BatchCommands[^1].Parameters.Add(new() { Value = value ?? DBNull.Value });
            retry.Close(); // from here on it may be committed
            await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
            {
                if (!await reader.ReadAsync(cancellationToken))
                    throw NotFound(id);
                await reader.NextResultAsync(cancellationToken);
                if (!await reader.ReadAsync(cancellationToken))
                    throw new ProblemException(404, ErrorCodes.MessageNotFound,
                        $"There is no message {change.ActiveLeafId} in conversation {id}.");
            }
            await watch.ConfirmAsync(cancellationToken);
            return id;
        });
        return await ReadAsync(caller, changed, cancellationToken);
    }

    private const string Lock = "SELECT 1 FROM conversations WHERE id = $1 AND tenant = $2 AND owner = $3 FOR UPDATE";

    // Of the branch that is to be shown any message may be named: it is followed to its newest end.
    private const string Change =
        """
        UPDATE conversations SET
            title = COALESCE($4::text, title), title_terms = COALESCE($5::text::tsvector, title_terms),
            title_source = CASE WHEN $4::text IS NULL THEN title_source ELSE 'person' END,
            title_due_at = CASE WHEN $4::text IS NULL THEN title_due_at END,
            is_pinned = COALESCE($6::boolean, is_pinned), is_archived = COALESCE($7::boolean, is_archived),
            active_leaf_id = COALESCE((
                WITH RECURSIVE below AS (
                    SELECT id, position FROM messages WHERE id = $8::uuid AND conversation_id = $1
                    UNION ALL
                    SELECT m.id, m.position FROM below b JOIN messages m ON m.conversation_id = $1 AND m.parent_id = b.id)
                SELECT id FROM below ORDER BY position DESC LIMIT 1), active_leaf_id)
        WHERE id = $1 AND tenant = $2 AND owner = $3
          AND ($8::uuid IS NULL OR EXISTS (SELECT 1 FROM messages WHERE id = $8::uuid AND conversation_id = $1))
        RETURNING 1
        """;

    /// <summary>What the caller thinks of an answer of theirs.</summary>
    /// <exception cref="ProblemException">404 <c>message_not_found</c>.</exception>
    public async Task RateAsync(
        Caller caller, Guid id, Guid messageId, string? rating, string? comment, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var rated = await Transient.RetryOnceAsync(_ => db.Messages
            .Where(m => m.Id == messageId && m.ConversationId == id && m.Role == "assistant"
                && Of(caller).Any(c => c.Id == m.ConversationId))
            .ExecuteUpdateAsync(
                set => set.SetProperty(m => m.Rating, rating).SetProperty(m => m.Comment, comment), cancellationToken));
        if (rated == 0)
            throw new ProblemException(404, ErrorCodes.MessageNotFound, $"There is no answer {messageId} in conversation {id} of yours.");
    }

    /// <summary>Of these conversations, the answers that are being written.</summary>
    public Task<Dictionary<Guid, Guid>> RunningAsync(IReadOnlyCollection<Guid> conversationIds, CancellationToken cancellationToken) =>
        db.Messages.Where(m => conversationIds.Contains(m.ConversationId) && m.Status == AnswerStatus.Streaming)
            .ToDictionaryAsync(m => m.ConversationId, m => m.Id, cancellationToken);

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

    internal static ProblemException NotFound(Guid id) =>
        new(404, ErrorCodes.ConversationNotFound, $"There is no conversation {id} of yours.");
}

/// <summary>What is to be changed of a conversation; null: it stays.</summary>
/// <param name="ActiveLeafId">A message of the branch that is to be shown.</param>
public sealed record ConversationChange(string? Title, bool? Pinned, bool? Archived, Guid? ActiveLeafId);
