using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lyceum.Tests.Rules;

/// <summary>Programs from npm are those of a lock file, with their digests: none is fetched as it happens to be today.</summary>
public sealed partial class NpmTests
{
    private static readonly string[] Kinds = [".sh", ".cs", ".http", ".yml", ".yaml", ".mjs", ".props", ".targets", ".csproj"];

    [Fact]
    public void Packages_AreExactVersions_LockedWithTheirDigests()
    {
        var manifests = Files("package.json").ToList();
        manifests.ShouldNotBeEmpty();
        foreach (var manifest in manifests)
        {
            var folder = Path.GetDirectoryName(manifest)!;
            foreach (var (_, version) in Members(Read(manifest), "dependencies").Concat(Members(Read(manifest), "devDependencies")))
                version.GetString()!.ShouldMatch(@"^\d+\.\d+\.\d+$", manifest);
            foreach (var (name, package) in Members(Read(Path.Combine(folder, "package-lock.json")), "packages"))
                // What another package brings within itself is covered by that one's digest.
                (name.Length == 0 || package.TryGetProperty("inBundle", out _) || package.TryGetProperty("integrity", out _)).ShouldBeTrue(name);
            File.ReadAllText(Path.Combine(folder, ".npmrc")).ShouldContain("ignore-scripts=true");
        }
    }

    [Fact]
    public void Scripts_FetchNoPackageThatIsNotLocked() =>
        Kinds.SelectMany(kind => Files($"*{kind}"))
            .Where(file => !file.EndsWith(nameof(NpmTests) + ".cs", StringComparison.Ordinal))
            .Where(file => Unlocked().IsMatch(File.ReadAllText(file)))
            .ShouldBeEmpty();

    private static IEnumerable<string> Files(string pattern) =>
        Directory.EnumerateFiles(Repository.Root, pattern, SearchOption.AllDirectories).Where(file =>
            !file.Split(Path.DirectorySeparatorChar).Any(part => part is "node_modules" or "bin" or "obj" or ".git" or ".lyceum"));

    private static JsonElement Read(string file) => JsonElement.Parse(File.ReadAllText(file));

    private static IEnumerable<(string Name, JsonElement Value)> Members(JsonElement json, string name) =>
        json.TryGetProperty(name, out var members)
            ? members.EnumerateObject().Select(member => (member.Name, member.Value))
            : [];

    [GeneratedRegex(@"\b(npx|npm (i|install|exec)|yarn (add|dlx)|pnpm (add|dlx))\s+(?!-)")]
    private static partial Regex Unlocked();
}
