using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Planning;

namespace Lyceum.RoadmapWorker.Mastery;

/// <summary>Puts together what is known of a person's way through a roadmap.</summary>
internal sealed class ProgressReader(ProgressStore store)
{
    /// <param name="roadmap">One that the person, or who looks, may read.</param>
    public async Task<RoadmapProgress> ReadAsync(
        string tenant, string subject, bool isOwn, Roadmap roadmap, CancellationToken cancellationToken)
    {
        var taskId = roadmap.TaskId;
        var concepts = roadmap.Modules.SelectMany(module => module.Concepts).ToList();
        var practised = (await store.ReadAsync(tenant, [subject], [taskId], [], cancellationToken))
            .ToDictionary(row => row.ConceptId ?? "", StringComparer.Ordinal);
        var evidence = await store.EvidenceAsync(tenant, subject, taskId, concepts.Select(concept => concept.Id), cancellationToken);
        var marks = (await store.MarksAsync(tenant, [subject], [taskId], cancellationToken))
            .ToDictionary(mark => mark.ConceptId, mark => mark.Mark, StringComparer.Ordinal);
        var dates = (await store.DatesAsync(tenant, [taskId], cancellationToken)).GetValueOrDefault(taskId) ?? [];
        var plan = await store.PlanAsync(tenant, subject, taskId, cancellationToken);
        var views = concepts.Select(concept =>
        {
            var own = practised.GetValueOrDefault(concept.Id) ?? Practised.Nothing(subject);
            return new ConceptProgress(
                concept.Id, concept.Title, own.State, own.Mastery, own.Attempts, own.LastAt, own.Due, own.New, marks.GetValueOrDefault(concept.Id),
                PlanDates.Of(concept.Id, roadmap, dates), [.. evidence[concept.Id]]);
        }).ToList();
        return new(
            taskId, roadmap.Title, isOwn, views.Count == 0 ? 0 : Math.Round(views.Average(view => view.Mastery), 4), views,
            plan is null ? [.. roadmap.Weeks.Select(week => new PlannedWeek(week.Number, null, week.Hours, week.Items))]
                : JobJson.Read<IReadOnlyList<PlannedWeek>>(plan.Weeks),
            plan?.MadeAt);
    }
}

/// <summary>By when concepts are to be done.</summary>
internal static class PlanDates
{
    /// <summary>The concept's own date, else that of the week in which the roadmap has it done; null: none.</summary>
    public static DateOnly? Of(string conceptId, Roadmap roadmap, IReadOnlyList<PlanDate> dates)
    {
        if (dates.FirstOrDefault(date => date.ConceptId == conceptId) is { } own)
            return own.Due;
        var week = roadmap.Weeks.LastOrDefault(week => week.Items.Any(item => item.ConceptId == conceptId))?.Number;
        return dates.FirstOrDefault(date => date.Week is { } number && number == week)?.Due;
    }
}

/// <summary>Plans what is left of a roadmap anew.</summary>
internal static class Rescheduler
{
    /// <summary>
    /// What is mastered, or marked as known, is done; of the rest so many hours are left as its mastery leaves, at least half an
    /// hour. Weeks begin today.
    /// </summary>
    /// <param name="weeklyHours">In halves.</param>
    public static Rescheduled Plan(Roadmap roadmap, RoadmapProgress progress, double weeklyHours, DateOnly today)
    {
        var known = progress.Concepts.ToDictionary(concept => concept.ConceptId, StringComparer.Ordinal);
        var left = new List<DesignConcept>();
        var done = new List<string>();
        foreach (var concept in roadmap.Modules.SelectMany(module => module.Concepts))
        {
            var own = known[concept.Id];
            if (own.State == ConceptState.Mastered || own.Mark == Marks.Known)
                done.Add(concept.Id);
            else
                left.Add(RoadmapRules.Skeleton(concept) with { Hours = Remaining(concept.Hours, own.Mastery) });
        }
        var weeks = WeekPlan.Fill(left, weeklyHours)
            .Select(week => new PlannedWeek(week.Number, today.AddDays(7 * (week.Number - 1)), week.Hours, week.Items)).ToList();
        var late = left.Where(concept => known[concept.Id].DueOn is { } due
            && weeks.Last(week => week.Items.Any(item => item.ConceptId == concept.Id)).StartsOn!.Value.AddDays(6) > due);
        return new(roadmap.TaskId, left.Sum(concept => concept.Hours), weeks, done, [.. late.Select(concept => concept.Id)]);
    }

    private static double Remaining(double hours, double mastery) =>
        Math.Max(WeekPlan.Step, Math.Ceiling(hours * (1 - mastery) / WeekPlan.Step) * WeekPlan.Step);
}

internal static class Marks
{
    public const string Known = "known";
    public const string Learning = "learning";
}
