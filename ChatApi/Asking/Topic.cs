using System.Text;
using Lyceum.Text;

namespace Lyceum.ChatApi.Asking;

/// <summary>What a question is about: "and why?" is about what was asked before it.</summary>
public static class Topic
{
    /// <summary>Earlier questions that are considered.</summary>
    public const int MaxEarlier = 4;

    // A question with so many terms stands for itself.
    private const int Enough = 3;

    // Characters of a search, at most.
    private const int MaxLength = 4000;

    /// <param name="earlier">Newest first.</param>
    /// <returns>The question, followed by as many of those before it as it takes to have something to look for.</returns>
    public static string Of(string question, IEnumerable<string> earlier)
    {
        var topic = new StringBuilder(Head(question));
        using var before = earlier.GetEnumerator();
        while (Terms.OfQuestion(topic.ToString()).Count < Enough && before.MoveNext())
            topic.Append('\n').Append(Head(before.Current));
        return topic.ToString();
    }

    private static string Head(string text) => Utf16.Truncate(text, MaxLength);
}
