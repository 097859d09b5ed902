using Lyceum.Durability.Postgres;
using Lyceum.Knowledge;
using Lyceum.RoadmapWorker.Data;
using Lyceum.RoadmapWorker.Mastery;
using Lyceum.RoadmapWorker.Planning;
using Lyceum.RoadmapWorker.Roadmaps;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.RoadmapWorker.Classes;

/// <summary>What is shared with a class, and what its students did with it.</summary>
internal sealed record ClassWork(
    ClassRoll Roll, IReadOnlyList<Roadmap> Roadmaps, IReadOnlyList<PracticeSetRow> Sets, IReadOnlyList<Practised> Practised,
    IReadOnlyList<ConceptMarkRow> Marks, IReadOnlyDictionary<Guid, IReadOnlyList<PlanDate>> Dates, DateTimeOffset Now);

/// <summary>Reads what a class did, after SessionApi said who may be looked at.</summary>
internal sealed class ClassReader(
    RoadmapDb db, DatabaseReady ready, ProgressStore progress, SharedRoadmaps roadmaps, TimeProvider time)
{
    /// <summary>Roadmaps and sets of one class that are counted; of more, the first.</summary>
    private const int MostShared = 50;

    public async Task<ClassWork> ReadAsync(string tenant, ClassRoll roll, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var plans = new List<Roadmap>();
        foreach (var shared in roll.Shares.Where(shared => shared.Kind == SharedKind.Roadmap).DistinctBy(shared => shared.Id).Take(MostShared))
        {
            if (await FindAsync(tenant, shared, cancellationToken) is { } roadmap)
                plans.Add(roadmap);
        }
        var sets = await SetsAsync(tenant, roll, cancellationToken);
        string[] students = [.. roll.Students.Select(student => student.Subject)];
        Guid[] tasks = [.. plans.Select(plan => plan.TaskId)];
        return new(
            roll, plans, sets,
            await progress.ReadAsync(tenant, students, tasks, [.. sets.Select(set => set.Id)], cancellationToken),
            await progress.MarksAsync(tenant, students, tasks, cancellationToken), await progress.DatesAsync(tenant, tasks, cancellationToken),
            time.GetStoredNow());
    }

    /// <summary>Null: a share of what is not there any more, or is not finished.</summary>
    private async Task<Roadmap?> FindAsync(string tenant, Shared shared, CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(shared.Id, out var taskId)
            || await roadmaps.OfOwnerAsync(tenant, shared.Owner, taskId, cancellationToken) is not { } found)
            return null;
        try
        {
            return await roadmaps.ReadAsync(found, cancellationToken);
        }
        catch (ProblemException e) when (e.Code == ErrorCodes.TaskNotCompleted)
        {
            return null;
        }
    }

    private async Task<List<PracticeSetRow>> SetsAsync(string tenant, ClassRoll roll, CancellationToken cancellationToken)
    {
        var owners = new Dictionary<Guid, string>();
        foreach (var shared in roll.Shares.Where(shared => shared.Kind == SharedKind.PracticeSet))
        {
            if (Guid.TryParse(shared.Id, out var id) && owners.Count < MostShared)
                owners[id] = shared.Owner;
        }
        Guid[] ids = [.. owners.Keys];
        if (ids.Length == 0)
            return [];
        var sets = await Transient.RetryOnceAsync(_ => db.PracticeSets.AsNoTracking()
            .Where(set => set.Tenant == tenant && ids.Contains(set.Id)).ToListAsync(cancellationToken));
        return [.. sets.Where(set => owners[set.Id] == set.Subject).OrderBy(set => set.Id)];
    }
}

/// <summary>Sums up what a class did.</summary>
internal static class ClassSummary
{
    /// <summary>Below so many, figures of a group tell of each of its members.</summary>
    public const int SmallestGroup = 5;

    private const double Low = 0.4;
    private const int EnoughAttempts = 3;
    private const int ManyDue = 20;
    private static readonly TimeSpan Active = TimeSpan.FromDays(7);

    public static ClassOverview Overview(ClassWork work)
    {
        var isGroup = work.Roll.Students.Count >= SmallestGroup;
        var byConcept = work.Practised.Where(row => row.TaskId is not null && row.Tried > 0).ToLookup(row => (row.TaskId!.Value, row.ConceptId));
        var bySet = work.Practised.Where(row => row.SetId is not null && row.Tried > 0).ToLookup(row => row.SetId!.Value);
        var plans = work.Roadmaps.Select(roadmap => roadmap.TaskId).ToHashSet();
        return new(
            work.Roll.Id, work.Roll.Name, Students(work), isGroup ? "shown" : "too_few_students",
            !isGroup ? [] :
            [
                .. from roadmap in work.Roadmaps
                   from concept in roadmap.Modules.SelectMany(module => module.Concepts)
                   let rows = byConcept[(roadmap.TaskId, concept.Id)].ToList()
                   select new ConceptOfClass(
                       roadmap.TaskId, concept.Id, concept.Title, DueOn(work, roadmap, concept.Id), Started(rows), Mean(rows)),
            ],
            !isGroup ? [] :
            [
                .. from set in work.Sets
                   where set.TaskId is null || !plans.Contains(set.TaskId.Value)
                   let rows = bySet[set.Id].ToList()
                   select new SetOfClass(set.Id, set.Title, Started(rows), Mean(rows)),
            ]);
    }

    public static IReadOnlyList<StudentSummary> Students(ClassWork work)
    {
        var practised = work.Practised.ToLookup(row => row.Subject, StringComparer.Ordinal);
        var marks = work.Marks.Where(mark => mark.Mark == Marks.Known).Select(mark => (mark.Subject, mark.TaskId, mark.ConceptId)).ToHashSet();
        var today = DateOnly.FromDateTime(work.Now.UtcDateTime);
        var dated = (
            from roadmap in work.Roadmaps
            from concept in roadmap.Modules.SelectMany(module => module.Concepts)
            where DueOn(work, roadmap, concept.Id) < today
            select (roadmap.TaskId, ConceptId: concept.Id)).ToList();
        var isAnythingShared = work.Roadmaps.Count + work.Sets.Count > 0;
        return [.. work.Roll.Students.Select(student =>
        {
            var rows = practised[student.Subject].ToList();
            var tried = rows.Where(row => row.Tried > 0).ToList();
            var last = tried.Max(row => row.LastAt);
            var mastered = rows.Where(row => row.State == ConceptState.Mastered).Select(row => (row.TaskId, row.ConceptId)).ToHashSet();
            string[] overdue =
            [
                .. dated.Where(concept => !mastered.Contains((concept.TaskId, concept.ConceptId))
                    && !marks.Contains((student.Subject, concept.TaskId, concept.ConceptId))).Select(concept => concept.ConceptId),
            ];
            var due = rows.Sum(row => row.Due);
            var isActive = last > work.Now - Active;
            return new StudentSummary(
                student.Subject, student.Name, isActive, last, rows.Sum(row => row.Attempts),
                tried.Count == 0 ? null : Math.Round(tried.Average(row => row.Mastery), 4), due, overdue,
                [
                    .. tried.Any(row => row.Attempts >= EnoughAttempts && row.Mastery < Low) ? ["low_mastery"] : (string[])[],
                    .. overdue.Length > 0 || due >= ManyDue ? ["overdue"] : (string[])[],
                    .. isAnythingShared && !isActive ? ["inactive"] : (string[])[],
                ]);
        })];
    }

    public static DateOnly? DueOn(ClassWork work, Roadmap roadmap, string conceptId) =>
        PlanDates.Of(conceptId, roadmap, work.Dates.GetValueOrDefault(roadmap.TaskId) ?? []);

    /// <summary>Not told of so few that it would tell who.</summary>
    private static int? Started(List<Practised> rows) => rows.Count >= SmallestGroup ? rows.Count : null;

    private static double? Mean(List<Practised> rows) =>
        rows.Count >= SmallestGroup ? Math.Round(rows.Average(row => row.Mastery), 4) : null;
}
