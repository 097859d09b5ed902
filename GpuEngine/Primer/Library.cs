using System.Reflection;

namespace Lyceum.GpuEngine.Primer;

/// <summary>
/// The documents that Primer always knows: <c>Library/{en,zh}/*.md</c>, embedded. A document is a title line,
/// a line of keywords, and sections, each of which becomes a passage.
/// </summary>
internal static class Library
{
    private static readonly Lazy<PassageIndex> English = new(() => Load("en", "Lyceum library"));
    private static readonly Lazy<PassageIndex> Chinese = new(() => Load("zh", "Lyceum 文库"));

    public static PassageIndex Of(Language language) => (language is Language.Chinese ? Chinese : English).Value;

    /// <summary>The documents' titles, in the order of their file names.</summary>
    public static IReadOnlyList<string> Titles(Language language) =>
        [.. Documents(language is Language.Chinese ? "zh" : "en").Select(lines => lines[0]["# ".Length..])];

    internal static IEnumerable<Passage> Read(string[] lines, string source)
    {
        var title = lines[0]["# ".Length..];
        var keywords = lines[1]["keywords: ".Length..];
        foreach (var section in string.Join('\n', lines[2..]).Split("\n## ").Skip(1))
        {
            var heading = section.IndexOf('\n');
            yield return new Passage(title, section[..heading].Trim(), section[heading..].Trim(), source, keywords);
        }
    }

    private static PassageIndex Load(string folder, string source) =>
        new(Documents(folder).SelectMany(lines => Read(lines, source)));

    private static IEnumerable<string[]> Documents(string folder)
    {
        var assembly = Assembly.GetExecutingAssembly();
        var names = assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith($"Library/{folder}/", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        foreach (var name in names)
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return reader.ReadToEnd().ReplaceLineEndings("\n").Split('\n');
        }
    }
}
