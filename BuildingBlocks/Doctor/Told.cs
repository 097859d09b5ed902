namespace Lyceum.Doctor;

internal static class Told
{
    /// <summary><c>a, b: what both say; c: what it says</c>; null where nobody says anything.</summary>
    public static string? Together(IEnumerable<(string Who, string What)> said)
    {
        var told = said.GroupBy(one => one.What, one => one.Who).Select(group => $"{string.Join(", ", group)}: {group.Key}").ToList();
        return told.Count == 0 ? null : string.Join("; ", told);
    }
}
