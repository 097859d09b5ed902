namespace Lyceum.RoadmapWorker.Knowledge;

/// <summary>Whether what was made had a knowledge base to rest on; null where none was named.</summary>
public static class GroundingStatus
{
    /// <summary>The model was given passages.</summary>
    public const string Found = "found";

    /// <summary>The knowledge base has nothing on the subject; the model answered without passages.</summary>
    public const string NothingFound = "nothing_found";

    /// <summary>The knowledge base could not be searched, or is not there any more; the model answered without passages.</summary>
    public const string Unavailable = "unavailable";

    /// <summary>No language model made it, so the passages were not used.</summary>
    public const string NotUsed = "not_used";
}

/// <summary>A passage that a model was shown.</summary>
/// <param name="Number">From 1; it is cited as <c>[1]</c>.</param>
/// <param name="Id">As SessionApi names it: the document's id and the place in it.</param>
/// <param name="Document">The document's name.</param>
/// <param name="Title">The headings it stands under, or the document's name.</param>
public sealed record Passage(int Number, string? Id, string? Document, string? Title, string Text);

/// <summary>What a text rests on.</summary>
/// <param name="Number">What a text cites it by, as <c>[1]</c>.</param>
/// <param name="Quote">The passage's own words, its first 500 characters.</param>
public sealed record Source(int Number, string? PassageId, string? Document, string? Title, string Quote);
