using System.Security.Cryptography;
using System.Text;

namespace Lyceum.Text;

/// <summary>
/// Marks around what others wrote, in a prompt. A text cannot write its own end: each fence has a number of its own,
/// drawn for one request, that nobody who wrote the text could know. Nothing is removed from the text.
/// </summary>
public sealed class Fence
{
    private readonly string _number = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    /// <summary>
    /// <c>&lt;given-0f3a…&gt;</c>, the text, and <c>&lt;/given-0f3a…&gt;</c>, each on lines of its own.
    /// </summary>
    /// <param name="name">What stands in it: one word.</param>
    public string Around(string name, string text) => $"<{name}-{_number}>\n{text}\n</{name}-{_number}>";

    /// <summary>Passages as a model is shown them: numbered, with their names, in one fence.</summary>
    public static string AroundPassages(IEnumerable<(int Number, string? Title, string? Document, string Text)> passages)
    {
        var all = new StringBuilder();
        foreach (var (number, title, document, text) in passages)
        {
            var name = title ?? document;
            all.Append($"[{number}]");
            if (name is not null)
                all.Append(' ').Append(OneLine(name));
            if (document is not null && document != name)
                all.Append($" ({OneLine(document)})");
            all.Append('\n').Append(text.Trim()).Append("\n\n");
        }
        return new Fence().Around("passages", all.ToString().TrimEnd());
    }

    /// <summary>A name that has line ends would look like a passage.</summary>
    private static string OneLine(string name) =>
        string.Join(' ', name.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
