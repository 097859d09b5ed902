using System.Text.RegularExpressions;

namespace Lyceum.Text;

/// <summary>A name that clients choose and that stands in paths, such as a <c>kb_id</c>: 1 to 64 of <c>a-z 0-9 - _</c>.</summary>
public static partial class Slug
{
    /// <summary>It also begins with a letter or digit, so that it is never <c>..</c> or an option.</summary>
    public static bool IsValid(string text) => Pattern().IsMatch(text);

    [GeneratedRegex(@"^[a-z0-9][a-z0-9_-]{0,63}\z", RegexOptions.NonBacktracking)]
    private static partial Regex Pattern();
}
