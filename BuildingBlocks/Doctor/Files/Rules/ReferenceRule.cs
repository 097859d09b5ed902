using YamlDotNet.RepresentationModel;

namespace Lyceum.Doctor.Files.Rules;

/// <summary>Names and selectors that lead nowhere: Kubernetes takes them without a word.</summary>
internal sealed class ReferenceRule(RenderedFiles files) : FileRule(files)
{
    public override string Id => "LYC-K8S-022";

    protected override string Subjects => "selectors and references";

    protected override string Expected => "selectors match pods, and what is named is among these files";

    protected override string Fix => "Correct the label or name; or add the object that is missing to the files.";

    protected override IEnumerable<string?> Look() =>
        Files.Of("Service", "v1").Where(service => service.Spec.At("selector") is not null).Select(service => Matches(service, service.Spec.At("selector")))
            .Concat(Files.Of("PodDisruptionBudget", "policy/").Select(budget => Matches(budget, budget.Spec.At("selector", "matchLabels"))))
            .Concat(Files.Of("NetworkPolicy", "networking.k8s.io/").Where(policy => policy.Spec.At("podSelector").Fields().Any())
                .Select(policy => Matches(policy, policy.Spec.At("podSelector", "matchLabels"))))
            .Concat(Files.Workloads.Where(workload => workload.Object.Spec.At("selector", "matchLabels") is not null).Select(OwnPods))
            .Concat(Files.Routes().SelectMany(OfRoute))
            .Concat(Files.Of("Ingress", "networking.k8s.io/").SelectMany(ingress => IngressTimeoutRule.Backends(ingress)
                .Select(name => Files.Service(name, ingress.Namespace) is null ? $"{ingress.Place()}: no Service {name}" : null)))
            .Concat(Files.Objects.Where(policy => policy.Kind is "GCPBackendPolicy" or "HealthCheckPolicy").Select(Target))
            .Concat(Files.Running.SelectMany(running => OfAddresses(running.Container)));

    private string? Matches(KubeObject found, YamlNode? selector)
    {
        var labels = RenderedFiles.Labels(selector);
        // matchExpressions are not reckoned here.
        return labels.Count == 0 || Files.Workloads.Any(workload => workload.Object.Namespace == found.Namespace && workload.Matches(labels)) ? null
            : $"{found.Place(selector)}: no pod has {string.Join(", ", labels.Select(label => $"{label.Key}={label.Value}"))}";
    }

    private static string? OwnPods(Workload workload)
    {
        var selector = workload.Object.Spec.At("selector", "matchLabels");
        return workload.Matches(RenderedFiles.Labels(selector)) ? null : $"{workload.Object.Place(selector)}: its selector does not match its own pods";
    }

    private IEnumerable<string?> OfRoute(KubeObject route)
    {
        foreach (var parent in route.Spec.ItemsAt("parentRefs"))
        {
            var inNamespace = parent.TextAt("namespace") ?? route.Namespace;
            // A gateway that others look after is in a namespace of its own.
            yield return parent.TextAt("kind") is not (null or "Gateway") || inNamespace != route.Namespace || !Files.Of("Gateway", Gateways.Group).Any()
                || Files.Find("Gateway", Gateways.Group, parent.TextAt("name"), inNamespace) is not null ? null
                : $"{route.Place(parent)}: no Gateway {parent.TextAt("name")}";
        }
        foreach (var (name, inNamespace, node) in route.Spec.ItemsAt("rules").SelectMany(rule => Gateways.Backends(route, rule)))
            yield return Files.Service(name, inNamespace) is null ? $"{route.Place(node)}: no Service {name}" : null;
    }

    private string? Target(KubeObject policy)
    {
        var target = policy.Spec.At("targetRef");
        return target.TextAt("kind") is not "Service" || Files.Service(target.TextAt("name"), policy.Namespace) is not null ? null
            : $"{policy.Place(target)}: no Service {target.TextAt("name")}";
    }

    private IEnumerable<string?> OfAddresses(Container container) =>
        from variable in container.Environment
        where References.IsAddress(variable.Name)
        let url = Uri.TryCreate(variable.Value, UriKind.Absolute, out var parsed) && References.IsOfCluster(parsed.Host) ? parsed : null
        where url is not null
        select Files.Named(url.Host, container.Object.Namespace) is null ? $"{variable.Place}: {url.Host} is no Service of these files" : null;
}

/// <summary>Services by the names that DNS has for them and for their pods.</summary>
internal static class References
{
    /// <summary>Whether a variable says where another service is.</summary>
    public static bool IsAddress(string variable) => variable.StartsWith("services__", StringComparison.OrdinalIgnoreCase)
        || variable.StartsWith("Engine__AnnounceTo__", StringComparison.OrdinalIgnoreCase)
        || variable.StartsWith("Engine__ChargeTo__", StringComparison.OrdinalIgnoreCase);

    /// <summary>Of this cluster, and not localhost or somewhere in the world.</summary>
    public static bool IsOfCluster(string host) => host is not "localhost" && !System.Net.IPAddress.TryParse(host.Trim('[', ']'), out _)
        && (!host.Contains('.') || host.Contains(".svc", StringComparison.Ordinal) || host.Split('.').Length <= 3 && host.EndsWith(".svc", StringComparison.Ordinal));

    /// <summary><c>chat-api</c>, <c>chat-api.lyceum.svc.cluster.local</c>, <c>gpu-engine-0.gpu-engine.lyceum.svc</c>; null: none of these files.</summary>
    public static KubeObject? Named(this RenderedFiles files, string host, string inNamespace)
    {
        var parts = host.Split('.');
        if (parts.Length == 1)
            return files.Service(parts[0], inNamespace);
        return files.Service(parts[0], parts[1])
            ?? files.Service(parts[1], parts.Length > 2 && parts[2] != "svc" ? parts[2] : inNamespace);
    }
}
