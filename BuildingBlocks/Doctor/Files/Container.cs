using YamlDotNet.RepresentationModel;

namespace Lyceum.Doctor.Files;

/// <summary>What makes pods.</summary>
internal sealed record Workload(KubeObject Object, YamlNode Pod, IReadOnlyDictionary<string, string> Labels)
{
    public IReadOnlyList<Container> Containers { get; init; } = [];

    /// <summary>1 where an autoscaler or nobody says.</summary>
    public int Replicas => Object.Spec.NumberAt("replicas") ?? 1;

    public bool Matches(IReadOnlyDictionary<string, string> selector) =>
        selector.Count > 0 && selector.All(label => Labels.TryGetValue(label.Key, out var value) && value == label.Value);
}

/// <summary>A container of a pod, and the environment that it will have as far as the files say.</summary>
/// <param name="Service">Which of Lyceum's services it is; null: none.</param>
internal sealed record Container(KubeObject Object, YamlNode Node, string? Service, IReadOnlyList<Variable> Environment)
{
    // Of .NET's images.
    private const int ImagesPort = 8080;

    /// <summary>It is neither a job's nor one that only prepares a pod.</summary>
    public bool Runs { get; init; }

    public string Name => Node.TextAt("name") ?? "";

    public string Image => Node.TextAt("image") ?? "";

    public string Place(YamlNode? at = null) => $"{Object.Place(at ?? Node)}, container {Name}";

    public string? Value(string variable) => Environment.LastOrDefault(it => it.Is(variable))?.Value;

    public TimeSpan? Duration(string variable) => TimeSpan.TryParse(Value(variable), System.Globalization.CultureInfo.InvariantCulture, out var value) ? value : null;

    /// <summary>Where the service listens, as its environment says it.</summary>
    public IReadOnlyList<(string Host, int Port)> Listens
    {
        get
        {
            if ((Value("ASPNETCORE_URLS") ?? Value("URLS") ?? Value("DOTNET_URLS")) is { } urls)
                return [.. Split(urls).Select(Address), .. Tls()];
            var ports = Value("ASPNETCORE_HTTP_PORTS") ?? Value("HTTP_PORTS") ?? $"{ImagesPort}";
            return [.. Split(ports).Select(port => ("+", int.TryParse(port, out var number) ? number : 0)), .. Tls()];
        }
    }

    /// <summary>Ports by their names and numbers.</summary>
    public IEnumerable<(string? Name, int Number, YamlNode Node)> Ports =>
        Node.ItemsAt("ports").Select(port => (port.TextAt("name"), port.NumberAt("containerPort") ?? 0, port));

    private IEnumerable<(string, int)> Tls() => Split(Value("Tls__Listen") ?? "").Select(Address);

    private static string[] Split(string list) => list.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    // http://+:8080 and http://*:8080 are no addresses for Uri.
    private static (string, int) Address(string url)
    {
        var rest = url[(url.IndexOf("://", StringComparison.Ordinal) is var at and >= 0 ? at + 3 : 0)..].TrimEnd('/');
        var colon = rest.LastIndexOf(':');
        return colon >= 0 && int.TryParse(rest[(colon + 1)..], out var port)
            ? (rest[..colon], port)
            : (rest, url.StartsWith("https", StringComparison.OrdinalIgnoreCase) ? 443 : 80);
    }
}

/// <summary>An environment variable.</summary>
/// <param name="Value">Null: the files do not say it.</param>
/// <param name="Field">Of the pod: <c>metadata.name</c>.</param>
/// <param name="Place">Where it is written.</param>
internal sealed record Variable(string Name, string? Value, string? Field, bool IsSecret, string Place)
{
    // .NET's configuration is told nothing by capitals.
    public bool Is(string name) => Name.Equals(name, StringComparison.OrdinalIgnoreCase);
}
