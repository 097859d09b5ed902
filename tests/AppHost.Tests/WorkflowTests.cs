using System.Diagnostics;
using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace Lyceum.Tests.AppHost;

/// <summary>What happens at a push and at a tag, as far as it can be seen without running it.</summary>
public sealed partial class WorkflowTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, ".github", "workflows");

    public static TheoryData<string> Workflows => [.. Directory.GetFiles(Folder, "*.yml").Select(file => Path.GetFileName(file))];

    [Theory]
    [MemberData(nameof(Workflows))]
    public void Workflow_Jobs_HaveATimeLimitAndSteps(string file)
    {
        var jobs = (YamlMappingNode)Load(file)["jobs"];

        jobs.Children.ShouldNotBeEmpty();
        foreach (var (name, job) in jobs)
        {
            var members = ((YamlMappingNode)job).Children.Keys.Select(key => ((YamlScalarNode)key).Value).ToList();
            members.ShouldContain("timeout-minutes", $"{file}: {name}");
            foreach (var step in (YamlSequenceNode)job["steps"])
            {
                ((YamlMappingNode)step).Children.Keys.Select(key => ((YamlScalarNode)key).Value)
                    .Count(key => key is "uses" or "run").ShouldBe(1, $"{file}: {name}: {step}");
            }
        }
    }

    /// <summary>A tag of an action can be moved to other code; where something is published, only a commit will do.</summary>
    [Theory]
    [MemberData(nameof(Workflows))]
    public void Workflow_Actions_ArePinned(string file)
    {
        var uses = Uses().Matches(File.ReadAllText(Path.Combine(Folder, file)));

        uses.ShouldNotBeEmpty();
        foreach (Match use in uses)
        {
            var pinned = file == "release.yml" ? PinnedByCommit() : PinnedByVersion();
            pinned.IsMatch(use.Groups["action"].Value).ShouldBeTrue($"{file}: {use.Value.Trim()}");
        }
    }

    /// <summary>What a stranger's tag or branch is called must not become a command.</summary>
    [Theory]
    [MemberData(nameof(Workflows))]
    public void Workflow_Scripts_TakeValuesFromTheEnvironmentOnly(string file)
    {
        foreach (var (_, job) in (YamlMappingNode)Load(file)["jobs"])
        {
            foreach (var step in ((YamlSequenceNode)job["steps"]).OfType<YamlMappingNode>())
            {
                if (step.Children.TryGetValue("run", out var run))
                    ((YamlScalarNode)run).Value.ShouldNotBeNull().ShouldNotContain("${{", customMessage: $"{file}: {run}");
            }
        }
    }

    [Theory]
    [InlineData("1.2.0", 0, "### Added\n\n- Something.\n- More.\n", "")]
    [InlineData("1.10.0", 0, "Short.\n", "")]
    [InlineData("1.1.0", 1, "", "has no section '## [1.1.0] - yyyy-mm-dd', but '## [1.1.0] - unreleased'")]
    [InlineData("1.0.0", 1, "", "the section of 1.0.0 in CHANGELOG.md is empty")]
    [InlineData("1.1", 2, "", "scripts/release-notes.sh VERSION")]
    [InlineData("3.0.0", 1, "", "has no section '## [3.0.0] - yyyy-mm-dd'")]
    public async Task ReleaseNotes_OfAVersion_AreItsSection(string version, int expected, string notes, string error)
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.PathOf("CHANGELOG.md"),
            """
            # Changelog

            ## [Unreleased]

            - Not yet.

            ## [1.10.0] - 2027-03-01

            Short.

            ## [1.2.0] - 2027-01-31

            ### Added

            - Something.
            - More.

            ## [1.1.0] - unreleased

            - Forgotten.

            ## [1.0.0] - 2026-12-24

            """);
        var start = new ProcessStartInfo(
            "bash", [Path.Combine(Repository.Root, "scripts", "release-notes.sh"), version, folder.PathOf("CHANGELOG.md")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var (said, complained) = (await process.StandardOutput.ReadToEndAsync(), await process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();

        (process.ExitCode, said).ShouldBe((expected, notes));
        complained.ShouldContain(error);
    }

    private static YamlMappingNode Load(string file)
    {
        var yaml = new YamlStream();
        using var reader = File.OpenText(Path.Combine(Folder, file));
        yaml.Load(reader);
        return (YamlMappingNode)yaml.Documents.Single().RootNode;
    }

    [GeneratedRegex(@"^\s*-?\s*uses:\s*(?<action>.*)$", RegexOptions.Multiline)]
    private static partial Regex Uses();

    [GeneratedRegex(@"^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", RegexOptions.ExplicitCapture)]
    private static partial Regex PinnedByCommit();

    [GeneratedRegex(@"^[\w.-]+/[\w./-]+@(v\d+(\.\d+)*|[0-9a-f]{40} # v\d+\.\d+\.\d+)$", RegexOptions.ExplicitCapture)]
    private static partial Regex PinnedByVersion();
}
