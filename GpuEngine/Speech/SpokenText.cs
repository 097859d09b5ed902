using System.Text.RegularExpressions;

namespace Lyceum.GpuEngine.Speech;

/// <summary>
/// What is spoken of a written sentence: not the marks of Markdown, nor the numbers of sources, nor addresses.
/// </summary>
internal static partial class SpokenText
{
    /// <returns>Empty where there is nothing to say.</returns>
    public static string Of(string written)
    {
        var text = Link().Replace(written, "${text}");
        text = Silent().Replace(text, " ");
        text = Spaces().Replace(text, " ").Trim();
        return text.Any(char.IsLetterOrDigit) ? text : "";
    }

    [GeneratedRegex(@"!?\[(?<text>[^\]\[]*)\]\([^)]*\)", RegexOptions.NonBacktracking)]
    private static partial Regex Link();

    // [1], addresses, list bullets, and the marks of headings, emphasis, code and tables.
    [GeneratedRegex(@"\[\d{1,2}\]|https?://\S+|^\s*[-+>]\s|[*`#|~]+", RegexOptions.NonBacktracking | RegexOptions.Multiline)]
    private static partial Regex Silent();

    [GeneratedRegex(@"\s+", RegexOptions.NonBacktracking)]
    private static partial Regex Spaces();
}
