using System.Globalization;
using System.Text;
using Lyceum.RoadmapWorker.Mastery;

namespace Lyceum.RoadmapWorker.Classes;

/// <summary>A class's progress as a table for a spreadsheet: RFC 4180, UTF-8 with its mark, which Excel needs for Chinese.</summary>
internal static class ClassCsv
{
    private static readonly string[] Columns =
    [
        "student", "subject", "roadmap", "task_id", "concept", "concept_id", "state", "mastery", "attempts", "last_practised", "due", "new",
        "mark", "due_on",
    ];

    public static byte[] Write(ClassWork work)
    {
        var text = new StringBuilder();
        Row(text, Columns);
        var practised = work.Practised.Where(row => row.TaskId is not null)
            .ToDictionary(row => (row.Subject, row.TaskId!.Value, row.ConceptId ?? ""));
        var sets = work.Practised.Where(row => row.SetId is not null).ToDictionary(row => (row.Subject, row.SetId!.Value));
        var marks = work.Marks.ToDictionary(mark => (mark.Subject, mark.TaskId, mark.ConceptId), mark => mark.Mark);
        foreach (var student in work.Roll.Students)
        {
            foreach (var roadmap in work.Roadmaps)
            {
                foreach (var concept in roadmap.Modules.SelectMany(module => module.Concepts))
                {
                    var own = practised.GetValueOrDefault((student.Subject, roadmap.TaskId, concept.Id)) ?? Practised.Nothing(student.Subject);
                    Row(text,
                    [
                        student.Name, student.Subject, roadmap.Title, roadmap.TaskId.ToString(), concept.Title, concept.Id, .. Figures(own),
                        marks.GetValueOrDefault((student.Subject, roadmap.TaskId, concept.Id)) ?? "",
                        ClassSummary.DueOn(work, roadmap, concept.Id)?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "",
                    ]);
                }
            }
            foreach (var set in work.Sets)
            {
                if (sets.GetValueOrDefault((student.Subject, set.Id)) is { } own)
                    Row(text, [student.Name, student.Subject, set.Title, set.Id.ToString(), "", "", .. Figures(own), "", ""]);
            }
        }
        return [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(text.ToString())];
    }

    private static string[] Figures(Practised own) =>
    [
        own.State, own.Mastery.ToString("0.####", CultureInfo.InvariantCulture), own.Attempts.ToString(CultureInfo.InvariantCulture),
        own.LastAt?.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "", own.Due.ToString(CultureInfo.InvariantCulture),
        own.New.ToString(CultureInfo.InvariantCulture),
    ];

    private static void Row(StringBuilder text, IReadOnlyList<string> cells) =>
        text.AppendJoin(',', cells.Select(Cell)).Append("\r\n");

    /// <summary>
    /// A spreadsheet computes a cell that begins with one of these signs, whoever wrote it; an apostrophe before makes it text. A
    /// tab or a line end at the beginning hides such a sign.
    /// </summary>
    internal static string Cell(string value)
    {
        var first = value.AsSpan().TrimStart();
        if (first.Length > 0 && (first[0] is '=' or '+' or '-' or '@' or '\uFF1D' or '\uFF0B' or '\uFF0D' or '\uFF20'
            || value[0] is '\t' or '\r' or '\n'))
            value = "'" + value;
        return value.AsSpan().IndexOfAny(",\"\r\n'") >= 0 ? $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : value;
    }
}
