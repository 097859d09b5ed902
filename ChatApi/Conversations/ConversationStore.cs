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
    ChatDb db, NpgsqlDataSource source, DatabaseReady ready, IOptions<GenerationOptions> options, TimeProvider time)
{
    private const int TitleLength = 80;
    private const int HistoryMessages = 100;

    // A burst of questions shares a few connections instead of opening one each: on a small machine a cold pool costs more
    // than the queue. Who cannot be served within the bound below is refused.
    private static readonly SemaphoreSlim Recorders = new(16);

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
        var recording = false;
        try
        {
            await Recorders.WaitAsync(bound.Token);
            recording = true;
            return await Transient.RetryOnceAsync(
                retry => RecordAsync(caller, conversationId, question, owner, engine, retry, bound.Token));
        }
        catch (PostgresException e) when (e.ConstraintName == ChatDb.OneAnswerAtATime)
        {
            throw new ProblemException(409, ErrorCodes.AnswerInProgress,
                "An answer is still being written in this conversation. Wait for its end, or stop it.");
        }
        catch (OperationCanceledException) when (bound.IsCancellationRequested)
        {
            throw new ProblemException(503, ErrorCodes.DatabaseUnavailable,
                "The database did not answer in time. Nothing was asked; try again shortly.", TimeSpan.FromSeconds(2));
        }
        finally
        {
            if (recording)
                Recorders.Release();
        }
    }

    /// <summary>
    /// Plain SQL, because every question pays for it: a new conversation is one round trip, a further question three.
    /// </summary>
    private async Task<GenerationOrder> RecordAsync(
        Caller caller, Guid? conversationId, string question, Guid owner, Uri engine, RetryGate retry,
        CancellationToken cancellationToken)
    {
        var (answer, now) = (Guid.CreateVersion7(), time.GetUtcNow());
        var conversation = conversationId ?? Guid.CreateVersion7();
        var history = new List<ContextMessage> { new("user", question) }; // newest first
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var transaction = conversationId is null ? null : await connection.BeginTransactionAsync(cancellationToken);
        var position = transaction is null ? 0 : await LockAsync(connection, caller, conversation, history, cancellationToken);

        // Without an explicit transaction a batch is one of its own.
        await using var batch = new NpgsqlBatch(connection);
        if (transaction is null)
            Add(batch, "INSERT INTO conversations (id, tenant, owner, title, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)",
                conversation, caller.Tenant, caller.Subject, TitleOf(question), now);
        else
            Add(batch, "UPDATE conversations SET updated_at = $2 WHERE id = $1", conversation, now);
        Add(batch,
            """
            INSERT INTO messages (id, conversation_id, position, role, content, status, created_at, completed_at)
            VALUES ($1, $3, $4, 'user', $5, 'complete', $6, $6), ($2, $3, $4 + 1, 'assistant', '', 'streaming', $6, NULL)
            """, Guid.CreateVersion7(), answer, conversation, position, question, now);
        Add(batch, "INSERT INTO generations (id, owner, epoch, engine_url, started_at) VALUES ($1, $2, 1, $3, $4)",
            answer, owner, engine.ToString(), now);
        if (transaction is null)
            retry.Close(); // from here on nobody knows whether it is committed
        await batch.ExecuteNonQueryAsync(cancellationToken);
        if (transaction is not null)
        {
            retry.Close();
            await transaction.CommitAsync(cancellationToken);
        }

        var context = ContextWindow.Choose(history, options.Value.SystemPrompt, options.Value.MaxContextTokens);
        return new(answer, conversation, owner, 1, engine, context, caller.Tenant, caller.Subject);
    }

    /// <summary>
    /// Locks the conversation and appends what was said in it to <paramref name="history"/>. The row lock gives out
    /// positions one by one: the second statement's snapshot has the messages of whoever held the lock before.
    /// </summary>
    /// <returns>The next position.</returns>
    private static async Task<int> LockAsync(
        NpgsqlConnection connection, Caller caller, Guid conversation, List<ContextMessage> history,
        CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        Add(batch, "SELECT 1 FROM conversations WHERE id = $1 AND tenant = $2 AND owner = $3 FOR UPDATE",
            conversation, caller.Tenant, caller.Subject);
        Add(batch, "SELECT position, role, content FROM messages WHERE conversation_id = $1 ORDER BY position DESC LIMIT $2",
            conversation, HistoryMessages);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
            throw NotFound(conversation);
        await reader.NextResultAsync(cancellationToken);
        var next = 0;
        while (await reader.ReadAsync(cancellationToken))
        {
            next = Math.Max(next, reader.GetInt32(0) + 1);
            history.Add(new(reader.GetString(1), reader.GetString(2)));
        }
        return next;
    }

    private static void Add(NpgsqlBatch batch, string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        batch.BatchCommands.Add(command);
    }

    private static string TitleOf(string text) =>
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
