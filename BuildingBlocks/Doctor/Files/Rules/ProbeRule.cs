namespace Lyceum.Doctor.Files.Rules;

/// <summary>
/// Probes ask routes that exist, and the right ones: <c>/alive</c> says whether the process is to be left running, <c>/health</c> whether
/// requests may be sent to it. Whether a replica without its database is taken out (readiness on <c>/health</c>) or not is the operator's choice.
/// </summary>
internal sealed class ProbeRule(RenderedFiles files) : FileRule(files)
{
    private const string Health = "/health", Alive = "/alive";

    public override string Id => "LYC-K8S-020";

    protected override string Subjects => "containers of Lyceum's services";

    protected override string Expected => "livenessProbe on /alive; readinessProbe on /health or /alive";

    protected override string Fix => "Give the container livenessProbe { httpGet: { path: /alive } } and readinessProbe { httpGet: { path: /health } } on its port.";

    protected override IEnumerable<string?> Look() =>
        Files.Running.SelectMany(running => (string?[])
            [
                Wrong(running.Container, "livenessProbe", Alive, required: true,
                    "is 503 while the database is away, and Kubernetes would restart every replica"),
                Wrong(running.Container, "readinessProbe", null, required: true, ""),
                Wrong(running.Container, "startupProbe", null, required: false, ""),
            ])
        .Concat(from policy in Files.Of("HealthCheckPolicy", "networking.gke.io/")
                where Files.MayBeOurs(policy.Spec.TextAt("targetRef", "name"), policy.Namespace)
                let path = policy.Spec.At("default", "config", "httpHealthCheck", "requestPath")
                select path.Text() is Health or Alive ? null : $"{policy.Place(path)}: the balancer asks {path.Text() ?? "/"}, not {Health}");

    private static string? Wrong(Container container, string kind, string? right, bool required, string why)
    {
        var probe = container.Node.At(kind);
        if (probe is null)
            return required ? $"{container.Place()}: no {kind}" : null;
        var path = probe.At("httpGet", "path");
        var asked = path.Text()?.Split('?')[0];
        // `PROGRAM --healthcheck` asks /health.
        if (probe.ItemsAt("exec", "command").Any(word => word.Text() == "--healthcheck"))
            asked = Health;
        else if (path is null)
            return required ? $"{container.Place(probe)}: {kind} asks nothing of the service; a port that is open says little" : null;
        if (asked is Health or Alive && (right ?? asked) == asked)
            return null;
        return asked is Health or Alive
            ? $"{container.Place(path ?? probe)}: {kind} asks {asked}, which {why}"
            : $"{container.Place(path ?? probe)}: {kind} asks {asked}, which the service does not have";
    }
}
