using YamlDotNet.RepresentationModel;

namespace Lyceum.Doctor.Files.Rules;

/// <summary>Routes of the Gateway API: behind which kind of gateway each stands, and where it leads.</summary>
internal static class Gateways
{
    public const string Group = "gateway.networking.k8s.io/";

    /// <summary>
    /// The class of each gateway that the route names. One that the files do not have, because others look after it, is GKE's where the files
    /// have policies of GKE's.
    /// </summary>
    public static IEnumerable<string> Classes(this RenderedFiles files, KubeObject route) =>
        from parent in route.Spec.ItemsAt("parentRefs")
        let gateway = files.Find("Gateway", Group, parent.TextAt("name"), parent.TextAt("namespace") ?? route.Namespace)
        let ofClass = gateway?.Spec.TextAt("gatewayClassName") ?? (gateway is null && files.AreForGke ? "gke-" : null)
        where ofClass is not null
        select ofClass;

    public static bool IsGke(string gatewayClass) => gatewayClass.StartsWith("gke-", StringComparison.Ordinal);

    /// <summary>Envoy Gateway, by its usual class names or its controller.</summary>
    public static bool IsEnvoy(this RenderedFiles files, string gatewayClass) =>
        gatewayClass is "eg" || gatewayClass.Contains("envoy", StringComparison.Ordinal)
        || files.Of("GatewayClass", Group).Any(it => it.Name == gatewayClass
            && it.Spec.TextAt("controllerName")?.StartsWith("gateway.envoyproxy.io/", StringComparison.Ordinal) == true);

    public static IEnumerable<KubeObject> Routes(this RenderedFiles files) => files.Of("HTTPRoute", Group);

    /// <summary>Services that a rule of a route leads to, by name and namespace.</summary>
    public static IEnumerable<(string Name, string Namespace, YamlNode Node)> Backends(KubeObject route, YamlNode rule) =>
        from backend in rule.ItemsAt("backendRefs")
        where backend.TextAt("kind") is null or "Service"
        select (backend.TextAt("name") ?? "", backend.TextAt("namespace") ?? route.Namespace, backend);

    /// <summary>Services behind gateways of GKE that are ours, or may be, each once.</summary>
    public static IEnumerable<(string Name, string Namespace, KubeObject Route, YamlNode Node)> GkeBackends(this RenderedFiles files) => (
        from route in files.Routes()
        where files.Classes(route).Any(IsGke)
        from rule in route.Spec.ItemsAt("rules")
        from backend in Backends(route, rule)
        where files.MayBeOurs(backend.Name, backend.Namespace)
        select (backend.Name, backend.Namespace, route, backend.Node)).DistinctBy(backend => (backend.Name, backend.Namespace));

    /// <summary>A policy of GKE's for a Service.</summary>
    public static KubeObject? PolicyFor(this RenderedFiles files, string kind, string service, string inNamespace) =>
        files.Of(kind, "networking.gke.io/").FirstOrDefault(policy => policy.Namespace == inNamespace
            && policy.Spec.TextAt("targetRef", "kind") == "Service" && policy.Spec.TextAt("targetRef", "name") == service);

    /// <summary>The BackendConfig that a Service names, whatever for.</summary>
    public static string? BackendConfig(this RenderedFiles files, string service, string inNamespace) =>
        files.Service(service, inNamespace) is { } found
            ? found.Annotation("cloud.google.com/backend-config") ?? found.Annotation("beta.cloud.google.com/backend-config")
            : null;
}
