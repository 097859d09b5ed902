using System.Text.RegularExpressions;

namespace Lyceum.SessionApi.Accounts;

/// <summary>
/// What somebody signs in with: an e-mail address or a name, ASCII only and in lower case, so that no two that look alike
/// are two accounts. How they are called is another field and may be in any script.
/// </summary>
internal static partial class Username
{
    public const int MaxLength = 254;
    public const string Rule = "username must be an e-mail address or a name: 3 to 254 of a-z, 0-9 and . _ + @ -, beginning with a letter or digit.";

    public static string Normalize(string? text) => (text ?? "").Trim().ToLowerInvariant();

    /// <param name="normalized">By <see cref="Normalize"/>.</param>
    public static bool IsValid(string normalized) => normalized.Length is >= 3 and <= MaxLength && Form().IsMatch(normalized);

    [GeneratedRegex(@"^[a-z0-9][a-z0-9._+@-]*\z", RegexOptions.NonBacktracking)]
    private static partial Regex Form();
}
