using System.Text.RegularExpressions;

namespace Lyceum.Doctor.Files.Rules;

/// <summary>An Ingress' controller ends what was silent for a minute or less, unless annotations say otherwise.</summary>
internal sealed partial class IngressTimeoutRule(RenderedFiles files) : FileRule(files)
{
    private const string Nginx = "nginx.ingress.kubernetes.io/", Alb = "alb.ingress.kubernetes.io/", Azure = "appgw.ingress.kubernetes.io/";
    private static readonly string[] HaProxy = ["haproxy.org/", "haproxy-ingress.github.io/", "ingress.kubernetes.io/"];

    private readonly Bounds _bounds = Bounds.Of(files);

    public override string Id => "LYC-K8S-014";

    protected override string Subjects => "Ingresses";

    protected override string Expected =>
        $"an answer that comes whole may be silent for {Bounds.Seconds(_bounds.Silent)}; where the complete response is bounded (GCE), {Bounds.Seconds(_bounds.Whole)}";

    protected override string Fix =>
        $"Set the annotation that is named, in seconds: {_bounds.Silent.TotalSeconds:0} or more (GCE: timeoutSec {_bounds.Whole.TotalSeconds:0} in the Service's BackendConfig).";

    protected override IEnumerable<string?> Look() =>
        from ingress in Files.Of("Ingress", "networking.k8s.io/")
        let backends = Backends(ingress).ToList()
        where backends.Any(name => Files.MayBeOurs(name, ingress.Namespace))
        from wrong in Wrong(ingress, backends).DefaultIfEmpty()
        select wrong;

    internal static IEnumerable<string> Backends(KubeObject ingress) =>
        (from rule in ingress.Spec.ItemsAt("rules") from path in rule.ItemsAt("http", "paths") select path.TextAt("backend", "service", "name"))
        .Append(ingress.Spec.TextAt("defaultBackend", "service", "name")).OfType<string>();

    private IEnumerable<string> Wrong(KubeObject ingress, List<string> backends)
    {
        var of = ingress.Spec.TextAt("ingressClassName") ?? ingress.Annotation("kubernetes.io/ingress.class") ?? "";
        if (Is(of, "nginx", ingress, Nginx))
        {
            foreach (var name in (string[])["proxy-read-timeout", "proxy-send-timeout"])
            {
                if (TooShort(ingress, Nginx + name, 60, digitsOnly: true) is { } wrong)
                    yield return wrong;
            }
        }
        else if (Is(of, "haproxy", ingress, HaProxy[0]) || Is(of, "haproxy", ingress, HaProxy[1]))
        {
            var server = HaProxy.Select(prefix => prefix + "timeout-server").FirstOrDefault(name => ingress.Annotation(name) is not null);
            var tunnel = HaProxy.Select(prefix => prefix + "timeout-tunnel").FirstOrDefault(name => ingress.Annotation(name) is not null);
            if (TooShort(ingress, server ?? HaProxy[0] + "timeout-server", 50) is { } wrong)
                yield return wrong;
            if (tunnel is not null && TooShort(ingress, tunnel, 0) is { } cut)
                yield return cut;
        }
        else if (Is(of, "alb", ingress, Alb))
        {
            var attributes = ingress.Annotation(Alb + "load-balancer-attributes") ?? "";
            var time = Idle.Match(attributes) is { Success: true } idle ? int.Parse(idle.Groups["seconds"].ValueSpan) : 60;
            if (time < _bounds.Silent.TotalSeconds)
                yield return $"{Place(ingress, Alb + "load-balancer-attributes")}: idle_timeout.timeout_seconds is {time}{Default(attributes.Length == 0)}";
        }
        else if (Is(of, "azure", ingress, Azure))
        {
            if (TooShort(ingress, Azure + "request-timeout", 30) is { } wrong)
                yield return wrong;
        }
        else if (of is "gce" or "gce-internal")
        {
            foreach (var backend in backends.Distinct())
            {
                if (WithoutTime(ingress, backend) is { } wrong)
                    yield return wrong;
            }
        }
    }

    private static bool Is(string ofClass, string word, KubeObject ingress, string prefix) =>
        ofClass.Contains(word, StringComparison.OrdinalIgnoreCase)
        || (ofClass.Length == 0 && ingress.Root.At("metadata", "annotations").Fields().Any(field => field.Name.StartsWith(prefix, StringComparison.Ordinal)));

    private string? TooShort(KubeObject ingress, string annotation, int byDefault, bool digitsOnly = false)
    {
        var text = ingress.Annotation(annotation);
        var time = text is null ? TimeSpan.FromSeconds(byDefault)
            : digitsOnly && !text.All(char.IsAsciiDigit) ? TimeSpan.Zero : Bounds.Duration(text) ?? TimeSpan.Zero;
        return time >= _bounds.Silent ? null : $"{Place(ingress, annotation)}: {annotation} is {text ?? $"{byDefault}"}{Default(text is null)}";
    }

    private string? WithoutTime(KubeObject ingress, string backend)
    {
        if (Files.Service(backend, ingress.Namespace) is not { } service)
            return null;
        var named = Files.BackendConfig(backend, ingress.Namespace) is { } annotation
            ? Files.Of("BackendConfig", "cloud.google.com/").FirstOrDefault(config => annotation.Contains($"\"{config.Name}\"", StringComparison.Ordinal)) : null;
        var time = named?.Spec.At("timeoutSec");
        return time is not null && Bounds.Duration(time.Text()) is { } given && given >= _bounds.Whole ? null
            : time is not null ? $"{named!.Place(time)}: timeoutSec is {time.Text()}"
            : $"{service.Place()}: it has no BackendConfig with timeoutSec, so answers end after 30 s";
    }

    private static string Default(bool isDefault) => isDefault ? ", the default" : "";

    private static string Place(KubeObject ingress, string annotation) =>
        ingress.Place(ingress.Root.At("metadata", "annotations").Fields().Where(field => field.Name == annotation).Select(field => field.Place).FirstOrDefault());

    [GeneratedRegex(@"idle_timeout\.timeout_seconds=(?<seconds>\d{1,6})", RegexOptions.NonBacktracking)]
    private static partial Regex Idle { get; }
}

/// <summary>A proxy that gathers an answer before it passes it on shows nothing until the end.</summary>
internal sealed class BufferingRule(RenderedFiles files) : FileRule(files)
{
    private static readonly string[] Switches = ["nginx.ingress.kubernetes.io/proxy-buffering", "nginx.org/proxy-buffering"];

    public override string Id => "LYC-K8S-015";

    protected override string Subjects => "Ingresses and Traefik middlewares";

    protected override string Expected => "nothing between a browser and the gateway gathers answers";

    protected override string Fix => "Remove the buffering: proxy-buffering \"off\"; no buffering or compress middleware on streams.";

    protected override IEnumerable<string?> Look() =>
        (from ingress in Files.Of("Ingress", "networking.k8s.io/")
         where IngressTimeoutRule.Backends(ingress).Any(name => Files.MayBeOurs(name, ingress.Namespace))
         select Switches.Where(name => ingress.Annotation(name) is "on" or "true").Select(name => $"{ingress.Place()}: {name} is on").FirstOrDefault())
        .Concat(Files.Of("Middleware", "traefik.").Select(middleware =>
            middleware.Spec.At("buffering") is { } buffering ? $"{middleware.Place(buffering)}: buffering" : null));
}
