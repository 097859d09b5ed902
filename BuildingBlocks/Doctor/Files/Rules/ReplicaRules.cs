using System.Text.RegularExpressions;

namespace Lyceum.Doctor.Files.Rules;

/// <summary>
/// A session is at one engine, and its transcript on that engine's disk until it is stored: an engine has a name and a volume that
/// outlive its pod.
/// </summary>
internal sealed class EngineRule(RenderedFiles files) : FileRule(files)
{
    public override string Id => "LYC-K8S-050";

    protected override string Subjects => "gpu-engines";

    protected override string Expected => "a StatefulSet with a headless Service, and a volume of its own for Engine:Transcripts:Folder";

    protected override string Fix =>
        "Make it a StatefulSet with serviceName of a Service whose clusterIP is None, and mount a volumeClaimTemplate at Engine__Transcripts__Folder.";

    protected override IEnumerable<string?> Look() =>
        Files.Running.Where(running => running.Container.Service == "gpu-engine").Select(running => Wrong(running.Workload, running.Container));

    private string? Wrong(Workload workload, Container container)
    {
        var found = workload.Object;
        if (found.Kind != "StatefulSet")
            return $"{found.Place()}: its pods have other names, and no disk, each time";
        if (Files.Service(found.Spec.TextAt("serviceName"), found.Namespace)?.Spec.TextAt("clusterIP") != "None")
            return $"{found.Place(found.Spec.At("serviceName"))}: no headless Service {found.Spec.TextAt("serviceName") ?? "(serviceName)"}, so no addresses by pod";
        var folder = container.Value("Engine__Transcripts__Folder");
        if (folder is null)
            return $"{container.Place()}: no Engine__Transcripts__Folder, so transcripts are in the container";
        var mount = container.Node.ItemsAt("volumeMounts").Where(it => Holds(it.TextAt("mountPath"), folder)).MaxBy(it => it.TextAt("mountPath")!.Length);
        var claims = found.Spec.ItemsAt("volumeClaimTemplates").Select(claim => claim.TextAt("metadata", "name"));
        return mount is not null && claims.Contains(mount.TextAt("name")) ? null
            : $"{container.Place(mount)}: {folder} is on no volumeClaimTemplate, so what was said and not yet stored goes with the pod";
    }

    private static bool Holds(string? mount, string folder) =>
        mount is not null && (folder == mount || folder.StartsWith(mount.TrimEnd('/') + "/", StringComparison.Ordinal));
}

/// <summary>Two replicas of one name are one to whoever keeps owners, engines and connections apart by it.</summary>
internal sealed class InstanceRule(RenderedFiles files) : FileRule(files)
{
    public override string Id => "LYC-K8S-051";

    protected override string Subjects => "containers of Lyceum's services";

    protected override string Expected => "Service__Instance from metadata.name, or none: the pod's name is taken then";

    protected override string Fix => "Set Service__Instance by valueFrom: { fieldRef: { fieldPath: metadata.name } }.";

    protected override IEnumerable<string?> Look() =>
        from running in Files.Running
        let instance = running.Container.Environment.LastOrDefault(variable => variable.Is("Service__Instance") || variable.Is("Engine__Id"))
        select instance?.Value is { Length: > 0 } value && !value.Contains("$(", StringComparison.Ordinal)
            ? $"{instance.Place}: each pod of {running.Workload.Object.Kind}/{running.Workload.Object.Name} is called {value}" : null;
}

/// <summary>Pools that together are larger than the server's connections: the last ones to come find none.</summary>
internal sealed partial class PoolRule(RenderedFiles files) : FileRule(files)
{
    private const int Reserved = 30; // operators, LISTEN connections, migrations

    public override string Id => "LYC-K8S-060";

    protected override string Subjects => "pools of a database server whose max_connections these files say";

    protected override string Expected => $"Maximum Pool Size times replicas, over all services, leaves {Reserved} of max_connections";

    protected override string Fix => "Lower Maximum Pool Size in the connection strings, have fewer replicas, or raise max_connections.";

    protected override IEnumerable<string?> Look()
    {
        var pools = (
            from running in Files.Running
            from variable in running.Container.Environment
            where variable.Name.StartsWith("ConnectionStrings__", StringComparison.OrdinalIgnoreCase)
            let size = Size.Match(variable.Value ?? "")
            where size.Success
            select (Sum: int.Parse(size.Groups["size"].ValueSpan) * Replicas(running.Workload), variable.Place)).ToList();
        if (pools.Count == 0 || Connections() is not { } connections)
            yield break;
        var sum = pools.Sum(pool => pool.Sum);
        yield return sum <= connections - Reserved ? null : $"{pools[0].Place} and others: pools of {sum} connections, and the server has {connections}";
    }

    // As many as an autoscaler may make.
    private int Replicas(Workload workload) => Files.Of("HorizontalPodAutoscaler", "autoscaling/")
        .Where(scaler => scaler.Namespace == workload.Object.Namespace && scaler.Spec.TextAt("scaleTargetRef", "name") == workload.Object.Name
            && scaler.Spec.TextAt("scaleTargetRef", "kind") == workload.Object.Kind)
        .Select(scaler => scaler.Spec.NumberAt("maxReplicas")).FirstOrDefault() ?? workload.Replicas;

    private int? Connections() => Files.Of("Cluster", "postgresql.cnpg.io/").Select(cluster => cluster.Spec.NumberAt("postgresql", "parameters", "max_connections"))
        .Concat(Files.Workloads.SelectMany(workload => workload.Containers).SelectMany(container => container.Node.ItemsAt("args"))
            .Select(argument => Argument.Match(argument.Text() ?? "") is { Success: true } match ? int.Parse(match.Groups["number"].ValueSpan) : (int?)null))
        .FirstOrDefault(number => number is not null);

    [GeneratedRegex(@"Maximum Pool Size=(?<size>\d{1,5})", RegexOptions.NonBacktracking | RegexOptions.IgnoreCase)]
    private static partial Regex Size { get; }

    [GeneratedRegex(@"^max_connections=(?<number>\d{1,5})$", RegexOptions.NonBacktracking)]
    private static partial Regex Argument { get; }
}
