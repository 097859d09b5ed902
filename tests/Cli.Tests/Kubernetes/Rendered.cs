using System.Text.Json;
using k8s;
using k8s.Models;
using Lyceum.Cli.Init;
using Lyceum.Tests.Support;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Lyceum.Tests.Cli.Tests.Kubernetes;

/// <summary>What a cluster would be given, rendered once for all tests: the overlays, and the Secrets of <c>lyceum init</c>.</summary>
public sealed class Rendered : IAsyncLifetime
{
    public static readonly IReadOnlyList<string> Folders = ["base", "overlays/gke", "overlays/local"];

    // Kinds of others' programs, for which KubernetesClient has no types.
    private static readonly string[] Custom = ["gateway.networking.k8s.io/", "networking.gke.io/"];

    private readonly DirectoryInfo _secrets = Directory.CreateTempSubdirectory("lyceum-kubernetes-");

    public static string Deploy { get; } = Path.Combine(Repository.Root, "deploy", "kubernetes");

    /// <summary>YAML by folder.</summary>
    public Dictionary<string, string> Yaml { get; } = [];

    public Dictionary<string, IReadOnlyList<object>> Objects { get; } = [];

    public IReadOnlyList<V1Secret> Secrets { get; private set; } = [];

    public async ValueTask InitializeAsync()
    {
        Kubectl.SkipUnlessInstalled();
        foreach (var folder in Folders)
        {
            Yaml[folder] = await Kubectl.RenderAsync(Path.Combine(Deploy, folder), CancellationToken.None);
            Objects[folder] = Typed(Yaml[folder]);
        }
        SecretsFolder.Complete(_secrets.FullName, Installed.Kubernetes);
        Secrets = [.. Typed(await Kubectl.RenderAsync(_secrets.FullName, CancellationToken.None)).Cast<V1Secret>()];
    }

    public ValueTask DisposeAsync()
    {
        _secrets.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Kubernetes' own objects, strictly: an unknown field is an error.</summary>
    /// <exception cref="YamlException">A field is unknown or of another kind.</exception>
    public static IReadOnlyList<object> Typed(string yaml) =>
        KubernetesYaml.LoadAllFromString(string.Join("---\n", Documents(yaml).Where(document => !IsCustom(document))), null, strict: true);

    /// <summary>The others' objects.</summary>
    public IReadOnlyList<YamlMappingNode> CustomObjects(string folder) =>
        [.. Documents(Yaml[folder]).Where(IsCustom).Select(Parse)];

    /// <returns>By object: what its schema says, by kubernetes-models; null: it has none.</returns>
    public static async Task<Dictionary<string, IReadOnlyList<string>?>> SchemaErrorsAsync(string yaml, CancellationToken cancel)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, yaml, cancel);
            return (await Kubectl.CheckAsync(file, cancel)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonElement.Parse(line)).ToDictionary(
                    line => line.GetProperty("object").GetString()!,
                    line => line.GetProperty("errors") is { ValueKind: JsonValueKind.Array } errors
                        ? (IReadOnlyList<string>)[.. errors.EnumerateArray().Select(error => error.GetString()!)]
                        : null);
        }
        finally
        {
            File.Delete(file);
        }
    }

    public IEnumerable<T> Of<T>(string folder) => Objects[folder].OfType<T>();

    /// <summary>Every pod that the folder's workloads make.</summary>
    public IEnumerable<(string Name, V1PodTemplateSpec Template)> Pods(string folder) =>
    [
        .. Of<V1Deployment>(folder).Select(it => (it.Metadata.Name, it.Spec.Template)),
        .. Of<V1StatefulSet>(folder).Select(it => (it.Metadata.Name, it.Spec.Template)),
        .. Of<V1Job>(folder).Select(it => (it.Metadata.Name, it.Spec.Template)),
    ];

    private static IEnumerable<string> Documents(string yaml) => yaml.Split("\n---\n").Select(document => document.TrimEnd() + "\n");

    private static bool IsCustom(string document) =>
        Custom.Any(group => document.Contains($"apiVersion: {group}", StringComparison.Ordinal));

    private static YamlMappingNode Parse(string document)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(document));
        return (YamlMappingNode)stream.Documents[0].RootNode;
    }
}
