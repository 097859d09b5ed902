using YamlDotNet.RepresentationModel;

namespace Lyceum.Doctor.Files.Rules;

/// <summary>One number from the route to the process: a port that nobody listens on is a connection that is refused.</summary>
internal sealed class PortRule(RenderedFiles files) : FileRule(files)
{
    private static readonly string[] Probes = ["livenessProbe", "readinessProbe", "startupProbe"];

    public override string Id => "LYC-K8S-021";

    protected override string Subjects => "ports";

    protected override string Expected => "containerPort, probes and targetPort are what the service listens on (8080, or ASPNETCORE_URLS), on every interface; routes name a Service's port";

    protected override string Fix => "Make the number that is named the same on both sides.";

    protected override IEnumerable<string?> Look() =>
        Files.Running.SelectMany(running => OfContainer(running.Container))
            .Concat(Files.Of("Service", "v1").SelectMany(OfService))
            .Concat(Files.Routes().SelectMany(OfRoute))
            .Concat(Files.Of("Ingress", "networking.k8s.io/").SelectMany(OfIngress))
            .Concat(Files.Running.SelectMany(running => OfAddresses(running.Container)));

    private static IEnumerable<string?> OfContainer(Container container)
    {
        var listens = container.Listens;
        foreach (var (host, _) in listens.Where(it => it.Host is "localhost" or "127.0.0.1" or "[::1]"))
            yield return $"{container.Place()}: it listens on {host}, where nothing outside its pod reaches it";
        foreach (var (_, number, node) in container.Ports)
        {
            yield return listens.Any(it => it.Port == number) ? null
                : $"{container.Place(node)}: containerPort {number}, and {container.Service} listens on {Numbers(listens)}";
        }
        foreach (var kind in Probes.Where(kind => container.Node.At(kind, "httpGet") is not null))
        {
            var port = container.Node.At(kind, "httpGet", "port");
            var number = Number(port, container.Ports);
            yield return listens.Any(it => it.Port == number) ? null
                : $"{container.Place(port)}: {kind} on port {port.Text()}, and {container.Service} listens on {Numbers(listens)}";
        }
    }

    private IEnumerable<string?> OfService(KubeObject service)
    {
        foreach (var workload in Files.Behind(service))
        {
            var running = workload.Containers.Where(container => container.Runs).ToList();
            foreach (var port in service.Spec.ItemsAt("ports"))
            {
                var target = port.At("targetPort") ?? port.At("port");
                var number = Number(target, running.SelectMany(container => container.Ports));
                var isListening = running.Any(container => container.Service is null
                    ? number is not null && (!container.Ports.Any() || container.Ports.Any(it => it.Number == number))
                    : container.Listens.Any(it => it.Port == number));
                yield return isListening ? null : $"{service.Place(target)}: targetPort {target.Text()}, where no container of {workload.Object.Kind}/{workload.Object.Name} listens";
            }
        }
    }

    private IEnumerable<string?> OfRoute(KubeObject route) =>
        from rule in route.Spec.ItemsAt("rules")
        from backend in Gateways.Backends(route, rule)
        where Files.Service(backend.Name, backend.Namespace) is not null
        select Has(backend.Name, backend.Namespace, backend.Node.TextAt("port")) ? null
            : $"{route.Place(backend.Node)}: Service {backend.Name} has no port {backend.Node.TextAt("port") ?? "(none named)"}";

    private IEnumerable<string?> OfIngress(KubeObject ingress) =>
        from backend in ingress.Spec.ItemsAt("rules").SelectMany(rule => rule.ItemsAt("http", "paths")).Select(path => path.At("backend", "service"))
            .Append(ingress.Spec.At("defaultBackend", "service"))
        where backend is not null && Files.Service(backend.TextAt("name"), ingress.Namespace) is not null
        let port = backend.TextAt("port", "number") ?? backend.TextAt("port", "name")
        select Has(backend.TextAt("name"), ingress.Namespace, port) ? null
            : $"{ingress.Place(backend)}: Service {backend.TextAt("name")} has no port {port ?? "(none named)"}";

    // services__chat-api__http__0, Engine__AnnounceTo__0: addresses of other services. A headless Service has no ports of its own.
    private IEnumerable<string?> OfAddresses(Container container)
    {
        foreach (var variable in container.Environment.Where(it => References.IsAddress(it.Name)))
        {
            if (!Uri.TryCreate(variable.Value, UriKind.Absolute, out var url) || Files.Named(url.Host, container.Object.Namespace) is not { } service
                || !Files.Behind(service).Any()) // ReferenceRule's
                continue;
            var isHeadless = service.Spec.TextAt("clusterIP") == "None";
            var has = isHeadless
                ? Files.Behind(service).SelectMany(workload => workload.Containers).Any(it => it.Service is null || it.Listens.Any(listens => listens.Port == url.Port))
                : service.Spec.ItemsAt("ports").Any(port => port.NumberAt("port") == url.Port);
            yield return has ? null : $"{variable.Place}: {variable.Value}, where " +
                (isHeadless ? $"no pod of the headless Service {service.Name} listens" : $"Service {service.Name} has no port {url.Port}");
        }
    }

    private bool Has(string? service, string inNamespace, string? port) => Files.Service(service, inNamespace)!.Spec.ItemsAt("ports")
        .Any(it => port is not null && (it.TextAt("port") == port || it.TextAt("name") == port));

    private static int? Number(YamlNode? port, IEnumerable<(string? Name, int Number, YamlNode Node)> ports) =>
        int.TryParse(port.Text(), out var number) ? number
        : ports.Where(it => it.Name == port.Text()).Select(it => (int?)it.Number).FirstOrDefault();

    private static string Numbers(IReadOnlyList<(string Host, int Port)> listens) => string.Join(", ", listens.Select(it => it.Port));
}
