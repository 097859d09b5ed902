using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.RoadmapWorker.Planning;

namespace Lyceum.RoadmapWorker.Practice;

/// <summary>How an item is answered.</summary>
internal static class ItemKinds
{
    public const string Choice = "choice";
    public const string Cloze = "cloze";
    public const string Short = "short";

    /// <summary>What stands for the missing words in a cloze's question.</summary>
    public const string Gap = "____";
}

/// <summary>Who made a set.</summary>
internal static class SetMakers
{
    public const string Model = "model";

    /// <summary>From a roadmap's quiz.</summary>
    public const string Catalogue = "catalogue";

    /// <summary>By leaving words out of passages.</summary>
    public const string Passages = "passages";
}

/// <summary>Where an item's quote stands.</summary>
/// <param name="Kind"><c>passage | message | concept</c>.</param>
/// <param name="Id">Of a passage as SessionApi names it, of a message its id; of a concept its id.</param>
/// <param name="Document">The document's name.</param>
/// <param name="Title">The headings it stands under, or the concept's title.</param>
public sealed record ItemSource(string Kind, string? Id, string? Document, string? Title);

/// <summary>An item before it is stored.</summary>
internal sealed record MadeItem(
    Guid Id, string Kind, string Question, IReadOnlyList<string>? Options, IReadOnlyList<string> Answers, string? Rubric, string? Explanation,
    string? Quote, ItemSource? Source);

/// <summary>What a set is made from: the result of the first stage.</summary>
/// <param name="Passages">Numbered from 1.</param>
/// <param name="Kind">Of the passages' sources.</param>
/// <param name="Quiz">Of a concept.</param>
internal sealed record Material(
    string Title, string Language, string Kind, IReadOnlyList<Passage> Passages, IReadOnlyList<QuizQuestion> Quiz, string? Grounding)
{
    public bool IsChinese => Language.StartsWith("zh", StringComparison.OrdinalIgnoreCase);

    public ItemSource SourceOf(Passage passage) => new(Kind, passage.Id, passage.Document, passage.Title);
}

/// <summary>The result of the second stage: what the third one stores, with its ids.</summary>
internal sealed record MadeSet(string Title, string Language, string MadeBy, IReadOnlyList<string> Notes, IReadOnlyList<MadeItem> Items);
