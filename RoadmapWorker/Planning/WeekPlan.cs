
namespace Lyceum.RoadmapWorker.Planning;

/// <summary>Puts concepts into weeks.</summary>
public static class WeekPlan
{
    /// <summary>Hours are counted in these.</summary>
    public const double Step = 0.5;

    /// <summary>
    /// Fills week after week, in the order given: no week holds more than <paramref name="weeklyHours"/>, a concept that does not fit
    /// into the rest of one goes on in the next.
    /// </summary>
    /// <param name="concepts">Each after what it needs; hours in halves.</param>
    /// <param name="weeklyHours">At least <see cref="Step"/>, in halves.</param>
    public static IReadOnlyList<Week> Fill(IEnumerable<DesignConcept> concepts, double weeklyHours)
    {
        var weeks = new List<Week>();
        var items = new List<WeekItem>();
        var free = weeklyHours;
        foreach (var concept in concepts)
        {
            for (var left = concept.Hours; left > 0;)
            {
                if (free <= 0)
                    Close();
                var hours = Math.Min(left, free);
                items.Add(new(concept.Id, concept.Title, hours));
                (left, free) = (left - hours, free - hours);
            }
        }
        if (items.Count > 0)
            Close();
        return weeks;

        void Close()
        {
            weeks.Add(new(weeks.Count + 1, items.Sum(item => item.Hours), [.. items]));
            items.Clear();
            free = weeklyHours;
        }
    }
}
