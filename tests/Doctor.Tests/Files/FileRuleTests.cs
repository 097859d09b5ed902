using Lyceum.Doctor;
using Lyceum.Doctor.Files;
using Lyceum.Doctor.Files.Rules;

namespace Lyceum.Tests.Doctor.Tests.Files;

/// <summary>
/// Each rule for rendered files has broken twins: files in which exactly one thing is wrong, which their first line names with the rule.
/// <c># &lt;- here</c> marks the line that a person must be sent to.
/// </summary>
public sealed class FileRuleTests : IDisposable
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Files");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-files-");

    public static TheoryData<string> Twins => [.. Names("Twins")];

    public static TheoryData<string> Healthy => [.. Names("Healthy")];

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Twins))]
    public async Task Twin_IsFoundByItsRuleAlone_WithThePlaceAndTheFix(string name)
    {
        var path = Path.Combine(Folder, "Twins", name);
        var lines = await File.ReadAllLinesAsync(path, TestContext.Current.CancellationToken);

        var findings = await LookAsync(path);

        var found = findings.Where(finding => finding.Verdict is Verdict.Fail or Verdict.Warn).ShouldHaveSingleItem(
            string.Join('\n', findings.Where(finding => finding.Verdict == Verdict.Fail)));
        found.Id.ShouldBe(lines[0].Split(' ', ':')[1]);
        found.Fix.ShouldNotBeNullOrWhiteSpace();
        found.Expected.ShouldNotBeNullOrWhiteSpace();
        found.Saw.ShouldContain(name);
        var marked = Array.FindIndex(lines, line => line.Contains("# <- here", StringComparison.Ordinal)) + 1;
        if (marked > 0)
            found.Saw.ShouldContain($"{name}:{marked}");
        Report.ExitCode(findings).ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Healthy))]
    public async Task HealthyFiles_AreWell(string name) =>
        (await LookAsync(Path.Combine(Folder, "Healthy", name))).Where(finding => finding.Verdict is Verdict.Fail or Verdict.Warn).ShouldBeEmpty();

    [Fact]
    public async Task Rules_HaveATwinEach_AndHealthyFilesToLookAt()
    {
        var rules = FileChecks.For(RenderedFiles.Read(_folder.FullName)).Select(check => check.Id).ToList();
        rules.ShouldBeUnique();

        Names("Twins").Select(name => File.ReadLines(Path.Combine(Folder, "Twins", name)).First().Split(' ', ':')[1]).Distinct().ShouldBe(rules, ignoreOrder: true);
        (await LookAsync(Path.Combine(Folder, "Healthy"))).ShouldNotBeEmpty();
        List<string> looked = [];
        foreach (var name in Names("Healthy"))
            looked.AddRange((await LookAsync(Path.Combine(Folder, "Healthy", name))).Where(finding => finding.Verdict == Verdict.Ok).Select(finding => finding.Id));
        rules.Except(looked).ShouldBeEmpty("skipped in every healthy file");
    }

    [Fact]
    public async Task Rules_AreInTheirPage_WithTheirNumbers()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Folder, "doctor-files.md"), TestContext.Current.CancellationToken);

        foreach (var check in FileChecks.For(RenderedFiles.Read(_folder.FullName)))
        {
            check.Doc.ShouldBe("docs/doctor-files.md");
            page.ShouldContain($"| {check.Id} |");
        }
    }

    /// <summary>Nothing of a secret is told, only where it is.</summary>
    [Theory]
    [InlineData("password-in-a-connection-string.yaml", "Password=")]
    [InlineData("broker-in-a-config-map.yaml", "lyceum:example")]
    [InlineData("key-of-a-model.yaml", "sk-example")]
    public async Task Secret_IsNotRepeated(string twin, string secret) =>
        Report.ToJson(await LookAsync(Path.Combine(Folder, "Twins", twin))).ShouldNotContain(secret);

    [Fact]
    public async Task Objects_InListsAndSeveralFiles_AreOne()
    {
        Write("a/list.yaml", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: { name: lyceum }\n  spec: { selector: { app: chat-api }, ports: [{ port: 80 }] }\n");
        Write("b.json", """{ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "x" }, "spec": { "template": { "metadata": { "labels": { "app": "chat-api" } }, "spec": { "containers": [{ "name": "chat-api", "image": "chat-api" }] } } } }""");
        Write("notes.yml", "# nothing\n---\n---\n- a list\n");

        var findings = await LookAsync(_folder.FullName);

        Verdicts(findings).ShouldBe([("LYC-K8S-020", Verdict.Fail), ("LYC-K8S-021", Verdict.Fail), ("LYC-K8S-040", Verdict.Fail)]);
        findings.Single(finding => finding.Id == "LYC-K8S-021").Saw.ShouldContain("a/list.yaml:7 Service/lyceum: targetPort 80");
        findings.Single(finding => finding.Id == "LYC-K8S-040").Saw.ShouldContain("b.json:1");
    }

    /// <summary>Whatever a file holds, it is told, and nothing is thrown.</summary>
    [Theory]
    [InlineData("\0\0\0\u0001\u0002")]
    [InlineData("apiVersion: v1\n\tkind: x")]
    [InlineData("apiVersion: [v1]\nkind: {}\nmetadata: 7\nspec: [[[]]]")]
    [InlineData("? { a: b }\n: c")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: { name: &a x }\nspec: { selector: *a, ports: [*a, { port: 99999999999999999999 }] }")]
    [InlineData("apiVersion: v1\nkind: Service\nmetadata: { name: x, name: y }")]
    [InlineData("apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: x }\nspec: { template: { spec: { containers: [ , 7, [], { name: chat-api, env: 5, ports: x, image: [], livenessProbe: 3 }] } } }")]
    [InlineData("%YAML 9.9\n---\nx: !!binary x")]
    public async Task File_ThatNobodyExpects_IsNoFault(string content)
    {
        Write("x.yaml", content);

        (await LookAsync(_folder.FullName)).ShouldAllBe(finding => !finding.Saw.Contains("Exception"));
    }

    [Theory]
    [InlineData('[')]
    [InlineData('{')]
    public async Task File_OfBottomlessDepth_IsToldAsUnreadable(char open)
    {
        Write("x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: " + new string(open, 100_000));

        Verdicts(await LookAsync(_folder.FullName)).ShouldBe([("LYC-K8S-001", Verdict.Fail)]);
    }

    [Fact]
    public void Folder_ThatIsNotThere_IsAnError() =>
        Should.Throw<IOException>(() => RenderedFiles.Read(Path.Combine(_folder.FullName, "none")));

    [Theory]
    [InlineData("30", 30d)]
    [InlineData("30s", 30d)]
    [InlineData("10m", 600d)]
    [InlineData("1h30m", 5400d)]
    [InlineData("1500ms", 1.5)]
    [InlineData("0s", 0d)]
    [InlineData("", null)]
    [InlineData("soon", null)]
    [InlineData("10 m", null)]
    [InlineData("-5s", null)]
    public void Duration_IsReadAsItsControllersDo(string text, double? seconds) => (Bounds.Duration(text)?.TotalSeconds).ShouldBe(seconds);

    private static async Task<IReadOnlyList<Finding>> LookAsync(string path) =>
        await Examination.RunAsync(FileChecks.For(RenderedFiles.Read(path)), [], deep: false, TestContext.Current.CancellationToken);

    private static IEnumerable<(string, Verdict)> Verdicts(IReadOnlyList<Finding> findings) =>
        findings.Where(finding => finding.Verdict is Verdict.Fail or Verdict.Warn).Select(finding => (finding.Id, finding.Verdict));

    private static IEnumerable<string> Names(string kind) =>
        Directory.EnumerateFiles(Path.Combine(Folder, kind)).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    private void Write(string name, string content)
    {
        var path = Path.Combine(_folder.FullName, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }
}
