using YamlDotNet.RepresentationModel;

namespace Lyceum.Doctor.Files.Rules;

/// <summary>Other gateways than GKE's bound the complete response where a route says so; Envoy also where it does not.</summary>
internal sealed class RouteTimeoutRule(RenderedFiles files) : FileRule(files)
{
    private const string Envoy = "gateway.envoyproxy.io/";
    private readonly Bounds _bounds = Bounds.Of(files);

    public override string Id => "LYC-K8S-013";

    protected override string Subjects => "rules of HTTPRoutes on other Gateways than GKE's";

    protected override string Expected => $"timeouts.request 0s (none), or {Bounds.Seconds(_bounds.Whole)} or more";

    protected override string Fix => "Set timeouts: { request: 0s } in each rule of the HTTPRoute that leads to the gateway.";

    protected override IEnumerable<string?> Look()
    {
        foreach (var route in Files.Routes().Where(route => !Files.Classes(route).Any(Gateways.IsGke)))
        {
            var isEnvoy = Files.Classes(route).Any(Files.IsEnvoy);
            foreach (var rule in route.Spec.ItemsAt("rules").Where(rule => Gateways.Backends(route, rule).Any(it => Files.MayBeOurs(it.Name, it.Namespace))))
                yield return Wrong(route, rule, isEnvoy);
        }
        foreach (var policy in Files.Of("ClientTrafficPolicy", Envoy).Where(policy => policy.Spec.At("timeout", "http") is not null))
        {
            yield return Short(policy, policy.Spec.At("timeout", "http", "streamIdleTimeout"), _bounds.Silent)
                ?? Short(policy, policy.Spec.At("timeout", "http", "requestReceivedTimeout"), TimeSpan.FromSeconds(30));
        }
    }

    private string? Wrong(KubeObject route, YamlNode rule, bool isEnvoy)
    {
        var request = rule.At("timeouts", "request") ?? PolicyTimeout(route);
        if (request is null)
            return isEnvoy ? $"{route.Place(rule)}: no timeouts.request, so Envoy ends answers after 15 s" : Short(route, rule.At("timeouts", "backendRequest"), _bounds.Whole);
        return Short(route, request, _bounds.Whole) ?? Short(route, rule.At("timeouts", "backendRequest"), _bounds.Whole);
    }

    private YamlNode? PolicyTimeout(KubeObject route) => Files.Of("BackendTrafficPolicy", Envoy)
        .Where(policy => policy.Namespace == route.Namespace && policy.Spec.ItemsAt("targetRefs").Append(policy.Spec.At("targetRef"))
            .Any(target => target.TextAt("kind") == "HTTPRoute" && target.TextAt("name") == route.Name))
        .Select(policy => policy.Spec.At("timeout", "http", "requestTimeout")).FirstOrDefault(timeout => timeout is not null);

    private static string? Short(KubeObject found, YamlNode? timeout, TimeSpan least) =>
        timeout is null || (Bounds.Duration(timeout.Text()) is { } time && (time == TimeSpan.Zero || time >= least))
            ? null
            : $"{found.Place(timeout)}: {timeout.Text()}, and {Bounds.Seconds(least)} are needed";
}
