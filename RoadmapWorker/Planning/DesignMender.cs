
namespace Lyceum.RoadmapWorker.Planning;

/// <summary>Mends in a design what needs no understanding of it: order, rounding, prerequisites said twice.</summary>
public static class DesignMender
{
    /// <summary>
    /// Hours rounded up to halves; prerequisites once each, none on itself; concepts within their module, and modules, in an order
    /// in which each comes after what it needs, where there is one.
    /// </summary>
    public static Design Mend(Design design)
    {
        var modules = design.Modules.Select(module => module with
        {
            Concepts = [.. module.Concepts.Select(concept => concept with
            {
                Hours = double.IsFinite(concept.Hours) ? Math.Ceiling(concept.Hours / WeekPlan.Step) * WeekPlan.Step : 0,
                Prerequisites = [.. concept.Prerequisites.Distinct().Where(id => id != concept.Id)],
            })],
        }).ToList();
        if (modules.SelectMany(module => module.Concepts).GroupBy(concept => concept.Id).Any(group => group.Count() > 1))
            return design with { Modules = modules }; // who needs whom is not clear

        for (var i = 0; i < modules.Count; i++)
        {
            var ordered = Prerequisites.Order(modules[i].Concepts, out var cycle);
            if (cycle.Count == 0)
                modules[i] = modules[i] with { Concepts = ordered };
        }
        // Modules as if they were concepts: each needs those that hold what its concepts need.
        var home = modules.SelectMany((module, index) => module.Concepts.Select(concept => (concept.Id, index))).ToDictionary(at => at.Id, at => at.index, StringComparer.Ordinal);
        var order = Prerequisites.Order([.. modules.Select((module, index) => new DesignConcept(index.ToString(), "", "", 0,
            [.. module.Concepts.SelectMany(concept => concept.Prerequisites).Where(home.ContainsKey).Select(id => home[id]).Distinct()
                .Where(other => other != index).Select(other => other.ToString())]))], out var knot);
        return design with { Modules = knot.Count > 0 ? modules : [.. order.Select(module => modules[int.Parse(module.Id)])] };
    }
}
