using System.CommandLine;
using System.Text.Json;
using Lyceum.Cli.Doctor;

namespace Lyceum.Tests.Cli.Tests;

/// <summary><c>lyceum doctor --files</c>: what a pipeline sees of it. The rules themselves are in Doctor.Tests.</summary>
public sealed class DoctorFilesTests : IDisposable
{
    private const string Healthy = "apiVersion: v1\nkind: Service\nmetadata: { name: lyceum }\nspec: { ports: [{ port: 80 }] }\n";
    private const string Broken = "apiVersion: v1\nkind: Service\nmetadata: { name: lyceum }\nspec: { selector: { app: nobody }, ports: [{ port: 80 }] }\n";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-doctor-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Files_ThatAreWell_AreStatusZero() => (await RunAsync(Healthy)).Status.ShouldBe(0);

    [Fact]
    public async Task Files_WithAFault_AreStatusOne_AndSayWhereAndWhatToDo()
    {
        var (status, output) = await RunAsync(Broken);

        status.ShouldBe(1);
        output.ShouldContain("FAIL    LYC-K8S-022");
        output.ShouldContain("x.yaml:4 Service/lyceum");
        output.ShouldContain("do: ");
    }

    [Fact]
    public async Task Files_ForPrograms_AreJson_OfTheRulesThatWereAskedFor()
    {
        var (status, output) = await RunAsync(Broken, "--json", "--only", "LYC-K8S-02");

        status.ShouldBe(1);
        using var document = JsonDocument.Parse(output);
        document.RootElement.GetProperty("verdict").GetString().ShouldBe("fail");
        document.RootElement.GetProperty("checks").EnumerateArray().Select(check => check.GetProperty("id").GetString())
            .ShouldBe(["LYC-K8S-020", "LYC-K8S-021", "LYC-K8S-022"]);
    }

    [Theory]
    [InlineData("# nothing\n")]
    [InlineData(null)]
    public async Task Files_ThatAreNotThere_AreStatusTwo(string? content) => (await RunAsync(content)).Status.ShouldBe(2);

    private async Task<(int Status, string Output)> RunAsync(string? content, params string[] options)
    {
        if (content is not null)
            await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "x.yaml"), content, TestContext.Current.CancellationToken);
        var output = new StringWriter();
        var folder = content is null ? Path.Combine(_folder.FullName, "none") : _folder.FullName;
        var status = await DoctorCommand.Create().Parse(["--files", folder, .. options])
            .InvokeAsync(new InvocationConfiguration { Output = output, Error = output }, TestContext.Current.CancellationToken);
        return (status, output.ToString());
    }
}
