using System.Diagnostics;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Titles;
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
using static Lyceum.ChatApi.Asking.SqlBatch;

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
    Recorders recorders, IOptions<GenerationOptions> options, IOptions<ConversationOptions> bounds, IOptions<TitleOptions> titles,
    TimeProvider time)
{
    /// <summary>The owner of an answer that is for whichever replica takes it on: one that is stopping leaves it to the others.</summary>
    public static readonly Guid Nobody = Guid.Empty;

    // A user who asks waits no longer than this for the database, whatever state it is in.
    private static readonly TimeSpan RecordWithin = TimeSpan.FromSeconds(2.5);

    /// <summary>
    /// Records a question and the place of its answer in one transaction: after it, the answer exists as
    /// <c>streaming</c>, owned by <paramref name="owner"/>, which must hold its lease, or by <see cref="Nobody"/>. Not tied to the client's connection: once begun it either
    /// commits or fails.
    /// </summary>
    /// <param name="screened">What moderation made of the question; null: it is not moderated.</param>
    /// <param name="seeing">An engine that takes images, for a conversation that has some; null: none is known.</param>
    /// <param name="grounding">Recorded with the question, so that every owner of the answer gives the engine the same passages.</param>
    /// <exception cref="ProblemException">
    /// 404 <c>conversation_not_found</c>, <c>message_not_found</c>, <c>image_not_found</c> (also another owner's), 409 <c>answer_in_progress</c>,
    /// <c>limit_reached</c>, 503 <c>database_unavailable</c>.
    /// </exception>
    public async Task<RecordedQuestion> RecordQuestionAsync(
        Caller caller, Question question, Guid owner, Uri engine, AnswerGrounding? grounding = null,
        Screened? screened = null, Uri? seeing = null)
    {
        ready.ThrowIfNotReady();
        using var bound = new CancellationTokenSource(RecordWithin, time);
        try
        {
            using var recorder = await recorders.TakeAsync(Sharer.Of(caller), bound.Token);
            return await Transient.RetryOnceAsync(
                retry => RecordAsync(caller, question, owner, engine, grounding, screened, seeing, retry, bound.Token));
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
        catch (PostgresException e) when (e is { SqlState: PostgresErrorCodes.NotNullViolation, TableName: "message_images" })
        {
            throw new ProblemException(404, ErrorCodes.ImageNotFound,
                "One of the images is not there, or not yours. Upload it with POST /api/images; one that no question uses is kept for a day.");
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
        Uri? seeing, RetryGate retry, CancellationToken cancellationToken)
    {
        if (await FindByKeyAsync(caller, question, cancellationToken) is { } before)
            return before;
        var isNew = question.ConversationId is null;
        var isRegeneration = question.RegenerateOf is not null;
        await quota.CheckAsync(caller, isNew ? 1 : 0, isRegeneration ? 0 : question.Text.Length, cancellationToken);

        var (asked, answer, now) = (Guid.CreateVersion7(), Guid.CreateVersion7(), time.GetUtcNow());
        var refused = screened?.Refused is null ? null : AnswerEnd.Refused();
        var moderation = screened?.AnswerPolicy;
        var conversation = question.ConversationId ?? Guid.CreateVersion7();
        var terms = isRegeneration ? "" : PersonTerms.Vector(caller.Tenant, caller.Person, question.Text);
        var history = new List<ContextMessage>(); // newest first
        if (!isRegeneration)
            history.Add(new("user", question.Text) { Images = question.Images });
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        using var watch = new CommitWatch(connection);
        await using var transaction = isNew && options.Value.MaxRunningPerUser == 0
            ? null : await connection.BeginTransactionAsync(cancellationToken);
        await LimitAsync(connection, caller, cancellationToken);
        var place = isNew ? Place.First : await Place.LockAsync(
            connection, caller, conversation, question, history, bounds.Value.MaxBranches, cancellationToken);
        // Images are not moderated: where a school wants that, a model is shown none, not of earlier questions either.
        var (context, usage) = ContextWindow.Choose(
            history, place.Earlier, options.Value.SystemPrompt, options.Value.MaxContextTokens, grounding,
            screened?.TakesImages is false ? 0 : ImageLimits.PerQuestion);
        if (usage.ContextImages > 0)
            engine = seeing ?? engine;

        // Without an explicit transaction a batch is one of its own. An owner without a row may begin nothing (rule 3): its
        // id is null then, which the table rejects.
        await using var batch = new NpgsqlBatch(connection);
        var title = ConversationStore.TitleOf(question.Text);
        // Where answers are moderated no model makes the title: nobody would judge that.
        var titleDue = OrNull(titles.Value.Enabled && moderation is null ? now : null);
        if (isNew)
        {
            batch.Add(
                """
                INSERT INTO conversations (id, tenant, owner, title, title_source, title_due_at, title_terms, active_leaf_id,
                                           created_at, updated_at)
                VALUES ($1, $2, $3, $4, 'made', $7::timestamptz, $8::tsvector, $6, $5, $5)
                """, conversation, caller.Tenant, caller.Person, title, now, answer, titleDue,
                PersonTerms.Vector(caller.Tenant, caller.Person, title));
        }
        else
        {
            batch.Add(
                """
                UPDATE conversations SET updated_at = $2, active_leaf_id = $3, title_due_at = CASE
                    WHEN title_source = 'made' AND title_tries < $4 THEN COALESCE(title_due_at, $5::timestamptz) END
                WHERE id = $1
                """, conversation, now, answer, TitleOptions.MaxTries, titleDue);
        }
        if (!isRegeneration)
        {
            batch.Add(
                """
                INSERT INTO messages (id, conversation_id, position, parent_id, depth, role, content, status, created_at, completed_at,
                                      terms, moderation)
                VALUES ($1, $2, $3, $4::uuid, $5, 'user', $6, 'complete', $7, $7, $8::tsvector, $9::text)
                """, asked, conversation, place.Position, OrNull(place.Parent), place.Depth, question.Text, now, terms,
                OrNull(screened?.StatusOfQuestion));
            place = place.After(asked);
        }
        var teaching = grounding?.Teaching;
        batch.Add(
            """
            INSERT INTO messages (id, conversation_id, position, parent_id, depth, role, content, status, created_at, completed_at,
                                  usage, tutor_id, kb_id, grounding, sources, mode, reading_level, language, concept_id, class_id,
                                  moderation, help, finish_reason, error)
            VALUES ($1, $2, $3, $4::uuid, $5, 'assistant', '', $17, $6, CASE WHEN $17 <> 'streaming' THEN $6 END, $7::jsonb, $8::int,
                    $9::text, $10::text, $11::jsonb, $12::text, $13::text, $14::text, $15::text, $16::uuid, $18::text, $19::jsonb,
                    $20::text, $21::jsonb)
            """, answer, conversation, place.Position, OrNull(place.Parent), place.Depth, now, AnswerJson.Write(usage)!,
            OrNull(grounding?.TutorId), OrNull(grounding?.KbId), OrNull(grounding?.Status),
            OrNull(grounding?.Status is null ? null : StorableText.OfJson(AnswerJson.Write(grounding.Sources))),
            OrNull(teaching?.Mode), OrNull(teaching?.ReadingLevel), OrNull(teaching?.Language), OrNull(teaching?.ConceptId),
            OrNull(grounding?.ClassId), refused?.Status ?? AnswerStatus.Streaming,
            OrNull(refused?.Moderation ?? screened?.StatusOfQuestion), OrNull(StorableText.OfJson(AnswerJson.Write(screened?.Help))),
            OrNull(refused?.FinishReason), OrNull(AnswerJson.Write(refused?.Error)));
        if (!isRegeneration && question.Images.Count > 0)
        {
            // Used from this commit on: whoever deletes unused ones waits for it, or was before it. Of an image that is not there, or
            // not theirs, the id is null, which the table rejects. After the rows above, which lock what the person is told of
            // changes: so does, before it locks images, the deletion of a conversation.
            batch.Add(
                """
                WITH used AS (
                    UPDATE images SET used_at = COALESCE(used_at, $5) FROM (
                        SELECT id FROM images WHERE id = ANY ($2) AND tenant = $3 AND person = $4 ORDER BY id FOR NO KEY UPDATE) i
                    WHERE images.id = i.id RETURNING images.id)
                INSERT INTO message_images (message_id, number, image_id)
                SELECT $1, i.number, used.id FROM unnest($2) WITH ORDINALITY AS i(id, number) LEFT JOIN used ON used.id = i.id
                """, asked, question.Images.ToArray(), caller.Tenant, caller.Person, now);
        }
        if (refused is null)
        {
            batch.Add(
                """
                INSERT INTO generations (id, owner, epoch, engine_url, started_at, stops_on_disconnect, traceparent, system_prompt,
                                         moderation)
                VALUES ($1, CASE WHEN $2 = '00000000-0000-0000-0000-000000000000' THEN $2
                             ELSE (SELECT id FROM owners WHERE id = $2 FOR KEY SHARE) END, 1, $3, $4, $5, $6, $7, $8::jsonb)
                """, answer, owner, engine.ToString(), now, question.StopsOnDisconnect, OrNull(Traceparent.Current),
                OrNull(grounding?.SystemPrompt), OrNull(StorableText.OfJson(AnswerJson.Write(moderation))));
        }
        if (screened?.Refused is { } verdict)
        {
            batch.Add(
                """
                INSERT INTO moderation_verdicts (id, tenant, person, conversation_id, message_id, created_at, side, by, category, quote)
                VALUES ($1, $2, $3, $4, $5, $6, 'question', $7, $8, $9)
                """, Guid.CreateVersion7(), caller.Tenant, caller.Person, conversation, answer, now, AnswerJson.NameOf(verdict.By),
                StorableText.Of(verdict.Category), StorableText.Of(verdict.Quote));
        }
        if (screened?.Concern is { } sign)
        {
            batch.Add(
                """
                INSERT INTO concerns (id, tenant, person, conversation_id, message_id, class_id, created_at, by, category, quote, tell)
                VALUES ($1, $2, $3, $4, $5, $6::uuid, $7, $8, $9, $10, $11)
                """, Guid.CreateVersion7(), caller.Tenant, caller.Person, conversation, answer, OrNull(screened.Policy.ClassId), now,
                AnswerJson.NameOf(sign.By), StorableText.Of(sign.Category), StorableText.Truncate(question.Text, Verdict.MaxQuote),
                (screened.Policy.Tell ?? []).ToArray());
        }
        if (question.IdempotencyKey is { } key)
        {
            batch.Add("INSERT INTO idempotency_keys (tenant, owner, key, fingerprint, message_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
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
            Moderation: moderation, Unjudged: screened?.StatusOfQuestion == ModerationStatus.Unavailable), place.Parent, screened?.Help);
    }

    /// <summary>
    /// What was asked where another answer is to be given: the question of that answer, and how it was asked.
    /// </summary>
    /// <exception cref="ProblemException">404 <c>message_not_found</c>: no answer of theirs, or not in this conversation.</exception>
    public async Task<Question> FindAnsweredAsync(Caller caller, Question asked)
    {
        var found = await ReadInTimeAsync(async cancellationToken => await (
            from c in conversations.Of(caller)
            join a in db.Messages on c.Id equals a.ConversationId
            from q in db.Messages
            where a.Id == asked.RegenerateOf && a.Role == "assistant"
                && q.ConversationId == c.Id && (a.Depth == null ? q.Position == a.Position - 1 : q.Id == a.ParentId)
            select new
            {
                Conversation = c.Id, q.Id, q.Content, a.TutorId, a.KbId, a.Mode, a.ReadingLevel, a.Language, a.ConceptId,
                Images = db.MessageImages.Where(i => i.MessageId == q.Id).OrderBy(i => i.Number).Select(i => i.ImageId).ToList(),
            }).SingleOrDefaultAsync(cancellationToken));
        if (found is null || (asked.ConversationId is { } named && named != found.Conversation))
            throw Place.NoMessage(asked.RegenerateOf!.Value);
        return asked with
        {
            ConversationId = found.Conversation,
            ParentId = found.Id,
            Text = found.Content,
            Images = found.Images,
            // Of whom it was asked before, and how, where the request does not say. A tutor's knowledge base comes with the tutor.
            TutorId = asked.TutorId ?? (asked.KbId is null ? found.TutorId : null),
            KbId = asked.KbId ?? (asked.TutorId is null && found.TutorId is null ? found.KbId : null),
            Teaching = Teaching.Of(
                asked.Teaching?.Mode ?? found.Mode, asked.Teaching?.ReadingLevel ?? found.ReadingLevel,
                asked.Teaching?.Language ?? found.Language, asked.Teaching?.ConceptId ?? found.ConceptId),
        };
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

    /// <summary>
    /// The last things that were asked on a branch, newest first; none where there is no such conversation of theirs.
    /// </summary>
    /// <param name="after">The last message of the branch; null: of the active one.</param>
    public async Task<List<string>> EarlierQuestionsAsync(Caller caller, Guid? conversationId, Guid? after = null)
    {
        if (conversationId is null)
            return [];
        return await ReadInTimeAsync(async cancellationToken =>
        {
            await using var command = source.CreateCommand(Earlier);
            foreach (var value in (object[])[conversationId, caller.Tenant, caller.Person, OrNull(after), 2 * (Topic.MaxEarlier + 1)])
                command.Parameters.Add(new() { Value = value });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            var earlier = new List<string>();
            while (await reader.ReadAsync(cancellationToken) && earlier.Count < Topic.MaxEarlier)
                earlier.Add(reader.GetString(0));
            return earlier;
        });
    }

    private static readonly string Earlier =
        $"""
         WITH RECURSIVE branch AS (
             SELECT m.role, m.content, m.moderation, {Branches.Parent("m")} AS parent, 1 AS number
             FROM conversations c JOIN messages m ON m.conversation_id = c.id
             WHERE c.id = $1 AND c.tenant = $2 AND c.owner = $3 AND m.id = COALESCE($4::uuid, {Branches.Leaf("c")})
             UNION ALL
             SELECT m.role, m.content, m.moderation, {Branches.Parent("m")}, b.number + 1
             FROM branch b JOIN messages m ON m.id = b.parent WHERE b.number < $5)
         SELECT content FROM branch WHERE role = 'user' AND moderation IS DISTINCT FROM '{ModerationStatus.Refused}' ORDER BY number
         """;

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
        return new(found.ConversationId, found.MessageId, null, Help: AnswerJson.Parse<SafetyHelp>(found.Help));
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

    private static ProblemException NotInTime() => new(503, ErrorCodes.DatabaseUnavailable,
        "The database did not answer in time. Nothing was asked; try again shortly.", TimeSpan.FromSeconds(2));
}
