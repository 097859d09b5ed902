using YamlDotNet.RepresentationModel;

namespace Lyceum.Doctor.Files.Rules;

/// <summary>Proxies whose bounds are in objects or arguments of their own: Istio, Contour, Traefik.</summary>
internal sealed class MeshTimeoutRule(RenderedFiles files) : FileRule(files)
{
    private readonly Bounds _bounds = Bounds.Of(files);

    public override string Id => "LYC-K8S-017";

    protected override string Subjects => "routes of Istio and Contour, transports and entry points of Traefik";

    protected override string Expected => $"no bound, or {Bounds.Seconds(_bounds.Whole)} for a complete response and {Bounds.Seconds(_bounds.Silent)} for silence";

    protected override string Fix => "Remove the timeout, or set it to 0s (Contour: infinity).";

    protected override IEnumerable<string?> Look() =>
        (from route in Files.Of("VirtualService", "networking.istio.io/") from rule in route.Spec.ItemsAt("http") select Short(route, rule.At("timeout"), _bounds.Whole))
        .Concat(from proxy in Files.Of("HTTPProxy", "projectcontour.io/")
                from rule in proxy.Spec.ItemsAt("routes")
                select Short(proxy, rule.At("timeoutPolicy", "response"), _bounds.Whole) ?? Short(proxy, rule.At("timeoutPolicy", "idle"), _bounds.Silent))
        .Concat(from transport in Files.Of("ServersTransport", "traefik.")
                select Short(transport, transport.Spec.At("forwardingTimeouts", "responseHeaderTimeout"), _bounds.Silent))
        .Concat(from container in Files.Workloads.SelectMany(workload => workload.Containers)
                where container.Image.Contains("traefik", StringComparison.Ordinal)
                from argument in container.Node.ItemsAt("args")
                where argument.Text()?.Contains("respondingTimeouts.writeTimeout=", StringComparison.OrdinalIgnoreCase) == true
                let time = Bounds.Duration(argument.Text()![(argument.Text()!.IndexOf('=') + 1)..])
                select time is { } given && (given == TimeSpan.Zero || given >= _bounds.Whole) ? null : $"{container.Place(argument)}: {argument.Text()}");

    private static string? Short(KubeObject found, YamlNode? timeout, TimeSpan least) =>
        timeout?.Text() is not { } text || text == "infinity" || (Bounds.Duration(text) is { } time && (time == TimeSpan.Zero || time >= least))
            ? null
            : $"{found.Place(timeout)}: {text}, and {Bounds.Seconds(least)} are needed";
}
