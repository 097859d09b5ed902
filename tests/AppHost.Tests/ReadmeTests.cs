using System.Text.RegularExpressions;

namespace Lyceum.Tests.AppHost;

/// <summary>The documentation agrees with itself and with the repository. Reads files only.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string[] Readmes = ["README.md", "README.zh-CN.md"];
    private static readonly string[] SkippedFolders = ["bin", "obj", "node_modules", ".git", ".build", ".lyceum", "Library"];

    [Fact]
    public void Readmes_InBothLanguages_HaveTheSameCodeBlocks()
    {
        var (english, chinese) = (CodeBlocks(Read(Readmes[0])), CodeBlocks(Read(Readmes[1])));

        english.ShouldNotBeEmpty();
        chinese.ShouldBe(english);
    }

    /// <summary>File names, settings, tests: everything written as code in a sentence or a table.</summary>
    [Fact]
    public void Readmes_InBothLanguages_NameTheSameThings()
    {
        var (english, chinese) = (InlineCode(Read(Readmes[0])), InlineCode(Read(Readmes[1])));

        chinese.Except(english).ShouldBeEmpty();
        english.Except(chinese).ShouldBeEmpty();
    }

    [Fact]
    public void Readmes_InBothLanguages_HaveTheSameSections()
    {
        var (english, chinese) = (Headings(Read(Readmes[0])), Headings(Read(Readmes[1])));

        chinese.ShouldBe(english);
    }

    /// <summary>Each <c>Class.Method_Condition_Outcome</c> that a page names is a test.</summary>
    [Theory]
    [InlineData("README.md")]
    [InlineData("docs/incidents.md")]
    public void Tests_NamedInAPage_Exist(string page)
    {
        var tests = Directory.GetFiles(Path.Combine(Repository.Root, "tests"), "*.cs", SearchOption.AllDirectories)
            .Select(File.ReadAllText).ToList();
        var named = InlineCode(Read(page)).Select(code => TestName().Match(code)).Where(match => match.Success).ToList();

        named.ShouldNotBeEmpty();
        foreach (var name in named)
        {
            var (type, method) = (name.Groups["class"].Value, name.Groups["method"].Value);
            tests.ShouldContain(
                text => text.Contains($"class {type}", StringComparison.Ordinal) && text.Contains($" {method}(", StringComparison.Ordinal),
                $"{page} names {name.Value}");
        }
    }

    /// <summary>The classes that a safeguard consists of.</summary>
    [Fact]
    public void Types_NamedAsSafeguards_Exist()
    {
        var code = Directory.GetFiles(Repository.Root, "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText).ToList();
        var named = Safeguards().Matches(Read("docs/incidents.md")).SelectMany(section => InlineCode(section.Value))
            .Where(name => TypeName().IsMatch(name)).ToList();

        named.ShouldNotBeEmpty();
        foreach (var name in named)
            code.ShouldContain(text => Regex.IsMatch(text, $@"\b(class|record|struct|interface) {name}\b"), name);
    }

    [Fact]
    public void Links_InEveryPage_LeadToFiles()
    {
        var broken = new List<string>();
        foreach (var page in Pages(new DirectoryInfo(Repository.Root)))
        {
            var text = FencedBlock().Replace(File.ReadAllText(page), "");
            foreach (var target in Link().Matches(text).Select(match => match.Groups["target"].Value))
            {
                var path = target.Split('#')[0];
                if (path.Length > 0 && !path.Contains(':', StringComparison.Ordinal)
                    && !Path.Exists(Path.Combine(Path.GetDirectoryName(page)!, path)))
                    broken.Add($"{Path.GetRelativePath(Repository.Root, page)}: {target}");
            }
        }

        broken.ShouldBeEmpty();
    }

    /// <summary>A decision that is not in the index is found by nobody.</summary>
    [Fact]
    public void Decisions_InTheFolder_AreInTheIndex()
    {
        var index = Read("docs/adr/README.md");

        foreach (var file in Directory.GetFiles(Path.Combine(Repository.Root, "docs", "adr"), "0*.md"))
            index.ShouldContain($"({Path.GetFileName(file)})");
    }

    private static string Read(string page) => File.ReadAllText(Path.Combine(Repository.Root, page));

    private static IEnumerable<string> Pages(DirectoryInfo folder) =>
        folder.GetFiles("*.md").Select(file => file.FullName).Concat(
            folder.GetDirectories().Where(below => !SkippedFolders.Contains(below.Name)).SelectMany(Pages));

    /// <summary>Language and lines of each block; comments at the ends of lines are left out, since they are translated.</summary>
    private static List<string> CodeBlocks(string page) =>
        [.. FencedBlock().Matches(page).Select(block => TrailingComment().Replace(block.Value, ""))];

    private static HashSet<string> InlineCode(string page) =>
        [.. CodeSpan().Matches(FencedBlock().Replace(page, "")).Select(match => match.Groups["code"].Value)];

    private static List<int> Headings(string page) =>
        [.. Heading().Matches(FencedBlock().Replace(page, "")).Select(match => match.Groups["level"].Length)];

    [GeneratedRegex(@"^```.*?^```[ ]*$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex FencedBlock();

    [GeneratedRegex(@"(?<=\S)[ ]+#[ ].*$", RegexOptions.Multiline)]
    private static partial Regex TrailingComment();

    [GeneratedRegex(@"`(?<code>[^`\n]+)`")]
    private static partial Regex CodeSpan();

    [GeneratedRegex(@"^(?<level>#+)[ ]", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^(?<class>[A-Z]\w*Tests)\.(?<method>\w+)$")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^([A-Z][a-z0-9]+)+$")]
    private static partial Regex TypeName();

    [GeneratedRegex(@"\*\*Safeguard\.\*\*.*?\*\*Tests\.\*\*", RegexOptions.Singleline)]
    private static partial Regex Safeguards();

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();
}
