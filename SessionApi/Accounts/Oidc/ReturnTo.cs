namespace Lyceum.SessionApi.Accounts.Oidc;

/// <summary>
/// Where the browser goes after a sign-in: a path of this server, and nothing a browser could take for another. A link that
/// signs a person in must not lead them to another site.
/// </summary>
internal static class ReturnTo
{
    public const int MaxLength = 1000;
    private const string Here = "http://here";

    /// <summary>The path with query and fragment, ASCII, without dots; null for what is none.</summary>
    public static string? Parse(string? text)
    {
        if (text is not ['/', ..] || text.Length > MaxLength || text.Any(char.IsControl) || !Uri.TryCreate(Here + text, UriKind.Absolute, out var uri))
            return null;
        var path = uri.PathAndQuery + uri.Fragment;
        // After the dots are gone: "/.//evil" is harmless, its normal form "//evil" is not. A backslash has become a slash by now.
        return uri.GetLeftPart(UriPartial.Authority) == Here && !path.StartsWith("//", StringComparison.Ordinal) && path.Length <= MaxLength * 2 ? path : null;
    }

    /// <summary>The same path with the error's code.</summary>
    public static string WithError(string path, string code) =>
        Microsoft.AspNetCore.WebUtilities.QueryHelpers.AddQueryString(path, "error", code);
}
