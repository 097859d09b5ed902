
namespace Lyceum.RoadmapWorker.Planning;

/// <summary>
/// Makes roadmaps without a language model: from the catalogue where the query names one of its subjects, otherwise a general plan
/// of how to learn something, which says that it is one. Deterministic: the same order, the same roadmap.
/// </summary>
public static class CataloguePlanner
{
    /// <param name="because">Why no model makes it, already in the order's language.</param>
    public static Analysis Analyse(RoadmapOrder order, string because)
    {
        var subject = Catalogue.Match(order.Query);
        var words = Words.For(order);
        List<string> notes = [because, subject is null ? words.UnknownSubject : words.FromCatalogue];
        if (!order.IsChinese && !order.IsEnglish)
            notes.Add(words.OtherLanguage);
        return new(Makers.Catalogue, subject is null ? GenericPlan.Title(order) : words.Of(subject.Title),
            subject is null ? GenericPlan.Goal(order) : words.Of(subject.Goal), subject?.Id, notes);
    }

    /// <summary>
    /// The subject's concepts for this learner. What a learner beyond the beginning probably knows takes half of its time; with a
    /// deadline, advanced concepts are left out from the end until the rest fits, so long as nothing that stays needs them.
    /// </summary>
    public static Design Design(RoadmapOrder order, Analysis analysis)
    {
        if (Catalogue.Find(analysis.Subject) is not { } subject)
            return GenericPlan.Design(order);
        var words = Words.For(order);
        var concepts = subject.Modules.SelectMany(module => module.Concepts)
            .Select(concept => (concept.Level, Concept: new DesignConcept(
                concept.Id, words.Of(concept.Title), words.Of(concept.Summary), Hours(concept, order.Level), concept.Needs))).ToList();

        var notes = new List<string>();
        if (order.WeeksUntilDeadline is { } weeks)
        {
            var left = concepts.Count;
            while (concepts.Sum(concept => concept.Concept.Hours) > weeks * order.WeeklyHours
                && concepts.FindLastIndex(concept => concept.Level == 3 && !IsNeeded(concept.Concept.Id)) is var last and >= 0)
            {
                concepts.RemoveAt(last);
            }
            if (concepts.Count < left)
                notes.Add(words.LeftOut(left - concepts.Count));
        }
        var kept = concepts.ToDictionary(concept => concept.Concept.Id, concept => concept.Concept, StringComparer.Ordinal);
        return new(Makers.Catalogue, [.. subject.Modules
            .Select(module => new DesignModule(module.Id, words.Of(module.Title),
                [.. module.Concepts.Where(concept => kept.ContainsKey(concept.Id)).Select(concept => kept[concept.Id])]))
            .Where(module => module.Concepts.Count > 0)], notes);

        bool IsNeeded(string id) => concepts.Exists(concept => concept.Concept.Prerequisites.Contains(id));
    }

    public static ConceptContent Write(RoadmapOrder order, string? subjectId, DesignConcept concept)
    {
        var words = Words.For(order);
        if (Catalogue.Find(subjectId)?.Modules.SelectMany(module => module.Concepts).FirstOrDefault(found => found.Id == concept.Id) is not { } known)
            return GenericPlan.Write(order, concept);
        return new(
            [.. order.Styles.Select(style => new Activity(style, style switch
            {
                LearningStyles.Visual => words.Draw(words.Of(known.Picture)),
                LearningStyles.HandsOn => words.Of(known.Practice),
                LearningStyles.Auditory => words.Explain(concept.Title),
                _ => words.Read(words.Of(known.Resources[0].Title)),
            }))],
            [.. known.Resources.Select(resource => new Resource(words.Of(resource.Title), resource.Kind, words.Of(resource.Url), null))],
            [.. known.Quiz.Select((question, index) => Question(words, known.Id, index, question))], FromCatalogue: true);
    }

    private static double Hours(CatalogueConcept concept, string level)
    {
        var share = (level, concept.Level) switch
        {
            ("intermediate", 1) or ("advanced", 1) => 0.5,
            ("advanced", 2) => 0.75,
            _ => 1,
        };
        return Math.Max(WeekPlan.Step, Math.Ceiling(concept.Hours * share / WeekPlan.Step) * WeekPlan.Step);
    }

    /// <summary>The right option stands first in the catalogue, and somewhere in the quiz: always the same place.</summary>
    private static QuizQuestion Question(Words words, string concept, int index, CatalogueQuestion question)
    {
        var options = question.Options.Select(words.Of).ToList();
        var answer = (concept.Sum(letter => letter) + index) % options.Count;
        var right = options[0];
        options.RemoveAt(0);
        options.Insert(answer, right);
        return new(words.Of(question.Q), options, answer, words.Of(question.Why));
    }
}
