using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.RoadmapWorker.Data;
using Lyceum.RoadmapWorker.Reviews;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.RoadmapWorker.Practice;

/// <summary>
/// Attempts, each written in one transaction with what it changes of the person's memory. A person's attempts are written one after
/// the other, under the lock of their day's row. An attempt counts if its item was due, or new: the second of two that were sent at
/// once, and one ahead of time, are graded and kept but move nothing. So nothing counts twice, whatever a client repeats.
/// </summary>
internal sealed class AttemptStore(RoadmapDb db, IOptions<PracticeOptions> options, TimeProvider time)
{
    private const string Reused = "This attempt id was used for another item or answer.";

    /// <summary>The attempt that this key has already; null: none.</summary>
    /// <exception cref="ProblemException">422 <c>idempotency_key_reused</c>.</exception>
    public async Task<PracticeAttemptRow?> FindAsync(
        string tenant, string subject, string key, byte[] fingerprint, CancellationToken cancellationToken)
    {
        var found = await Transient.RetryOnceAsync(_ => ByKeyAsync(tenant, subject, key, cancellationToken));
        if (found is not null)
            IdempotencyKeys.RequireSame(found.Fingerprint, fingerprint, Reused);
        return found;
    }

    private Task<PracticeAttemptRow?> ByKeyAsync(string tenant, string subject, string key, CancellationToken cancellationToken) =>
        db.PracticeAttempts.AsNoTracking().SingleOrDefaultAsync(
            attempt => attempt.Tenant == tenant && attempt.Subject == subject && attempt.IdempotencyKey == key, cancellationToken);

    /// <param name="grade">Null: the learner will say.</param>
    /// <returns>The attempt as it is stored, or as it was by an earlier request with its key.</returns>
    /// <exception cref="ProblemException">
    /// 404 <c>practice_item_not_found</c>, 422 <c>idempotency_key_reused</c>, 429 <c>limit_reached</c>.
    /// </exception>
    public async Task<PracticeAttemptRow> AddAsync(
        string tenant, string subject, string? key, byte[] fingerprint, PracticeItemRow item, string answer, Grade? grade,
        CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await LockDayAsync(tenant, subject, cancellationToken);
        if (key is not null && await ByKeyAsync(tenant, subject, key, cancellationToken) is { } before)
        {
            IdempotencyKeys.RequireSame(before.Fingerprint, fingerprint, Reused);
            return before; // and the day's count is rolled back
        }

        var now = time.GetStoredNow(); // under the lock: attempts are in the order of their times
        var card = await CardAsync(tenant, subject, item, now, cancellationToken)
            ?? throw await GoneAsync(item, cancellationToken);
        var id = Guid.CreateVersion7(now);
        var attempt = new PracticeAttemptRow
        {
            Tenant = tenant, Subject = subject, Id = id, IdempotencyKey = key ?? id.ToString(), Fingerprint = fingerprint, ItemId = item.Id,
            SetId = item.SetId, TaskId = item.TaskId, ConceptId = item.ConceptId, Answer = answer, Outcome = Grade.Ungraded, At = now,
            NextDue = card.Due,
        };
        Apply(attempt, card, grade);
        db.PracticeAttempts.Add(attempt);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return attempt;
    }

    /// <summary>The learner's own grade of an attempt that has none; one that has a grade keeps it.</summary>
    public async Task<PracticeAttemptRow> GradeAsync(
        PracticeAttemptRow ungraded, PracticeItemRow item, Grade grade, CancellationToken cancellationToken)
    {
        var (tenant, subject, id) = (ungraded.Tenant, ungraded.Subject, ungraded.Id);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await LockDayAsync(tenant, subject, cancellationToken, adds: 0);
        var attempt = await db.PracticeAttempts.SingleAsync(
            row => row.Tenant == tenant && row.Subject == subject && row.Id == id, cancellationToken);
        if (attempt.Outcome != Grade.Ungraded)
            return attempt;
        Apply(attempt, await CardAsync(tenant, subject, item, attempt.At, cancellationToken), grade);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return attempt;
    }

    /// <param name="card">Null: the item was superseded or is gone, and its grade changes nothing.</param>
    private static void Apply(PracticeAttemptRow attempt, PracticeCardRow? card, Grade? grade)
    {
        if (grade is null)
            return;
        (attempt.Outcome, attempt.Score, attempt.Rating) = (grade.Outcome, grade.Score, (int)grade.Rating);
        (attempt.GradedBy, attempt.Feedback) = (grade.By, grade.Feedback);
        if (card is null)
            return;
        attempt.Counted = card.Reps == 0 || card.Due <= attempt.At;
        if (attempt.Counted)
        {
            var memory = Fsrs.Review(
                new(card.Stability, card.Difficulty, card.LastReview, card.Due, card.ScheduledDays, card.Reps, card.Lapses), grade.Rating,
                attempt.At);
            (card.Stability, card.Difficulty, card.LastReview) = (memory.Stability, memory.Difficulty, memory.LastReview);
            (card.Due, card.ScheduledDays, card.Reps, card.Lapses) = (memory.Due, memory.ScheduledDays, memory.Reps, memory.Lapses);
            card.LastScore = grade.Score;
        }
        attempt.NextDue = card.Due;
    }

    /// <summary>Locks the person's row of today, in which it counts.</summary>
    private async Task LockDayAsync(string tenant, string subject, CancellationToken cancellationToken, int adds = 1)
    {
        var day = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        var most = options.Value.AttemptsPerDay;
        var counted = await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO practice_days AS d (tenant, subject, day, attempts) VALUES ({tenant}, {subject}, {day}, {adds})
            ON CONFLICT (tenant, subject, day) DO UPDATE SET attempts = d.attempts + {adds} WHERE d.attempts + {adds} <= {most}
            """, cancellationToken);
        if (counted == 0)
        {
            throw new ProblemException(429, ErrorCodes.LimitReached,
                $"You made {most} attempts today (UTC); go on tomorrow.", day.AddDays(1).ToDateTime(TimeOnly.MinValue) - time.GetUtcNow().UtcDateTime);
        }
    }

    /// <summary>What became of an item while its answer was graded.</summary>
    private async Task<ProblemException> GoneAsync(PracticeItemRow item, CancellationToken cancellationToken) =>
        await db.PracticeItems.AsNoTracking().Where(row => row.Id == item.Id && row.Tenant == item.Tenant)
            .Select(row => row.SupersededBy).SingleOrDefaultAsync(cancellationToken) is { } successor
                ? SetStore.Superseded(item.Id, successor)
                : SetStore.NoItem(item.Id);

    /// <summary>
    /// The person's memory of an item, locked; begun where there is none. It waits for who supersedes the item.
    /// </summary>
    /// <returns>Null where the item was superseded, or is gone.</returns>
    private async Task<PracticeCardRow?> CardAsync(
        string tenant, string subject, PracticeItemRow item, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO practice_cards (tenant, subject, item_id, set_id, task_id, concept_id, stability, difficulty, due, scheduled_days, reps, lapses, last_score)
            SELECT {tenant}, {subject}, id, set_id, task_id, concept_id, 0, 0, {now}, 0, 0, 0, 0 FROM practice_items
            WHERE id = {item.Id} AND tenant = {tenant} AND superseded_by IS NULL FOR KEY SHARE
            ON CONFLICT DO NOTHING
            """, cancellationToken);
        return await db.PracticeCards.FromSql(
                $"SELECT * FROM practice_cards WHERE tenant = {tenant} AND subject = {subject} AND item_id = {item.Id} FOR UPDATE")
            .SingleOrDefaultAsync(cancellationToken);
    }
}
