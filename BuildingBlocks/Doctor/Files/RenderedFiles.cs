using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Lyceum.Doctor.Files;

/// <summary>The objects of Kubernetes in a folder of rendered files (<c>kubectl kustomize</c>, <c>helm template</c>), and how they hang together.</summary>
public sealed class RenderedFiles
{
    private const long LargestFile = 16 * 1024 * 1024;
    private const int MostFiles = 2000;
    private const int MostDepth = 100;

    private static readonly string[] PodTemplates = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"];

    // No .git; and an end where a link leads back.
    private static readonly EnumerationOptions Below = new()
    {
        RecurseSubdirectories = true, MaxRecursionDepth = 16, AttributesToSkip = FileAttributes.Hidden, IgnoreInaccessible = false,
    };

    private readonly List<KubeObject> _objects = [];
    private readonly List<string> _unreadable = [];

    private RenderedFiles() { }

    /// <summary>How many objects there are.</summary>
    public int Count => _objects.Count;

    /// <summary>Nothing in it was other than YAML, or not rendered.</summary>
    public bool IsReadable => _unreadable.Count == 0;

    internal IReadOnlyList<KubeObject> Objects => _objects;

    /// <summary>What could not be read, with its place.</summary>
    internal IReadOnlyList<string> Unreadable => _unreadable;

    internal IReadOnlyList<Workload> Workloads { get; private set; } = [];

    /// <summary>Those of Lyceum's services.</summary>
    internal IEnumerable<Container> Ours => Workloads.SelectMany(workload => workload.Containers).Where(container => container.Service is not null);

    /// <summary>Those that stay and answer: no jobs, nothing that only prepares a pod.</summary>
    internal IEnumerable<(Workload Workload, Container Container)> Running =>
        from workload in Workloads
        from container in workload.Containers
        where container.Runs && container.Service is not null
        select (workload, container);

    /// <param name="path">A folder, with those below it, or a file.</param>
    /// <exception cref="IOException">There is none, or it cannot be read.</exception>
    public static RenderedFiles Read(string path)
    {
        var files = new RenderedFiles();
        string[] found = File.Exists(path)
            ? [path]
            : [.. Directory.EnumerateFiles(path, "*", Below).Where(IsYaml).Order(StringComparer.Ordinal).Take(MostFiles + 1)];
        if (found.Length > MostFiles)
            throw new IOException($"more than {MostFiles} files");
        foreach (var file in found)
            files.Add(file, File.Exists(path) ? Path.GetFileName(file) : Path.GetRelativePath(path, file));
        files.Workloads = [.. files._objects.Select(files.WorkloadOf).OfType<Workload>()];
        return files;
    }

    /// <summary>Some objects are ones that only GKE knows.</summary>
    internal bool AreForGke => _objects.Any(it => it.ApiVersion.StartsWith("networking.gke.io/", StringComparison.Ordinal)
        || it.ApiVersion.StartsWith("cloud.google.com/", StringComparison.Ordinal));

    internal IEnumerable<KubeObject> Of(string kind, string group) => _objects.Where(it => it.Is(kind, group));

    internal KubeObject? Find(string kind, string group, string? name, string inNamespace) =>
        _objects.FirstOrDefault(it => it.Is(kind, group) && it.Name == name && it.Namespace == inNamespace);

    internal KubeObject? Service(string? name, string inNamespace) => Find("Service", "v1", name, inNamespace);

    /// <summary>Whose pods a Service stands for.</summary>
    internal IEnumerable<Workload> Behind(KubeObject service) => Labels(service.Spec.At("selector")) is { Count: > 0 } selector
        ? Workloads.Where(workload => workload.Object.Namespace == service.Namespace && workload.Matches(selector))
        : [];

    /// <summary>Whether a route to that Service is of our concern: ours, or of nobody that the files know.</summary>
    internal bool MayBeOurs(string? service, string inNamespace) =>
        Service(service, inNamespace) is not { } found
        || !Behind(found).Any()
        || Behind(found).SelectMany(workload => workload.Containers).Any(container => container.Service is not null);

    internal static IReadOnlyDictionary<string, string> Labels(YamlNode? node) =>
        node.Fields().Select(field => (field.Name, Value: field.Value.Text() ?? "")).DistinctBy(field => field.Name)
            .ToDictionary(field => field.Name, field => field.Value, StringComparer.Ordinal);

    private static bool IsYaml(string file) => Path.GetExtension(file).ToLowerInvariant() is ".yaml" or ".yml" or ".json";

    private void Add(string path, string name)
    {
        if (new FileInfo(path).Length > LargestFile)
        {
            _unreadable.Add($"{name}: larger than {LargestFile / 1024 / 1024} MiB");
            return;
        }
        var stream = new YamlStream();
        try
        {
            RefuseDepth(path);
            using var reader = new StreamReader(path);
            stream.Load(reader);
        }
        catch (Exception e) when (e is YamlException or ArgumentException)
        {
            var line = e is YamlException yaml ? $":{yaml.Start.Line}" : "";
            _unreadable.Add($"{name}{line}: {e.Message.ReplaceLineEndings(" ")}");
            return;
        }
        foreach (var root in stream.Documents.Select(document => document.RootNode))
            Add(new KubeObject(name, root));
    }

    // The tree is built, and walked by its names, recursively.
    private static void RefuseDepth(string path)
    {
        using var reader = new StreamReader(path);
        var parser = new Parser(reader);
        for (var depth = 0; parser.MoveNext();)
        {
            depth += parser.Current is MappingStart or SequenceStart ? 1 : parser.Current is MappingEnd or SequenceEnd ? -1 : 0;
            if (depth > MostDepth)
                throw new YamlException(parser.Current!.Start, parser.Current.End, $"nested more than {MostDepth} times");
        }
    }

    private void Add(KubeObject found)
    {
        if (found.Root is not YamlMappingNode)
            return; // an empty document
        if (found.Kind is "Kustomization" or "Component" && found.ApiVersion.StartsWith("kustomize.", StringComparison.Ordinal)
            || (found.Kind.Length == 0 && Path.GetFileNameWithoutExtension(found.File) == "kustomization"))
            _unreadable.Add($"{found.File}: a kustomization, not what it renders");
        else if (found.Kind == "List")
            _objects.AddRange(found.Root.ItemsAt("items").Select(item => new KubeObject(found.File, item)).Where(item => item.Kind.Length > 0));
        else if (found.ApiVersion.Length > 0 && found.Kind.Length > 0)
            _objects.Add(found);
    }

    private Workload? WorkloadOf(KubeObject found)
    {
        var template = found.Kind == "CronJob" ? found.Spec.At("jobTemplate", "spec", "template")
            : PodTemplates.Contains(found.Kind) ? found.Spec.At("template")
            : found.Kind == "Pod" && found.ApiVersion == "v1" ? found.Root : null;
        if (template is null || template.At("spec") is not { } pod)
            return null;
        return new Workload(found, pod, Labels(template.At("metadata", "labels")))
        {
            Containers =
            [
                .. pod.ItemsAt("containers").Select(node => ContainerOf(found, node, runs: found.Kind is not ("Job" or "CronJob"))),
                .. pod.ItemsAt("initContainers").Select(node => ContainerOf(found, node, runs: false)),
            ],
        };
    }

    private Container ContainerOf(KubeObject owner, YamlNode node, bool runs)
    {
        IReadOnlyList<Variable> environment = [.. From(owner, node), .. Own(owner, node)];
        var name = environment.LastOrDefault(variable => variable.Is("Service__Name"))?.Value;
        var image = node.TextAt("image") ?? "";
        var program = image.Split('@')[0].Split('/')[^1].Split(':')[0];
        string?[] candidates = [name, program, node.TextAt("name")];
        return new Container(owner, node, candidates.FirstOrDefault(candidate => KnownSettings.Services.Contains(candidate ?? "")), environment) { Runs = runs };
    }

    private IEnumerable<Variable> From(KubeObject owner, YamlNode node)
    {
        foreach (var source in node.ItemsAt("envFrom"))
        {
            var prefix = source.TextAt("prefix") ?? "";
            if (Find("ConfigMap", "v1", source.TextAt("configMapRef", "name"), owner.Namespace) is { } map)
            {
                foreach (var (key, value, place) in map.Root.At("data").Fields())
                    yield return new Variable(prefix + key, value.Text() ?? "", null, false, $"{map.Place(place)}, {key}");
            }
            if (Find("Secret", "v1", source.TextAt("secretRef", "name"), owner.Namespace) is { } secret)
            {
                foreach (var (key, _, place) in secret.Root.At("data").Fields().Concat(secret.Root.At("stringData").Fields()))
                    yield return new Variable(prefix + key, null, null, true, $"{secret.Place(place)}, {key}");
            }
        }
    }

    private IEnumerable<Variable> Own(KubeObject owner, YamlNode node)
    {
        foreach (var variable in node.ItemsAt("env"))
        {
            var name = variable.TextAt("name") ?? "";
            var from = variable.At("valueFrom");
            var key = from.At("configMapKeyRef");
            var value = from is null ? variable.At("value") is YamlScalarNode written ? written.Value ?? "" : ""
                : Find("ConfigMap", "v1", key.TextAt("name"), owner.Namespace)?.Root.TextAt("data", key.TextAt("key") ?? "");
            yield return new Variable(
                name, value, from.TextAt("fieldRef", "fieldPath"), from.At("secretKeyRef") is not null,
                $"{owner.Place(variable)}, container {node.TextAt("name")}, {name}");
        }
    }
}
