using System.Net;

namespace Lyceum.Doctor.Files.Rules;

/// <summary>A misspelt setting is none at all, without a word.</summary>
internal sealed class SettingRule(RenderedFiles files) : FileRule(files)
{
    public override string Id => "LYC-K8S-030";

    protected override string Subjects => "variables of Lyceum's services";

    protected override string Expected => "each is a setting that the service reads (docs/operations.md)";

    protected override string Fix => "Correct the name, or remove it.";

    protected override IEnumerable<string?> Look() =>
        from container in Files.Ours
        from variable in container.Environment
        select KnownSettings.IsRead(container.Service!, variable.Name) || IsUsed(container, variable.Name) ? null
            : $"{variable.Place}: {container.Service} reads no such setting{Meant(container, variable.Name)}";

    // $(POD_IP) in another variable or an argument: the cluster's own use of it.
    private static bool IsUsed(Container container, string name) =>
        container.Environment.Any(other => other.Value?.Contains($"$({name})", StringComparison.Ordinal) == true)
        || container.Node.ItemsAt("args").Concat(container.Node.ItemsAt("command")).Any(word => word.Text()?.Contains($"$({name})", StringComparison.Ordinal) == true);

    private static string Meant(Container container, string name) =>
        KnownSettings.Nearest(container.Service!, name) is { } meant ? $"; {meant} may be meant" : "";
}

/// <summary>Inside a pod, localhost is the pod; for a browser, it is the visitor's own machine.</summary>
internal sealed class LoopbackRule(RenderedFiles files) : FileRule(files)
{
    // Addresses that are handed out, and so must be right for whoever gets them.
    private static readonly string[] Public =
        ["WEBSOCKET_URL", "Engine__PublicUrl", "Web__ConnectTo__", "Accounts__Oidc__Authority", "AllowedHosts", "Engine__InstanceUrl"];

    public override string Id => "LYC-K8S-031";

    protected override string Subjects => "addresses in variables of Lyceum's services";

    protected override string Expected => "names that those who get them reach: a public name for browsers, a Service's for services";

    protected override string Fix =>
        "Set the public name (Engine__PublicUrl=wss://lyceum.example.org), or leave Engine__PublicUrl out: sessions then go through the gateway.";

    protected override IEnumerable<string?> Look() =>
        from workload in Files.Workloads
        from container in workload.Containers
        where container.Service is not null
        from variable in container.Environment
        where IsAddress(variable)
        // Another container of the same pod is reached by it, such as a model server.
        let isNeighbour = workload.Containers.Count(it => it.Runs) > 1 && !Public.Any(name => variable.Name.StartsWith(name, StringComparison.OrdinalIgnoreCase))
        select IsLoopback(variable.Value!) && !isNeighbour ? $"{variable.Place}: {variable.Value}" : null;

    private static bool IsAddress(Variable variable) => variable.Value is not null
        && !variable.Name.EndsWith("URLS", StringComparison.OrdinalIgnoreCase) && !variable.Is("Tls__Listen") // listened on, not called
        && (Uri.TryCreate(variable.Value, UriKind.Absolute, out var url) && !url.IsFile && url.Host.Length > 0 || variable.Is("AllowedHosts"));

    private static bool IsLoopback(string value) => Uri.TryCreate(value, UriKind.Absolute, out var url)
        ? url.IsLoopback || IPAddress.TryParse(url.Host.Trim('[', ']'), out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
        : value.Split(';').All(host => host.Trim() is "localhost" or "127.0.0.1" or "");
}

/// <summary>A page that came by https may not open ws://: browsers refuse it.</summary>
internal sealed class PlainSocketRule(RenderedFiles files) : FileRule(files)
{
    private static readonly string[] Handed = ["WEBSOCKET_URL", "Engine__PublicUrl", "Web__ConnectTo__"];

    public override string Id => "LYC-K8S-032";

    protected override string Subjects => "public addresses of engines beside an entrance with TLS";

    protected override string Expected => "wss:// (or https://), as the pages come by https";

    protected override string Fix => "Write wss:// in Engine__PublicUrl (WEBSOCKET_URL), with a name that the certificate has.";

    protected override IEnumerable<string?> Look() =>
        from container in Files.Ours
        where HasTls
        from variable in container.Environment
        where Handed.Any(name => variable.Name.StartsWith(name, StringComparison.OrdinalIgnoreCase)) && variable.Value is { Length: > 0 }
        select variable.Value!.StartsWith("ws:", StringComparison.OrdinalIgnoreCase) || variable.Value.StartsWith("http:", StringComparison.OrdinalIgnoreCase)
            ? $"{variable.Place}: {variable.Value}" : null;

    private bool HasTls => Files.Of("Ingress", "networking.k8s.io/").Any(ingress => ingress.Spec.ItemsAt("tls").Any())
        || Files.Of("Gateway", Gateways.Group).Any(gateway => gateway.Spec.ItemsAt("listeners").Any(listener => listener.TextAt("protocol") is "HTTPS" or "TLS"));
}

/// <summary>In Development anybody may register, and a token opens everything.</summary>
internal sealed class ProductionRule(RenderedFiles files) : FileRule(files)
{
    public override string Id => "LYC-K8S-033";

    protected override string Subjects => "containers of Lyceum's services";

    protected override string Expected => "Production, which is the default, and no development token";

    protected override string Fix => "Set ASPNETCORE_ENVIRONMENT=Production, and remove Auth__DevTokenFile.";

    protected override IEnumerable<string?> Look() =>
        from container in Files.Ours
        let wrong = container.Environment.FirstOrDefault(variable =>
            (variable.Is("ASPNETCORE_ENVIRONMENT") || variable.Is("DOTNET_ENVIRONMENT")) && variable.Value is { } value && value != "Production"
            || variable.Is("Auth__DevTokenFile"))
        select wrong is null ? null : $"{wrong.Place}: {wrong.Value}";
}
