using Lyceum.Durability.Postgres;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Data;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.RoadmapWorker.Practice;

/// <summary>An item that is due, with what the person's memory of it says.</summary>
internal sealed record DueItem(PracticeItemRow Item, DateTimeOffset Due, int Reps);

/// <summary>Who practises, and which of others' sets they may: those that are shared with their classes.</summary>
/// <param name="Shared">Sets and their owners.</param>
internal sealed record Learner(string Tenant, string Subject, IReadOnlyDictionary<Guid, string> Shared)
{
    public Guid[] SharedIds => [.. Shared.Keys];

    public bool MayUse(Guid setId, string owner) =>
        owner == Subject || (Shared.TryGetValue(setId, out var sharer) && sharer == owner);
}

/// <summary>Sets and their items. Every query names the tenant, and the owner or a share.</summary>
internal sealed class SetStore(RoadmapDb db, IOptions<PracticeOptions> options, TimeProvider time)
{
    /// <summary>Beyond it, due items are not counted on.</summary>
    private const int MostCounted = 100;

    /// <summary>Stores what a task made, all of it at once; what it stored before stays as it is.</summary>
    public async Task AddAsync(
        Guid setId, string tenant, string subject, PracticeOrder order, MadeSet made, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var added = await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO practice_sets (id, tenant, subject, title, language, made_by, made_from, task_id, concept_id, kb_id, conversation_id, notes, created_at)
            VALUES ({setId}, {tenant}, {subject}, {made.Title}, {made.Language}, {made.MadeBy}, {order.Kind}, {order.TaskId}, {order.ConceptId},
                    {order.KbId}, {order.ConversationId}, {made.Notes.ToArray()}, {now})
            ON CONFLICT DO NOTHING
            """, cancellationToken);
        if (added == 0)
            return;
        db.PracticeItems.AddRange(made.Items.Select((item, index) => new PracticeItemRow
        {
            Id = item.Id, SetId = setId, Tenant = tenant, Subject = subject, Number = index + 1, Kind = item.Kind, Question = item.Question,
            Options = item.Options?.ToArray(), Answers = [.. item.Answers], Rubric = item.Rubric, Explanation = item.Explanation,
            Quote = item.Quote, Source = item.Source is null ? null : JobJson.Write(item.Source), TaskId = order.TaskId,
            ConceptId = order.ConceptId, CreatedAt = now,
        }));
        await db.SaveChangesAsync(cancellationToken);
        await EnrolAsync(tenant, subject, [setId], now, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <exception cref="ProblemException">429 <c>limit_reached</c>.</exception>
    public async Task CheckQuotaAsync(string tenant, string subject, CancellationToken cancellationToken)
    {
        var most = options.Value.SetsPerPerson;
        var sets = await Transient.RetryOnceAsync(_ => db.PracticeSets.Where(set => set.Tenant == tenant && set.Subject == subject)
            .Take(most).CountAsync(cancellationToken));
        if (sets >= most)
        {
            throw new ProblemException(429, ErrorCodes.LimitReached,
                $"You have {sets} practice sets; delete one before you make another.", TimeSpan.FromMinutes(1));
        }
    }

    /// <summary>The person's own and those shared with them, newest first.</summary>
    public Task<List<PracticeSetRow>> ListAsync(Learner learner, Guid? before, int limit, CancellationToken cancellationToken)
    {
        var (tenant, subject, shared, last) = (learner.Tenant, learner.Subject, learner.SharedIds, before ?? Guid.AllBitsSet);
        return Transient.RetryOnceAsync(_ => db.PracticeSets.AsNoTracking()
            .Where(set => set.Tenant == tenant && (set.Subject == subject || shared.Contains(set.Id)) && set.Id.CompareTo(last) < 0)
            .OrderByDescending(set => set.Id).Take(limit).ToListAsync(cancellationToken));
    }

    /// <summary>
    /// A set of the caller's own, or one that is shared with them: what is shared is looked up only for what is not
    /// one's own.
    /// </summary>
    /// <exception cref="ProblemException">404 <c>practice_set_not_found</c>; 503
    /// <c>service_unavailable</c>.</exception>
    public async Task<PracticeSetRow> FindAsync(
        Caller caller, Guid setId, Learners learners, CancellationToken cancellationToken)
    {
        var set = await Transient.RetryOnceAsync(_ => db.PracticeSets.AsNoTracking()
            .SingleOrDefaultAsync(set => set.Id == setId && set.Tenant == caller.Tenant, cancellationToken));
        return set is not null && await MayUseAsync(caller, setId, set.Subject, learners, cancellationToken)
            ? set
            : throw NoSet(setId);
    }

    /// <summary>Items of a set that is readable, those that were not superseded, in order.</summary>
    public Task<List<PracticeItemRow>> ItemsAsync(PracticeSetRow set, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync(_ => db.PracticeItems.AsNoTracking()
            .Where(item => item.SetId == set.Id && item.Tenant == set.Tenant && item.SupersededBy == null)
            .OrderBy(item => item.Number).ThenBy(item => item.Id).ToListAsync(cancellationToken));

    /// <summary>An item of such a set.</summary>
    /// <exception cref="ProblemException">404 <c>practice_item_not_found</c>; 503
    /// <c>service_unavailable</c>.</exception>
    public async Task<PracticeItemRow> FindItemAsync(
        Caller caller, Guid itemId, Learners learners, CancellationToken cancellationToken)
    {
        var item = await Transient.RetryOnceAsync(_ => db.PracticeItems.AsNoTracking()
            .SingleOrDefaultAsync(item => item.Id == itemId && item.Tenant == caller.Tenant, cancellationToken));
        return item is not null && await MayUseAsync(caller, item.SetId, item.Subject, learners, cancellationToken)
            ? item
            : throw NoItem(itemId);
    }

    private static async Task<bool> MayUseAsync(
        Caller caller, Guid setId, string owner, Learners learners, CancellationToken cancellationToken) =>
        owner == caller.Person || (await learners.OfAsync(caller, cancellationToken)).MayUse(setId, owner);

    /// <summary>The set, its items and everybody's memory of them; attempts stay, as evidence of what was done.</summary>
    /// <exception cref="ProblemException">404 <c>practice_set_not_found</c>: also where it is shared, but another's.</exception>
    public async Task DeleteAsync(string tenant, string subject, Guid setId, CancellationToken cancellationToken)
    {
        var deleted = await Transient.RetryOnceAsync(_ => db.PracticeSets
            .Where(set => set.Id == setId && set.Tenant == tenant && set.Subject == subject).ExecuteDeleteAsync(cancellationToken));
        if (deleted == 0)
            throw NoSet(setId);
    }

    /// <summary>
    /// An item in another's place: the old one stays for the evidence that names it, and is not asked any more. Once: a repeated request,
    /// and a second person, find it superseded.
    /// </summary>
    /// <exception cref="ProblemException">
    /// 404 <c>practice_item_not_found</c>: also another's; 409 <c>item_superseded</c>; 429 <c>limit_reached</c>.
    /// </exception>
    public async Task<PracticeItemRow> SupersedeAsync(
        string tenant, string subject, Guid itemId, Func<PracticeItemRow, PracticeItemRow> change, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginCountedAsync("practice_items", $"{tenant} {subject}", cancellationToken);
        var old = await db.PracticeItems.FromSql(
                $"SELECT * FROM practice_items WHERE id = {itemId} AND tenant = {tenant} AND subject = {subject} FOR UPDATE")
            .AsNoTracking().SingleOrDefaultAsync(cancellationToken)
            ?? throw NoItem(itemId);
        if (old.SupersededBy is { } successor)
            throw Superseded(itemId, successor);
        if (await db.PracticeItems.CountAsync(item => item.SetId == old.SetId, cancellationToken) >= options.Value.ItemsPerSet)
        {
            throw new ProblemException(429, ErrorCodes.LimitReached,
                "Too many items of this set were changed; make another set.", TimeSpan.FromMinutes(1));
        }
        var item = change(old);
        db.PracticeItems.Add(item);
        await db.SaveChangesAsync(cancellationToken);
        await db.PracticeItems.Where(row => row.Id == itemId)
            .ExecuteUpdateAsync(row => row.SetProperty(old => old.SupersededBy, item.Id), cancellationToken);
        // Nobody is asked it again. What they know of it is what they know of its successor, which they are asked at
        // once: so a concept keeps its state, as the attempts that show it stay.
        var now = time.GetStoredNow();
        await db.PracticeCards.Where(card => card.ItemId == itemId && card.Reps == 0).ExecuteDeleteAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"UPDATE practice_cards SET item_id = {item.Id}, due = least(due, {now}) WHERE item_id = {itemId}", cancellationToken);
        await EnrolAsync(tenant, subject, [item.SetId], now, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return item;
    }

    public static ProblemException Superseded(Guid itemId, Guid successor) => new(
        409, ErrorCodes.ItemSuperseded, $"The item {itemId} was superseded by {successor}: answer that one.")
    {
        Extensions = [new("superseded_by", successor)],
    };

    /// <summary>What is due to a person now, the longest due first.</summary>
    /// <param name="learner">Who; a memory of each item of the sets shared with them is begun where there is none.</param>
    /// <param name="after">The last of the page before.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="cancellationToken">The client is gone.</param>
    public async Task<List<DueItem>> DueAsync(
        Learner learner, (DateTimeOffset Due, Guid ItemId)? after, int limit, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        if (learner.Shared.Count > 0 && after is null)
            await EnrolAsync(learner.Tenant, learner.Subject, learner.SharedIds, now, cancellationToken);
        var cards = Cards(learner, now);
        if (after is { } last)
            cards = cards.Where(card => card.Due > last.Due || (card.Due == last.Due && card.ItemId.CompareTo(last.ItemId) > 0));
        var due = from card in cards
                  join item in Items(learner) on card.ItemId equals item.Id
                  orderby card.Due, card.ItemId
                  select new { item, card.Due, card.Reps };
        var page = await Transient.RetryOnceAsync(_ => due.Take(limit).ToListAsync(cancellationToken));
        return [.. page.Select(row => new DueItem(row.item, row.Due, row.Reps))];
    }

    /// <summary>How many are due now, up to 100.</summary>
    public Task<int> CountDueAsync(Learner learner, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync(_ => Cards(learner, time.GetStoredNow())
            .Join(Items(learner), card => card.ItemId, item => item.Id, (card, item) => item.Id).Take(MostCounted)
            .CountAsync(cancellationToken));

    private IQueryable<PracticeCardRow> Cards(Learner learner, DateTimeOffset now)
    {
        var (tenant, subject) = (learner.Tenant, learner.Subject);
        return db.PracticeCards.AsNoTracking().Where(card => card.Tenant == tenant && card.Subject == subject && card.Due <= now);
    }

    private IQueryable<PracticeItemRow> Items(Learner learner)
    {
        var (subject, shared) = (learner.Subject, learner.SharedIds);
        return db.PracticeItems.AsNoTracking()
            .Where(item => item.SupersededBy == null && (item.Subject == subject || shared.Contains(item.SetId)));
    }

    /// <summary>Begins a memory of each item of these sets of which the person has none: it is due at once.</summary>
    private Task<int> EnrolAsync(string tenant, string subject, Guid[] sets, DateTimeOffset now, CancellationToken cancellationToken) =>
        db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO practice_cards (tenant, subject, item_id, set_id, task_id, concept_id, stability, difficulty, due, scheduled_days, reps, lapses, last_score)
            SELECT {tenant}, {subject}, i.id, i.set_id, i.task_id, i.concept_id, 0, 0, {now}, 0, 0, 0, 0
            FROM practice_items i
            WHERE i.set_id = ANY ({sets}) AND i.tenant = {tenant} AND i.superseded_by IS NULL AND NOT EXISTS (
                SELECT 1 FROM practice_cards c WHERE c.tenant = {tenant} AND c.subject = {subject} AND c.item_id = i.id)
            ON CONFLICT DO NOTHING
            """, cancellationToken);

    public static ProblemException NoItem(Guid itemId) =>
        new(404, ErrorCodes.PracticeItemNotFound, $"There is no practice item {itemId} of yours.");

    private static ProblemException NoSet(Guid setId) =>
        new(404, ErrorCodes.PracticeSetNotFound, $"There is no practice set {setId} of yours.");
}
