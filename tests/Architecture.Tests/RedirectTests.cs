using System.Text.RegularExpressions;

namespace Lyceum.Tests.Rules;

/// <summary>
/// No HTTP client of the product follows redirects to where somebody else chose. Those of the factory do not by default
/// (ServiceDefaults); what is made by hand says so itself.
/// </summary>
public sealed partial class RedirectTests
{
    public static TheoryData<string> Projects => [.. Product.Projects];

    [Theory]
    [MemberData(nameof(Projects))]
    public void HandlersMadeByHand_FollowNoRedirects(string project)
    {
        var wrong = new List<string>();
        foreach (var file in Directory.EnumerateFiles(Product.FolderOf(project), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin")))
        {
            var text = File.ReadAllText(file);
            wrong.AddRange(Handler().Matches(text).Where(made => !made.Value.Contains("AllowAutoRedirect = false"))
                .Select(made => $"{file}: {made.Value.Split('\n')[0]}"));
            if (Follows().IsMatch(text))
                wrong.Add($"{file}: {Follows().Match(text).Value}");
        }
        wrong.ShouldBeEmpty();
    }

    /// <summary>A handler with its initialiser.</summary>
    [GeneratedRegex(@"new SocketsHttpHandler\b(\s*\(\s*\))?(\s*\{[^}]*\})?|SocketsHttpHandler \w+\([^)]*\) => new\(\)\s*\{[^}]*\}")]
    private static partial Regex Handler();

    /// <summary>A client without a handler of ours, or a handler that follows unless told otherwise.</summary>
    [GeneratedRegex(@"new HttpClient\s*\(\s*\)|new HttpClientHandler\b|AllowAutoRedirect\s*=\s*true|new WinHttpHandler\b|WebRequest\.")]
    private static partial Regex Follows();
}
