using YamlDotNet.Core;

namespace Lyceum.Tests.Cli.Tests.Kubernetes;

/// <summary>
/// Two checkers of what kustomize renders, because each is blind for what the other sees: KubernetesClient knows no field that must be
/// there, no names to choose from and no kinds but Kubernetes' own; kubernetes-models lets fields pass that it does not know.
/// </summary>
public sealed class SchemaTests(Rendered rendered) : IClassFixture<Rendered>
{
    public static TheoryData<string> Folders => [.. Rendered.Folders];

    [Theory]
    [MemberData(nameof(Folders))]
    public async Task Objects_PassBothCheckers(string folder)
    {
        var errors = await Rendered.SchemaErrorsAsync(rendered.Yaml[folder], TestContext.Current.CancellationToken);

        errors.Count.ShouldBeGreaterThan(25);
        errors.Where(it => it.Value is not { Count: 0 }).ShouldBeEmpty();
        rendered.Objects[folder].Count.ShouldBe(errors.Count - rendered.CustomObjects(folder).Count, "each object is checked by one at least");
    }

    [Theory]
    [InlineData("enableServiceLinks: false", "enableServiceLink: false")]
    [InlineData("timeoutSeconds: 3", "timeoutSecond: 3")]
    public async Task UnknownField_IsFoundByTheClientAlone(string right, string wrong)
    {
        var yaml = Broken("base", right, wrong);

        Should.Throw<YamlException>(() => Rendered.Typed(yaml));
        (await Errors(yaml)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("base", "type: RuntimeDefault", "type: RuntimDefault", "seccompProfile/type")]
    [InlineData("base", "        topologyKey: kubernetes.io/hostname\n", "", "required property topologyKey")]
    [InlineData("overlays/gke", "statusCode: 301", "statusCode: 399", "statusCode")]
    [InlineData("overlays/gke", "timeoutSec: 3660", "timeoutSec: 61m", "timeoutSec must be integer")]
    public async Task WrongChoiceOrMissingField_IsFoundByTheSchemaAlone(string folder, string right, string wrong, string found)
    {
        var yaml = Broken(folder, right, wrong);

        Rendered.Typed(yaml).ShouldNotBeEmpty();
        (await Errors(yaml)).ShouldHaveSingleItem().ShouldContain(found);
    }

    private string Broken(string folder, string right, string wrong)
    {
        var yaml = rendered.Yaml[folder];
        var at = yaml.IndexOf(right, StringComparison.Ordinal);
        at.ShouldBeGreaterThan(0);
        return yaml[..at] + wrong + yaml[(at + right.Length)..];
    }

    private static async Task<List<string>> Errors(string yaml) =>
        [.. (await Rendered.SchemaErrorsAsync(yaml, TestContext.Current.CancellationToken)).SelectMany(it => it.Value ?? ["no schema"])];
}
