using Lyceum.Doctor;
using Lyceum.Doctor.Files;
using Lyceum.Doctor.Files.Rules;

namespace Lyceum.Tests.Cli.Tests.Kubernetes;

/// <summary>What we ship passes what we tell others to check theirs with: <c>lyceum doctor --files</c>.</summary>
public sealed class LintTests(Rendered rendered) : IClassFixture<Rendered>, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-lint-");

    public static TheoryData<string> Folders => [.. Rendered.Folders];

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Folders))]
    public async Task Objects_PassTheLint(string folder)
    {
        var file = Path.Combine(_folder.FullName, "rendered.yaml");
        await File.WriteAllTextAsync(file, rendered.Yaml[folder], TestContext.Current.CancellationToken);

        var findings = await Examination.RunAsync(FileChecks.For(RenderedFiles.Read(file)), [], deep: false, TestContext.Current.CancellationToken);

        findings.Count.ShouldBeGreaterThan(15);
        findings.Where(finding => finding.Verdict is Verdict.Warn or Verdict.Fail).Select(finding => $"{finding.Id} {finding.Saw}").ShouldBeEmpty();
    }
}
