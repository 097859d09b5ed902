
namespace Lyceum.RoadmapWorker.Planning;

/// <summary>The graph of what needs what.</summary>
public static class Prerequisites
{
    /// <summary>
    /// The concepts in an order in which each comes after what it needs, and otherwise as they stood (Kahn's algorithm, always taking
    /// the earliest that is free).
    /// </summary>
    /// <param name="cycle">Ids of concepts that wait for each other, and of those that wait for them; empty if there are none.</param>
    public static IReadOnlyList<DesignConcept> Order(IReadOnlyList<DesignConcept> concepts, out IReadOnlyList<string> cycle)
    {
        var known = concepts.Select(concept => concept.Id).ToHashSet(StringComparer.Ordinal);
        var done = new HashSet<string>(StringComparer.Ordinal);
        var waiting = concepts.ToList();
        var order = new List<DesignConcept>(concepts.Count);
        while (waiting.FindIndex(concept => concept.Prerequisites.All(id => done.Contains(id) || !known.Contains(id))) is var free and >= 0)
        {
            order.Add(waiting[free]);
            done.Add(waiting[free].Id);
            waiting.RemoveAt(free);
        }
        cycle = [.. waiting.Select(concept => concept.Id)];
        return order;
    }

    /// <summary>Those of <paramref name="wanted"/>, and all they need, in the order they stood.</summary>
    public static IReadOnlyList<DesignConcept> Closure(IReadOnlyList<DesignConcept> concepts, IEnumerable<string> wanted)
    {
        var byId = concepts.ToDictionary(concept => concept.Id, StringComparer.Ordinal);
        var needed = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>(wanted);
        while (open.TryPop(out var id))
        {
            if (byId.TryGetValue(id, out var concept) && needed.Add(id))
            {
                foreach (var before in concept.Prerequisites)
                    open.Push(before);
            }
        }
        return [.. concepts.Where(concept => needed.Contains(concept.Id))];
    }
}
