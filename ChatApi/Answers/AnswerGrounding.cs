using Lyceum.EngineClient;
using Lyceum.Text;
using Npgsql;

namespace Lyceum.ChatApi.Answers;

/// <summary>Whether an answer had something to rest on; null where no knowledge base was named.</summary>
public static class GroundingStatus
{
    /// <summary>The model was given passages.</summary>
    public const string Found = "found";

    /// <summary>The knowledge base has nothing on the question; the model answered without passages.</summary>
    public const string NothingFound = "nothing_found";

    /// <summary>The knowledge base could not be searched; the model answered without passages.</summary>
    public const string Unavailable = "unavailable";
}

/// <summary>A passage that the model was given.</summary>
/// <param name="Number">From 1; the answer cites it as <c>[1]</c>.</param>
/// <param name="Title">Its page and the headings it stands under, or the document's name.</param>
/// <param name="Source">The document's name.</param>
/// <param name="Text">The passage as the model was given it; once the answer has ended, of those that it cites alone.</param>
/// <param name="Cited">Whether the answer cites it; false until it has ended.</param>
/// <param name="Page">Page or slide, from 1; null where the document has none.</param>
/// <param name="Offset">Where it begins in the document's content, in UTF-16 units.</param>
/// <param name="Length">UTF-16 units.</param>
public sealed record AnswerSource(
    int Number, string? Id, string? Title, string? Source, string? Text, bool Cited = false, string? KbId = null,
    string? DocumentId = null, int? Page = null, int? Offset = null, int? Length = null);

/// <summary>
/// What an answer rests on: found before the question is recorded, and recorded with it, so that every owner of the answer asks with
/// the same.
/// </summary>
/// <param name="TutorId">Who was asked; null: no tutor.</param>
/// <param name="KbId">The knowledge base that was searched; null: none.</param>
/// <param name="Status">A <see cref="GroundingStatus"/>; null where there was no knowledge base to search.</param>
/// <param name="Sources">In the order of their numbers.</param>
/// <param name="SystemPrompt">In place of <c>Generation:SystemPrompt</c>; null: that one.</param>
public sealed record AnswerGrounding(
    int? TutorId, string? KbId, string? Status, IReadOnlyList<AnswerSource> Sources, string? SystemPrompt)
{
    /// <summary>How the answer is to be given; the system prompt says it too. Recorded, and not read again.</summary>
    public Teaching? Teaching { get; init; }

    /// <summary>The class through which the tutor is shared; null: it is the asker's own. Recorded, and not read again.</summary>
    public Guid? ClassId { get; init; }

    /// <summary>What the passages take of the model's context.</summary>
    public int EstimatedTokens =>
        Sources.Sum(source => TokenEstimate.OfMessage(source.Text ?? "") + TokenEstimate.OfMessage(source.Title ?? ""));

    /// <summary>The passages as the engine is given them.</summary>
    public IEnumerable<ContextPassage> Passages =>
        Sources.Select(source => new ContextPassage(source.Id, source.Title, source.Text, source.Source));

    /// <summary>The end of an answer with what it cites. Of what it does not cite, the name is enough.</summary>
    public AnswerEnd Close(AnswerEnd end, string answer)
    {
        if (Status is null)
            return end;
        var cited = CitedNumbers.In(answer, Sources.Count);
        return end with
        {
            Grounding = Status,
            Sources = [.. Sources.Select(s => cited.Contains(s.Number) ? s with { Cited = true } : s with { Text = null })],
        };
    }

    /// <summary>From five columns: tutor_id, kb_id, grounding, sources (as text), system_prompt. Null where all are.</summary>
    internal static AnswerGrounding? Read(NpgsqlDataReader reader, int first)
    {
        var grounding = new AnswerGrounding(
            reader.GetValue(first) as int?, reader.GetValue(first + 1) as string, reader.GetValue(first + 2) as string,
            AnswerJson.Parse<List<AnswerSource>>(reader.GetValue(first + 3) as string) ?? [], reader.GetValue(first + 4) as string);
        return grounding is { TutorId: null, KbId: null, SystemPrompt: null } ? null : grounding;
    }
}
