using System.Text.RegularExpressions;

namespace Lyceum.Tests.Support.Postgres;

/// <summary>
/// Finds in a script of migrations what the version before could not live with. While a system is upgraded, and after it went back,
/// that version runs on the new tables: what it reads must be there, and what it writes must be taken. So a release adds
/// (expands); what nothing uses any more goes a release later (contracts).
/// </summary>
public static partial class ExpandOnly
{
    /// <returns>Statements that take something away or ask for more of a table that the release knows.</returns>
    public static IReadOnlyList<string> Contractions(string script, string releasedScript)
    {
        var known = CreatedTable().Matches(releasedScript).Select(match => match.Groups["table"].Value).ToHashSet();
        var unique = UniqueIndex().Matches(releasedScript).Select(match => match.Groups["index"].Value).ToHashSet();
        return [.. Statements(script).Where(statement => IsContraction(statement, known, unique))];
    }

    /// <summary>The last migration that a release's script records as done.</summary>
    public static string LastMigration(string releasedScript) => Migration().Matches(releasedScript)[^1].Groups["id"].Value;

    private static bool IsContraction(string statement, HashSet<string> known, HashSet<string> unique)
    {
        if (DroppedIndex().Match(statement) is { Success: true } dropped)
            return unique.Contains(dropped.Groups["index"].Value); // ON CONFLICT names its columns
        if (UniqueIndex().Match(statement) is { Success: true } index)
            return known.Contains(index.Groups["table"].Value);
        if (DroppedObject().IsMatch(statement))
            return true;
        if (AlteredTable().Match(statement) is not { Success: true } table || !known.Contains(table.Groups["table"].Value))
            return false;
        return TakesAway().IsMatch(statement) || table.Groups["actions"].Value.Split(',').Any(IsRequiredColumn);
    }

    /// <summary>The version before writes its rows without this column.</summary>
    private static bool IsRequiredColumn(string action) =>
        AddedColumn().IsMatch(action) && !action.Contains("DEFAULT", StringComparison.OrdinalIgnoreCase)
        && !action.Contains("GENERATED", StringComparison.OrdinalIgnoreCase);

    /// <summary>Without comments; a function's body belongs to its statement.</summary>
    private static IEnumerable<string> Statements(string script) =>
        Statement().Matches(Comment().Replace(script, "")).Select(match => Space().Replace(match.Value, " ").Trim()).Where(text => text.Length > 0);

    [GeneratedRegex(@"--[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();

    [GeneratedRegex(@"(?:\$(?<tag>\w*)\$.*?\$\k<tag>\$|'(?:[^']|'')*'|[^;'$]|\$)+", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Statement();

    [GeneratedRegex(@"CREATE TABLE (IF NOT EXISTS )?""?(?<table>\w+)", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex CreatedTable();

    [GeneratedRegex(@"CREATE UNIQUE INDEX (IF NOT EXISTS )?""?(?<index>\w+)""? ON ""?(?<table>\w+)", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex UniqueIndex();

    [GeneratedRegex(@"^DROP INDEX (IF EXISTS )?""?(?<index>\w+)", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex DroppedIndex();

    [GeneratedRegex(@"^(DROP (TABLE|VIEW|FUNCTION|TYPE|SEQUENCE|TRIGGER)|TRUNCATE|ALTER \w+ .*\bRENAME\b)", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex DroppedObject();

    [GeneratedRegex(@"^ALTER TABLE (ONLY )?""?(?<table>\w+)""? (?<actions>.*)$", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex AlteredTable();

    [GeneratedRegex(
        @"\b(DROP (COLUMN|CONSTRAINT|DEFAULT)|SET NOT NULL|ALTER (COLUMN )?""?\w+""? (SET DATA )?TYPE|ADD (CONSTRAINT ""?\w+""? )?(CHECK|UNIQUE|PRIMARY KEY|FOREIGN KEY|EXCLUDE))\b",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex TakesAway();

    [GeneratedRegex(@"\bADD (COLUMN )?(?!CONSTRAINT)""?\w+""? .*\bNOT NULL\b", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex AddedColumn();

    [GeneratedRegex(@"^VALUES \('(?<id>\d{14}_\w+)'", RegexOptions.Multiline)]
    private static partial Regex Migration();
}
