using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Generation;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Data;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.ChatApi.Conversations;

/// <summary>Conversations of one caller: every query is filtered by <c>(tenant, owner)</c>.</summary>
public sealed class ConversationStore(
    ChatDb db, DatabaseReady ready, IOptions<GenerationOptions> options, TimeProvider time)
{
    private const int TitleLength = 80;
    private const int HistoryMessages = 100;

    // A user who asks waits no longer than this for the database, whatever state it is in.
    private static readonly TimeSpan RecordWithin = TimeSpan.FromSeconds(2.5);

    public IQueryable<Conversation> Of(Caller caller) =>
        db.Conversations.Where(c => c.Tenant == caller.Tenant && c.Owner == caller.Subject);

    /// <summary>
    /// Records a question and the place of its answer in one transaction: after it, the answer exists as
    /// <c>streaming</c>, owned by <paramref name="owner"/>. Not tied to the client's connection: once begun it either
    /// commits or fails.
    /// </summary>
    /// <exception cref="ProblemException">
    /// 404 <c>conversation_not_found</c> (also another owner's), 409 <c>answer_in_progress</c>, 503
    /// <c>database_unavailable</c>.
    /// </exception>
    public async Task<GenerationOrder> RecordQuestionAsync(
        Caller caller, Guid? conversationId, string question, Guid owner, Uri engine)
    {
        ready.ThrowIfNotReady();
        using var bound = new CancellationTokenSource(RecordWithin, time);
        try
        {
            return await Transient.RetryOnceAsync(
                retry => RecordAsync(caller, conversationId, question, owner, engine, retry, bound.Token));
        }
        catch (DbUpdateException e) when (e.InnerException is PostgresException { ConstraintName: ChatDb.OneAnswerAtATime })
        {
            throw new ProblemException(409, ErrorCodes.AnswerInProgress,
                "An answer is still being written in this conversation. Wait for its end, or stop it.");
        }
        catch (OperationCanceledException) when (bound.IsCancellationRequested)
        {
            throw new ProblemException(503, ErrorCodes.DatabaseUnavailable,
                "The database did not answer in time. Nothing was asked; try again shortly.", TimeSpan.FromSeconds(2));
        }
    }

    private async Task<GenerationOrder> RecordAsync(
        Caller caller, Guid? conversationId, string question, Guid owner, Uri engine, RetryGate retry,
        CancellationToken cancellationToken)
    {
        db.ChangeTracker.Clear();
        var now = time.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var conversation = conversationId is { } id
            ? await LockAsync(caller, id, cancellationToken)
            : db.Add(new Conversation
            {
                Id = Guid.CreateVersion7(),
                Tenant = caller.Tenant,
                Owner = caller.Subject,
                Title = question.Length <= TitleLength ? question : Utf16.Truncate(question, TitleLength - 1) + "…",
                CreatedAt = now,
                UpdatedAt = now,
            }).Entity;

        var history = conversationId is null ? [] : await db.Messages.AsNoTracking()
            .Where(m => m.ConversationId == conversation.Id)
            .OrderByDescending(m => m.Position).Take(HistoryMessages).ToListAsync(cancellationToken);
        var position = history.Count == 0 ? 0 : history[0].Position + 1;
        var asked = new Message
        {
            Id = Guid.CreateVersion7(),
            ConversationId = conversation.Id,
            Position = position,
            Role = "user",
            Content = question,
            Status = AnswerStatus.Complete,
            CreatedAt = now,
            CompletedAt = now,
        };
        var answer = new Message
        {
            Id = Guid.CreateVersion7(),
            ConversationId = conversation.Id,
            Position = position + 1,
            Role = "assistant",
            Content = "",
            Status = AnswerStatus.Streaming,
            CreatedAt = now,
        };
        conversation.UpdatedAt = now;
        db.AddRange(asked, answer, new GenerationRow
        {
            Id = answer.Id,
            Owner = owner,
            Epoch = 1,
            EngineUrl = engine.ToString(),
            StartedAt = now,
        });
        await db.SaveChangesAsync(cancellationToken);
        retry.Close(); // from here on nobody knows whether it is committed
        await transaction.CommitAsync(cancellationToken);

        history.Insert(0, asked);
        var context = ContextWindow.Choose(history, options.Value.SystemPrompt, options.Value.MaxContextTokens);
        return new(answer.Id, conversation.Id, owner, 1, engine, context, caller.Tenant, caller.Subject);
    }

    private async Task<Conversation> LockAsync(Caller caller, Guid id, CancellationToken cancellationToken)
    {
        // The row lock gives out positions one by one; who waits for it sees the messages of who held it.
        var found = await db.Conversations.FromSql($"SELECT * FROM conversations WHERE id = {id} FOR UPDATE")
            .Where(c => c.Tenant == caller.Tenant && c.Owner == caller.Subject)
            .SingleOrDefaultAsync(cancellationToken);
        return found ?? throw NotFound(id);
    }

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
                    m.created_at, m.completed_at,
                    CASE WHEN m.status = {AnswerStatus.Streaming} THEN COALESCE((
                        SELECT string_agg(c.body, '' ORDER BY c.byte_offset)
                        FROM generation_chunks c WHERE c.generation_id = m.id), '')
                    ELSE m.content END AS content
             FROM messages m WHERE m.conversation_id = {conversationId}
             """).AsNoTracking().OrderBy(m => m.Position).ToListAsync(cancellationToken);
    }

    private static ProblemException NotFound(Guid id) =>
        new(404, ErrorCodes.ConversationNotFound, $"There is no conversation {id} of yours.");
}

internal static class Utf16
{
    /// <summary>At most <paramref name="length"/> UTF-16 units, never half of a surrogate pair.</summary>
    public static string Truncate(string text, int length) =>
        text.Length <= length ? text : text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];
}
