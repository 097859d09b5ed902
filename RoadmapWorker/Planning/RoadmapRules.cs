
namespace Lyceum.RoadmapWorker.Planning;

/// <summary>What every roadmap fulfils, whatever made it. Each validation error is a sentence for the planner that has to repair it.</summary>
public static class RoadmapRules
{
    public const int MaxModules = 20;
    public const int MaxConcepts = 80;
    public const double MaxConceptHours = 40;
    private const int MaxTitle = 200;
    private const int MaxText = 2000;
    private const int MaxItems = 10;

    public static IReadOnlyList<string> Check(Design design, RoadmapOrder order)
    {
        var faults = new List<string>();
        var concepts = design.Modules.SelectMany(module => module.Concepts).ToList();
        Add(design.Modules.Count is 0 or > MaxModules, $"There must be 1 to {MaxModules} modules.");
        Add(concepts.Count > MaxConcepts, $"There must be at most {MaxConcepts} concepts in all.");
        foreach (var module in design.Modules)
        {
            Add(string.IsNullOrWhiteSpace(module.Id), "Every module needs an id.");
            CheckText(module.Title, MaxTitle, $"The title of module {module.Id}");
            Add(module.Concepts.Count == 0, $"Module {module.Id} has no concepts.");
        }
        foreach (var twice in design.Modules.GroupBy(module => module.Id).Where(group => group.Count() > 1))
            faults.Add($"The module id {twice.Key} is used {twice.Count()} times.");
        foreach (var twice in concepts.GroupBy(concept => concept.Id).Where(group => group.Count() > 1))
            faults.Add($"The concept id {twice.Key} is used {twice.Count()} times.");

        var seen = new HashSet<string>(StringComparer.Ordinal);
        var all = concepts.Select(concept => concept.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var concept in concepts)
        {
            // The id names what is kept of the concept in the database, which cannot hold U+0000; see also Checkpoint.
            Add(string.IsNullOrWhiteSpace(concept.Id) || concept.Id.Length > 80 || concept.Id.Any(char.IsControl),
                "Every concept needs an id of at most 80 characters, without control characters.");
            CheckText(concept.Title, MaxTitle, $"The title of concept {concept.Id}");
            CheckText(concept.Summary, MaxText, $"The summary of concept {concept.Id}");
            Add(!(concept.Hours is > 0 and <= MaxConceptHours), $"Concept {concept.Id} must take more than 0 and at most {MaxConceptHours} hours.");
            foreach (var id in concept.Prerequisites.Where(id => !seen.Contains(id)))
            {
                faults.Add(!all.Contains(id)
                    ? $"Concept {concept.Id} needs {id}, which is not there."
                    : $"Concept {concept.Id} comes before {id}, which it needs, or they need each other.");
            }
            seen.Add(concept.Id);
        }
        var text = string.Join(' ', concepts.Select(concept => $"{concept.Title} {concept.Summary}"));
        Add(concepts.Count > 0 && !TextLanguage.Fits(text, order), $"Titles and summaries must be written in {order.Language}.");
        return faults;

        void Add(bool fault, string message)
        {
            if (fault)
                faults.Add(message);
        }

        void CheckText(string? value, int max, string what) =>
            Add(string.IsNullOrWhiteSpace(value) || value.Length > max || value.Contains('\0'), $"{what} must have 1 to {max} characters.");
    }

    public static IReadOnlyList<string> Check(ConceptContent content, RoadmapOrder order)
    {
        var faults = new List<string>();
        foreach (var style in order.Styles.Where(style => !content.Activities.Any(activity => activity.Style == style)))
            faults.Add($"There is no activity with the style {style}.");
        Add(content.Activities.Count > MaxItems || content.Resources.Count > MaxItems || content.Quiz.Count > MaxItems,
            $"There must be at most {MaxItems} activities, resources and questions.");
        foreach (var activity in content.Activities)
        {
            Add(!LearningStyles.All.Contains(activity.Style), $"{activity.Style} is not a style; use {string.Join(", ", order.Styles)}.");
            CheckText(activity.Text, "The text of an activity");
        }
        Add(content.Resources.Count == 0, "There must be at least one resource.");
        foreach (var resource in content.Resources)
        {
            CheckText(resource.Title, "The title of a resource");
            Add(!ResourceKinds.Contains(resource.Kind), $"The kind of a resource must be one of {string.Join(", ", ResourceKinds)}.");
            Add(string.IsNullOrWhiteSpace(resource.Url) && string.IsNullOrWhiteSpace(resource.Search),
                "A resource needs words to search for it by (search).");
        }
        Add(content.Quiz.Count == 0, "There must be at least one question in the quiz.");
        foreach (var question in content.Quiz)
        {
            CheckText(question.Question, "A question");
            Add(question.Options.Count is < 2 or > 6 || question.Options.Any(string.IsNullOrWhiteSpace)
                || question.Options.Distinct().Count() != question.Options.Count, "A question needs 2 to 6 options, all different.");
            Add(question.Answer < 0 || question.Answer >= question.Options.Count, "The answer of a question is the index of one of its options.");
        }
        var text = string.Join(' ', content.Activities.Select(activity => activity.Text).Concat(content.Quiz.Select(question => question.Question)));
        Add(text.Length > 0 && !TextLanguage.Fits(text, order), $"Activities and questions must be written in {order.Language}.");
        return [.. faults.Distinct()];

        void Add(bool fault, string message)
        {
            if (fault)
                faults.Add(message);
        }

        void CheckText(string? value, string what) =>
            Add(string.IsNullOrWhiteSpace(value) || value.Length > MaxText || value.Contains('\0'), $"{what} must have 1 to {MaxText} characters.");
    }

    /// <summary>The whole, weeks and all.</summary>
    public static IReadOnlyList<string> Check(Roadmap roadmap, RoadmapOrder order)
    {
        var design = new Design(roadmap.MadeBy, [.. roadmap.Modules.Select(module => new DesignModule(
            module.Id, module.Title, [.. module.Concepts.Select(Skeleton)]))], []);
        var faults = Check(design, order).ToList();
        foreach (var concept in roadmap.Modules.SelectMany(module => module.Concepts))
            faults.AddRange(Check(new ConceptContent(concept.Activities, concept.Resources, concept.Quiz), order).Select(fault => $"{concept.Id}: {fault}"));
        faults.AddRange(CheckWeeks(design, roadmap.Weeks, order));
        return faults;
    }

    /// <summary>Each week within the hours; every concept wholly in, after all of what it needs.</summary>
    public static IEnumerable<string> CheckWeeks(Design design, IReadOnlyList<Week> weeks, RoadmapOrder order)
    {
        const double Rounding = 1e-6;
        foreach (var week in weeks.Where(week => week.Items.Sum(item => item.Hours) > order.WeeklyHours + Rounding || week.Items.Count == 0))
            yield return $"Week {week.Number} has {week.Items.Sum(item => item.Hours)} hours; {order.WeeklyHours} are to be had.";
        var items = weeks.SelectMany(week => week.Items).ToList();
        foreach (var concept in design.Modules.SelectMany(module => module.Concepts))
        {
            var first = items.FindIndex(item => item.ConceptId == concept.Id);
            if (Math.Abs(items.Where(item => item.ConceptId == concept.Id).Sum(item => item.Hours) - concept.Hours) > Rounding)
                yield return $"Concept {concept.Id} is not planned with its {concept.Hours} hours.";
            foreach (var id in concept.Prerequisites.Where(id => items.FindLastIndex(item => item.ConceptId == id) > first))
                yield return $"Concept {concept.Id} is planned before {id} is done, which it needs.";
        }
    }

    public static readonly string[] ResourceKinds = ["documentation", "course", "book", "video", "exercise", "tool", "article"];

    public static DesignConcept Skeleton(Concept concept) => new(concept.Id, concept.Title, concept.Summary, concept.Hours, concept.Prerequisites);
}

/// <summary>Whether a text is in the language that was asked for, as far as its script tells.</summary>
public static class TextLanguage
{
    public static bool Fits(string text, RoadmapOrder order)
    {
        var letters = text.Count(char.IsLetter);
        var han = text.Count(character => character is >= '\u3400' and <= '\u9fff');
        // Chinese text about technology is full of Latin names; English text has no business with Han.
        if (order.IsChinese)
            return han * 5 >= letters;
        return !order.IsEnglish || han * 20 <= letters;
    }
}
