using System.Text;
using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Primer;

/// <summary>
/// Composes Primer's answers: the passages that speak of the question, quoted and numbered, with their sources, and plain
/// words about what Primer is. The same conversation and passages give the same answer, always.
/// </summary>
internal static class PrimerAnswer
{
    private const int QuotesPerAnswer = 3;
    private const int QuestionLimit = 4_000;

    // Below this a library passage merely shares a common word with the question; the tests' lists of questions check
    // it.
    private const double LeastCoverage = 0.42;

    // A passage far below the best one is about something else that shares a word: it is quoted only when more is asked
    // for.
    private const double NearBest = 0.5;

    public static string To(IReadOnlyList<ChatMessage> messages, IReadOnlyList<GivenPassage> given)
    {
        var question = Question.Read([.. messages.Select(message => message with { Text = Head(message.Text) })]);
        var words = PrimerWords.In(question.Language);
        return question.Kind switch
        {
            QuestionKind.Greeting => words.Greeting(Library.Titles(question.Language)),
            QuestionKind.Identity => words.Identity,
            QuestionKind.Thanks => words.Thanks,
            _ => OnSubject(question, words, given),
        };
    }

    // A question is short; comparing pages of text with the whole library would only cost time.
    private static string Head(string text) => text.Length <= QuestionLimit ? text : text[..QuestionLimit];

    private static string OnSubject(Question question, PrimerWords words, IReadOnlyList<GivenPassage> given)
    {
        var found = Find(question, given);
        if (found.Count == 0)
            return words.NothingFound(Library.Titles(question.Language));
        var first = found.Take(QuotesPerAnswer).Count(hit => hit.Score >= NearBest * found[0].Score);
        var quoted = question.Page == 0
            ? found.Take(first)
            : found.Skip(first + ((question.Page - 1) * QuotesPerAnswer)).Take(QuotesPerAnswer);
        var passages = quoted.Select(hit => hit.Passage).ToList();
        // The library's numbers follow those of the given passages, which keep the numbers they were given under.
        return passages.Count == 0 ? words.NoMore
            : Quote(question, words, [.. passages.Select((p, i) => p.Number > 0 ? p : p with { Number = given.Count + i + 1 })]);
    }

    /// <summary>Passages given with the request go before the library, which is asked only if none of them fits.</summary>
    private static IReadOnlyList<PassageIndex.Hit> Find(Question question, IReadOnlyList<GivenPassage> given)
    {
        if (given.Count > 0)
        {
            var fitting = new PassageIndex(given.Select((passage, i) => new Passage(
                passage.Title ?? passage.Source ?? passage.Id ?? "?", null, passage.Text, passage.Source, Number: i + 1))).Rank(question.Terms);
            if (fitting.Count > 0)
                return fitting;
        }
        return [.. Library.Of(question.Language).Rank(question.Terms).Where(hit => hit.Coverage >= LeastCoverage)];
    }

    private static string Quote(Question question, PrimerWords words, List<Passage> passages)
    {
        var text = new StringBuilder();
        text.Append(question.Page == 0 ? words.Opening : words.More(question.Text)).Append("\n\n");
        foreach (var passage in passages)
        {
            var quote = Excerpt.Of(passage.Text, question.Terms).ReplaceLineEndings("\n> ");
            text.Append($"> {quote} [{passage.Number}]\n\n");
        }
        text.Append(words.Sources).Append('\n');
        foreach (var passage in passages)
            text.Append($"[{passage.Number}] {words.Cite(passage)}\n");
        return text.Append('\n').Append(words.HowToConnect).ToString();
    }
}
