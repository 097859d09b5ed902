using System.Diagnostics;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Safety;
using Lyceum.ChatApi.Writing;
using Lyceum.EngineClient;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.Text;
using Lyceum.Text.Moderation;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.ChatApi.Asking;

/// <summary>
/// A burst of questions shares a few connections instead of opening one each: on a small machine a cold pool costs more
/// than the queue. A question that cannot be recorded in time is rejected.
/// </summary>
public sealed class Recorders(IOptions<ShareOptions> shares)
{
    private readonly SharedBound _places = new(16, shares.Value);

    public ValueTask<SharedBound.Held> TakeAsync(Sharer who, CancellationToken cancellationToken) =>
        _places.TakeAsync(who, cancellationToken);
}

/// <summary>Records questions, each with the place of its answer.</summary>
public sealed class QuestionStore(
    ChatDb db, ConversationStore conversations, ConversationQuota quota, NpgsqlDataSource source, DatabaseReady ready,
    Recorders recorders,
    IOptions<GenerationOptions> options, TimeProvider time)
{

    // A user who asks waits no longer than this for the database, whatever state it is in.
    private static readonly TimeSpan RecordWithin = TimeSpan.FromSeconds(2.5);

    /// <summary>
    /// Records a question and the place of its answer in one transaction: after it, the answer exists as
    /// <c>streaming</c>, owned by <paramref name="owner"/>. Not tied to the client's connection: once begun it either
    /// commits or fails.
    /// </summary>
    /// <param name="screened">What moderation made of the question; null: it is not moderated.</param>
    /// <param name="grounding">Recorded with the question, so that every owner of the answer gives the engine the same passages.</param>
    /// <exception cref="ProblemException">
    /// 404 <c>conversation_not_found</c> (also another owner's), 409 <c>answer_in_progress</c>, 503
    /// <c>database_unavailable</c>.
    /// </exception>
    public async Task<RecordedQuestion> RecordQuestionAsync(
        Caller caller, Question question, Guid owner, Uri engine, AnswerGrounding? grounding = null,
        Screened? screened = null)
    {
        ready.ThrowIfNotReady();
        using var bound = new CancellationTokenSource(RecordWithin, time);
        try
        {
            using var recorder = await recorders.TakeAsync(Sharer.Of(caller), bound.Token);
            return await Transient.RetryOnceAsync(
                retry => RecordAsync(caller, question, owner, engine, grounding, screened, retry, bound.Token));
        }
        catch (PostgresException e) when (e.ConstraintName == ChatDb.OneKeyOnce)
        {
            // The same request came in twice at once and the other one was first: its row is there now.
            return await FindByKeyAsync(caller, question, bound.Token)
                ?? throw new ProblemException(409, ErrorCodes.Conflict, "The same Idempotency-Key is being used by another request.");
        }
        catch (PostgresException e) when (e.ConstraintName == ChatDb.OneAnswerAtATime)
        {
            throw new ProblemException(409, ErrorCodes.AnswerInProgress,
                "An answer is still being written in this conversation. Wait for its end, or stop it.");
        }
        catch (PostgresException e) when (e is { SqlState: PostgresErrorCodes.NotNullViolation, TableName: "generations" })
        {
            throw new ProblemException(503, ErrorCodes.DatabaseUnavailable,
                "This replica is not ready to write answers. Nothing was asked; try again shortly.", TimeSpan.FromSeconds(1));
        }
        catch (OperationCanceledException) when (bound.IsCancellationRequested)
        {
            throw NotInTime();
        }
    }

    /// <summary>
    /// Plain SQL, because every question pays for it: a new conversation is one round trip, a further question three, an
    /// idempotency key one more.
    /// </summary>
    private async Task<RecordedQuestion> RecordAsync(
        Caller caller, Question question, Guid owner, Uri engine, AnswerGrounding? grounding, Screened? screened,
        RetryGate retry, CancellationToken cancellationToken)
    {
        if (await FindByKeyAsync(caller, question, cancellationToken) is { } before)
            return before;
        await quota.CheckAsync(caller, question.ConversationId is null ? 1 : 0, question.Text.Length, cancellationToken);

        var (asked, answer, now) = (Guid.CreateVersion7(), Guid.CreateVersion7(), time.GetUtcNow());
        var refused = screened?.Refused is null ? null : AnswerEnd.Refused();
        var moderation = screened?.AnswerPolicy;
        var conversation = question.ConversationId ?? Guid.CreateVersion7();
        var history = new List<ContextMessage> { new("user", question.Text) }; // newest first
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        using var watch = new CommitWatch(connection);
        var isNew = question.ConversationId is null;
        await using var transaction = isNew && options.Value.MaxRunningPerUser == 0
            ? null : await connection.BeginTransactionAsync(cancellationToken);
        await LimitAsync(connection, caller, cancellationToken);
        var position = isNew ? 0 : await LockAsync(connection, caller, conversation, history, cancellationToken);
        var (context, usage) = ContextWindow.Choose(
            history, position + 1 - history.Count, options.Value.SystemPrompt, options.Value.MaxContextTokens, grounding);

        // Without an explicit transaction a batch is one of its own. An owner without a row may begin nothing (rule 3): its
        // id is null then, which the table rejects.
        await using var batch = new NpgsqlBatch(connection);
        if (isNew)
            Add(batch, "INSERT INTO conversations (id, tenant, owner, title, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)",
                conversation, caller.Tenant, caller.Person, ConversationStore.TitleOf(question.Text), now);
        else
            Add(batch, "UPDATE conversations SET updated_at = $2 WHERE id = $1", conversation, now);
        Add(batch,
            """
            INSERT INTO messages (id, conversation_id, position, role, content, status, created_at, completed_at, usage,
                                  tutor_id, kb_id, grounding, sources, moderation, help, finish_reason, error)
            VALUES ($1, $3, $4, 'user', $5, 'complete', $6, $6, NULL, NULL, NULL, NULL, NULL, $12::text, NULL, NULL, NULL),
                   ($2, $3, $4 + 1, 'assistant', '', $15::text, $6, CASE WHEN $15::text <> 'streaming' THEN $6 END, $7::jsonb, $8::int,
                    $9::text, $10::text, $11::jsonb, $13::text, $14::jsonb, $16::text, $17::jsonb)
            """, asked, answer, conversation, position, question.Text, now, AnswerJson.Write(usage)!,
            OrNull(grounding?.TutorId), OrNull(grounding?.KbId), OrNull(grounding?.Status),
            OrNull(grounding?.Status is null ? null : StorableText.OfJson(AnswerJson.Write(grounding.Sources))),
            OrNull(screened?.StatusOfQuestion), OrNull(refused?.Moderation ?? screened?.StatusOfQuestion),
            OrNull(StorableText.OfJson(AnswerJson.Write(screened?.Help))), refused?.Status ?? AnswerStatus.Streaming,
            OrNull(refused?.FinishReason), OrNull(AnswerJson.Write(refused?.Error)));
        if (refused is null)
        {
            Add(batch,
                """
                INSERT INTO generations (id, owner, epoch, engine_url, started_at, stops_on_disconnect, traceparent, system_prompt,
                                         moderation)
                VALUES ($1, (SELECT id FROM owners WHERE id = $2 FOR KEY SHARE), 1, $3, $4, $5, $6, $7, $8::jsonb)
                """, answer, owner, engine.ToString(), now, question.StopsOnDisconnect, OrNull(Traceparent.Current),
                OrNull(grounding?.SystemPrompt), OrNull(StorableText.OfJson(AnswerJson.Write(moderation))));
        }
        if (screened?.Refused is { } verdict)
        {
            Add(batch,
                """
                INSERT INTO moderation_verdicts (id, tenant, person, conversation_id, message_id, created_at, side, by, category, quote)
                VALUES ($1, $2, $3, $4, $5, $6, 'question', $7, $8, $9)
                """, Guid.CreateVersion7(), caller.Tenant, caller.Person, conversation, answer, now, AnswerJson.NameOf(verdict.By),
                StorableText.Of(verdict.Category), StorableText.Of(verdict.Quote));
        }
        if (screened?.Concern is { } sign)
        {
            Add(batch,
                """
                INSERT INTO concerns (id, tenant, person, conversation_id, message_id, class_id, created_at, by, category, quote, tell)
                VALUES ($1, $2, $3, $4, $5, $6::uuid, $7, $8, $9, $10, $11)
                """, Guid.CreateVersion7(), caller.Tenant, caller.Person, conversation, answer, OrNull(screened.Policy.ClassId), now,
                AnswerJson.NameOf(sign.By), StorableText.Of(sign.Category), StorableText.Truncate(question.Text, Verdict.MaxQuote),
                (screened.Policy.Tell ?? []).ToArray());
        }
        if (question.IdempotencyKey is { } key)
        {
            Add(batch, "INSERT INTO idempotency_keys (tenant, owner, key, fingerprint, message_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
                caller.Tenant, caller.Person, key, question.Fingerprint(), answer, now);
        }
        if (transaction is null)
            retry.Close(); // from here on it may be committed
        await batch.ExecuteNonQueryAsync(cancellationToken);
        if (transaction is not null)
        {
            retry.Close();
            await transaction.CommitAsync(cancellationToken);
        }
        await watch.ConfirmAsync(cancellationToken);

        return new(conversation, answer, refused is not null ? null : new GenerationOrder(
            answer, conversation, owner, 1, engine, context, caller.Tenant, caller.Person, question.StopsOnDisconnect, usage,
            Trace: Activity.Current?.Context ?? default, Grounding: grounding,
            Moderation: moderation, Unjudged: screened?.StatusOfQuestion == ModerationStatus.Unavailable), screened?.Help);
    }

    /// <summary>
    /// What was asked under this question's key before, so that nothing is searched for it again; null if nothing was.
    /// </summary>
    public async Task<RecordedQuestion?> FindAskedAsync(Caller caller, Question question)
    {
        if (question.IdempotencyKey is null)
            return null;
        return await ReadInTimeAsync(cancellationToken => FindByKeyAsync(caller, question, cancellationToken));
    }

    /// <summary>The last things that were asked in a conversation, newest first; none where there is no such conversation of theirs.</summary>
    public async Task<List<string>> EarlierQuestionsAsync(Caller caller, Guid? conversationId)
    {
        if (conversationId is null)
            return [];
        return await ReadInTimeAsync(cancellationToken => conversations.Of(caller).Where(c => c.Id == conversationId)
            .Join(db.Messages, c => c.Id, m => m.ConversationId, (_, m) => m).Where(m => m.Role == "user" && m.Moderation != ModerationStatus.Refused)
            .OrderByDescending(m => m.Position).Take(Topic.MaxEarlier).Select(m => m.Content).ToListAsync(cancellationToken));
    }

    /// <summary>A read that a question waits for, no longer than for its recording.</summary>
    private async Task<T> ReadInTimeAsync<T>(Func<CancellationToken, Task<T>> read)
    {
        ready.ThrowIfNotReady();
        using var bound = new CancellationTokenSource(RecordWithin, time);
        try
        {
            return await Transient.RetryOnceAsync(_ => read(bound.Token));
        }
        catch (OperationCanceledException) when (bound.IsCancellationRequested)
        {
            throw NotInTime();
        }
    }

    /// <summary>What was asked under this key before; null if nothing was.</summary>
    private async Task<RecordedQuestion?> FindByKeyAsync(Caller caller, Question question, CancellationToken cancellationToken)
    {
        if (question.IdempotencyKey is not { } key)
            return null;
        var found = await (
            from k in db.IdempotencyKeys.AsNoTracking()
            join m in db.Messages on k.MessageId equals m.Id
            where k.Tenant == caller.Tenant && k.Owner == caller.Person && k.Key == key
            select new { k.Fingerprint, k.MessageId, m.ConversationId, m.Help }).SingleOrDefaultAsync(cancellationToken);
        if (found is null)
            return null;
        IdempotencyKeys.RequireSame(found.Fingerprint, question.Fingerprint(),
            "This Idempotency-Key was used for another question. Use a new key for a new question.");
        return new(found.ConversationId, found.MessageId, null, AnswerJson.Parse<SafetyHelp>(found.Help));
    }

    private async Task LimitAsync(NpgsqlConnection connection, Caller caller, CancellationToken cancellationToken)
    {
        if (options.Value.MaxRunningPerUser is not (> 0 and var most))
            return;
        await connection.LockCountAsync("streaming", $"{caller.Tenant} {caller.Person}", cancellationToken);
        await using var count = new NpgsqlCommand(
            """
            SELECT count(*) FROM messages m JOIN conversations c ON c.id = m.conversation_id
            WHERE c.tenant = $1 AND c.owner = $2 AND m.status = $3
            """, connection);
        foreach (var value in (string[])[caller.Tenant, caller.Person, AnswerStatus.Streaming])
            count.Parameters.Add(new() { Value = value });
        var running = (long)(await count.ExecuteScalarAsync(cancellationToken))!;
        if (running >= most)
            throw new ProblemException(429, ErrorCodes.Overloaded,
                $"You have {running} answers being written, and may have {most}. Wait for one, or stop it.", TimeSpan.FromSeconds(2));
    }

    /// <summary>
    /// Locks the conversation and appends what was said in it to <paramref name="history"/>. The row lock gives out
    /// positions one by one: the second statement's snapshot has the messages of the former lock holders.
    /// </summary>
    /// <returns>The next position.</returns>
    private static async Task<int> LockAsync(
        NpgsqlConnection connection, Caller caller, Guid conversation, List<ContextMessage> history,
        CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        Add(batch, "SELECT 1 FROM conversations WHERE id = $1 AND tenant = $2 AND owner = $3 FOR UPDATE",
            conversation, caller.Tenant, caller.Person);
        Add(batch, "SELECT position, role, content, moderation FROM messages WHERE conversation_id = $1 ORDER BY position DESC LIMIT $2",
            conversation, ContextWindow.MaxMessages);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
            throw ConversationStore.NotFound(conversation);
        await reader.NextResultAsync(cancellationToken);
        var next = 0;
        while (await reader.ReadAsync(cancellationToken))
        {
            next = Math.Max(next, reader.GetInt32(0) + 1);
            if (reader.GetValue(3) is not ModerationStatus.Refused)
                history.Add(new(reader.GetString(1), reader.GetString(2)));
        }
        return next;
    }

    private static object OrNull(object? value) => value ?? DBNull.Value;

    private static void Add(NpgsqlBatch batch, string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        batch.BatchCommands.Add(command);
    }

    private static ProblemException NotInTime() => new(503, ErrorCodes.DatabaseUnavailable,
        "The database did not answer in time. Nothing was asked; try again shortly.", TimeSpan.FromSeconds(2));
}
