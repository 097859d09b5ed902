namespace Lyceum.Doctor.Files.Rules;

/// <summary>Google's balancer bounds the complete response, 30 s unless told: answers end in the middle.</summary>
internal sealed class GkeTimeoutRule(RenderedFiles files) : FileRule(files)
{
    private readonly Bounds _bounds = Bounds.Of(files);

    public override string Id => "LYC-K8S-010";

    protected override string Subjects => "Services behind a Gateway of GKE";

    protected override string Expected => $"a GCPBackendPolicy whose spec.default.timeoutSec is {_bounds.Whole.TotalSeconds:0} or more";

    protected override string Fix =>
        $"Write a GCPBackendPolicy with targetRef to the Service and spec.default.timeoutSec: {_bounds.Whole.TotalSeconds:0}.";

    protected override IEnumerable<string?> Look()
    {
        foreach (var (name, inNamespace, route, node) in Files.GkeBackends())
        {
            var policy = Files.PolicyFor("GCPBackendPolicy", name, inNamespace);
            if (policy is null)
            {
                // Said by BackendConfigRule, with what to do instead.
                yield return Files.BackendConfig(name, inNamespace) is not null ? null
                    : $"{route.Place(node)}: Service {name} has no GCPBackendPolicy, so its answers end after 30 s";
                continue;
            }
            var timeout = policy.Spec.At("default", "timeoutSec");
            yield return timeout is null ? $"{policy.Place()}: no spec.default.timeoutSec, so answers end after 30 s"
                : Bounds.Duration(timeout.Text()) is { } time && time >= _bounds.Whole ? null
                : $"{policy.Place(timeout)}: timeoutSec {timeout.Text()}";
        }
    }
}

/// <summary>GKE's controller refuses a route that has <c>timeouts</c>, as a whole: the former one, or none, stays in force.</summary>
internal sealed class GkeRouteRule(RenderedFiles files) : FileRule(files)
{
    public override string Id => "LYC-K8S-011";

    protected override string Subjects => "rules of HTTPRoutes on a Gateway of GKE";

    protected override string Expected => "no timeouts in the route: GKE answers with GWCER104 (Timeouts are not supported) and ignores it";

    protected override string Fix => "Remove timeouts from the HTTPRoute; set timeoutSec in a GCPBackendPolicy for the Service.";

    protected override IEnumerable<string?> Look() =>
        from route in Files.Routes()
        where Files.Classes(route).Any(Gateways.IsGke)
        from rule in route.Spec.ItemsAt("rules")
        select rule.At("timeouts") is { } timeouts ? $"{route.Place(timeouts)}: timeouts" : null;
}

/// <summary>A BackendConfig is for Ingress: a Gateway takes no notice of it, so its timeout is none.</summary>
internal sealed class BackendConfigRule(RenderedFiles files) : FileRule(files)
{
    public override string Id => "LYC-K8S-012";

    protected override string Subjects => "Services behind a Gateway of GKE";

    protected override string Expected => "a GCPBackendPolicy: BackendConfig serves Ingress, and a Gateway ignores it";

    protected override string Fix => "Replace the BackendConfig by a GCPBackendPolicy with targetRef to the Service, and remove the annotation.";

    protected override IEnumerable<string?> Look() =>
        from backend in Files.GkeBackends()
        let config = Files.BackendConfig(backend.Name, backend.Namespace)
        select config is not null && Files.PolicyFor("GCPBackendPolicy", backend.Name, backend.Namespace) is null
            ? $"{Files.Service(backend.Name, backend.Namespace)!.Place()}: it relies on the BackendConfig {config}, and {backend.Route.Place(backend.Node)} serves it by a Gateway"
            : null;
}
