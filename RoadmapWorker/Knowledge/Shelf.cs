using Lyceum.Knowledge;
using Lyceum.Text;

namespace Lyceum.RoadmapWorker.Knowledge;

/// <summary>
/// The passages that one question to a model rests on, numbered in the order in which they were found: before it was asked, and by
/// the searches that the model made. Used by one question at a time.
/// </summary>
public sealed class Shelf
{
    private const int MaxQuote = 500;
    private const int MaxPassage = 2000; // characters; SessionApi's passages are shorter

    private readonly List<Passage> _passages = [];
    private int _last;

    /// <param name="status">Of the search before the question: a <see cref="GroundingStatus"/>.</param>
    /// <param name="known">What texts before this one cite: those keep their numbers, as they are read beside this one.</param>
    public Shelf(string? kbId, string status, IEnumerable<Source> known)
    {
        (KbId, Status) = (kbId, status);
        foreach (var source in known.DistinctBy(source => source.Number))
            Put(new(source.Number, source.PassageId, source.Document, source.Title, source.Quote));
    }

    /// <summary>What a search on it would look in; null: nothing can be searched.</summary>
    public string? KbId { get; }

    public string Status { get; private set; }

    public IReadOnlyList<Passage> Passages => _passages;

    /// <summary>Numbers what was found; what is there already keeps its number.</summary>
    /// <returns>All of <paramref name="found"/> with their numbers.</returns>
    public IReadOnlyList<Passage> Add(IEnumerable<FoundPassage> found)
    {
        var numbered = new List<Passage>();
        foreach (var passage in found)
        {
            var before = passage.Id is null ? -1 : _passages.FindIndex(other => other.Id == passage.Id);
            numbered.Add(new(
                before < 0 ? FreeNumber() : _passages[before].Number, StorableText.Of(passage.Id), StorableText.Of(passage.Source),
                StorableText.Of(passage.Title), StorableText.Truncate(passage.Text.Trim(), MaxPassage)));
            Put(numbered[^1]);
        }
        return numbered;
    }

    /// <summary>
    /// The lowest: where nothing but what earlier texts cite is on the shelf, a repeated search mostly gives out the same numbers again.
    /// </summary>
    private int FreeNumber() => Enumerable.Range(1, _last + 1).First(number => !_passages.Exists(passage => passage.Number == number));

    /// <summary>Puts a passage back under the number it was recorded with.</summary>
    public void Put(Passage passage)
    {
        var before = _passages.FindIndex(other => other.Number == passage.Number);
        if (before < 0)
            _passages.Add(passage);
        else
            _passages[before] = passage;
        _last = Math.Max(_last, passage.Number);
        Status = GroundingStatus.Found;
    }

    /// <summary>The passages with these numbers; a number that was never given out is no citation.</summary>
    public IReadOnlyList<Source> Cited(IEnumerable<int> numbers)
    {
        var cited = numbers.ToHashSet();
        return
        [
            .. _passages.Where(passage => cited.Contains(passage.Number)).OrderBy(passage => passage.Number).Select(passage => new Source(
                passage.Number, passage.Id, passage.Document, passage.Title, StorableText.Truncate(passage.Text, MaxQuote))),
        ];
    }

    /// <summary>The highest number given out.</summary>
    public int Last => _last;

    /// <summary>How a model is shown passages, wherever they were found.</summary>
    public static string Describe(IEnumerable<Passage> passages) =>
        Fence.AroundPassages(passages.Select(passage => (passage.Number, passage.Title, passage.Document, passage.Text)));
}
