using System.Text.RegularExpressions;
using k8s.Models;
using Lyceum.Cli.Installation;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Cli.Tests.Kubernetes;

/// <summary>What docs/kubernetes.md and docs/hops.md tell people to write.</summary>
public sealed partial class PageTests(Rendered rendered) : IClassFixture<Rendered>
{
    [Fact]
    public async Task OverlayOfTheInstallationPage_Renders_WithItsNameEverywhere()
    {
        var folder = Directory.CreateTempSubdirectory("lyceum-site-");
        try
        {
            Copy(Rendered.Deploy, Path.Combine(folder.FullName, $"lyceum-{Release.Version}-deploy", "kubernetes"));
            var site = folder.CreateSubdirectory("site").FullName;
            var yaml = HereDocument().Match(Page("kubernetes.md")).Groups["text"].Value;
            await File.WriteAllTextAsync(Path.Combine(site, "kustomization.yaml"), yaml, TestContext.Current.CancellationToken);

            var made = await Kubectl.RenderAsync(site, TestContext.Current.CancellationToken);

            made.ShouldNotContain("lyceum.example.org");
            var objects = Rendered.Typed(made);
            objects.Count.ShouldBe(rendered.Objects["overlays/gke"].Count);
            var settings = objects.OfType<V1ConfigMap>().ShouldHaveSingleItem();
            settings.Data["AllowedHosts"].ShouldBe("tutor.school.example");
            settings.Data.ShouldContainKey("Llm__Endpoint", "the overlay's own stay");
            objects.OfType<V1Deployment>().Single(it => it.Metadata.Name == "gateway").Spec.Template.Spec.Containers[0].Env
                .Single(it => it.Name == "AllowedHosts").ValueFrom.ConfigMapKeyRef.Name.ShouldBe(settings.Metadata.Name);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task RouteForEnvoyGateway_IsValid_AndHasNoLimit()
    {
        var yaml = FencedYaml().Match(Page("hops.md")).Groups["text"].Value;

        (await Rendered.SchemaErrorsAsync(yaml, TestContext.Current.CancellationToken)).ShouldHaveSingleItem().Value.ShouldBe([]);
        yaml.ShouldContain("timeouts: { request: 0s }");
    }

    /// <summary>Their operators' schemas are not at hand: at least they are YAML, and name what `lyceum init` makes.</summary>
    [Fact]
    public void ExamplesForOperators_NameSecretsThatInitMakes()
    {
        var text = string.Concat(Directory.EnumerateFiles(Path.Combine(Rendered.Deploy, "examples"), "*.yaml").Select(File.ReadAllText));
        var named = SecretName().Matches(text).Select(match => match.Groups["name"].Value).ToList();

        named.Count.ShouldBe(5);
        named.ShouldBeSubsetOf(rendered.Secrets.Select(secret => secret.Metadata.Name));
        foreach (var secret in rendered.Secrets.Where(secret => named.Contains(secret.Metadata.Name)))
            secret.Data.Keys.ShouldContain("password", secret.Metadata.Name);
        text.ShouldContain("dataDurability: required, failoverQuorum: true");
        text.ShouldContain($"max_connections: \"{Services.MaxConnections}\"");
        foreach (var database in Services.All.Select(service => service.Database).OfType<string>())
            text.ShouldContain($"owner: {database}", customMessage: database);
        var stream = new YamlDotNet.RepresentationModel.YamlStream();
        stream.Load(new StringReader(text.Replace("# RabbitMQ", "---\n# RabbitMQ", StringComparison.Ordinal)));
        stream.Documents.Count.ShouldBe(5);
    }

    private static string Page(string name) => File.ReadAllText(Path.Combine(Repository.Root, "docs", name));

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (var folder in Directory.EnumerateDirectories(from))
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
    }

    [GeneratedRegex(@"<<'YAML'\n(?<text>.*?)YAML\n", RegexOptions.Singleline)]
    private static partial Regex HereDocument();

    [GeneratedRegex(@"```yaml\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex FencedYaml();

    [GeneratedRegex(@"(passwordSecret|secret|externalSecret): \{ name: (?<name>[\w-]+) \}")]
    private static partial Regex SecretName();
}
