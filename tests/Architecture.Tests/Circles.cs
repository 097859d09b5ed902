namespace Lyceum.Tests.Rules;

/// <summary>Finds folders that need each other, at one level of the tree.</summary>
internal static class Circles
{
    /// <summary>
    /// Folders side by side below <paramref name="parent"/>: what stands deeper counts for the folder at this level, what stands in
    /// the parent itself for the folder "(own)", if the parent is a folder of the project and not the project.
    /// </summary>
    /// <returns>A line for each circle, with the uses that close it.</returns>
    public static IEnumerable<string> Below(string parent, IEnumerable<Use> uses)
    {
        var arrows = uses
            .Select(use => (From: At(parent, use.Source), To: At(parent, use.Target), Use: use))
            .Where(arrow => arrow.From is not null && arrow.To is not null && arrow.From != arrow.To)
            .ToList();
        var next = arrows.ToLookup(arrow => arrow.From!, arrow => arrow.To!);
        var reached = arrows.Select(arrow => arrow.From!).Distinct().ToDictionary(folder => folder, folder => Reach(folder, next));
        foreach (var circle in reached.Where(entry => entry.Value.Contains(entry.Key))
                     .GroupBy(entry => string.Join(", ", reached.Keys.Where(other =>
                         entry.Value.Contains(other) && reached[other].Contains(entry.Key)).Order(StringComparer.Ordinal))))
        {
            var members = circle.Key.Split(", ");
            var closing = arrows.Where(arrow => members.Contains(arrow.From) && members.Contains(arrow.To))
                .GroupBy(arrow => (arrow.From, arrow.To))
                .Select(arrow => $"    {arrow.Key.From} → {arrow.Key.To}: " +
                    string.Join("; ", arrow.Select(a => a.Use.ToString()).Distinct().Take(4)));
            yield return $"{(parent.Length > 0 ? parent + ": " : "")}{circle.Key} need each other\n{string.Join('\n', closing)}";
        }
    }

    /// <summary>Every level at which folders stand side by side: the project's own (""), and each folder that has folders.</summary>
    public static IEnumerable<string> Levels(IEnumerable<Use> uses) =>
        uses.SelectMany(use => new[] { use.Source, use.Target })
            .SelectMany(folder => folder.Split('.').Select((_, depth) => string.Join('.', folder.Split('.').Take(depth))))
            .Append("").Distinct();

    private static string? At(string parent, string folder)
    {
        if (parent.Length == 0)
            return folder.Length == 0 ? null : folder.Split('.')[0]; // Program.cs and what stands beside it may use everything
        if (folder == parent)
            return "(own)";
        return folder.StartsWith(parent + ".", StringComparison.Ordinal) ? folder[(parent.Length + 1)..].Split('.')[0] : null;
    }

    private static HashSet<string> Reach(string from, ILookup<string, string> next)
    {
        var reached = new HashSet<string>();
        var open = new Stack<string>(next[from]);
        while (open.TryPop(out var folder))
        {
            if (reached.Add(folder))
            {
                foreach (var further in next[folder])
                    open.Push(further);
            }
        }
        return reached;
    }
}
