using YamlDotNet.RepresentationModel;

namespace Lyceum.Doctor.Files;

/// <summary>An object of Kubernetes as a file has it.</summary>
/// <param name="File">Its path from the folder that is looked at.</param>
internal sealed record KubeObject(string File, YamlNode Root)
{
    public string ApiVersion { get; } = Root.TextAt("apiVersion") ?? "";

    public string Kind { get; } = Root.TextAt("kind") ?? "";

    public string Name { get; } = Root.TextAt("metadata", "name") ?? "";

    public string Namespace { get; } = Root.TextAt("metadata", "namespace") ?? "default";

    public YamlNode? Spec => Root.At("spec");

    public string? Annotation(string name) => Root.TextAt("metadata", "annotations", name);

    /// <summary>Where a person looks: <c>all.yaml:12 HTTPRoute/lyceum</c>.</summary>
    public string Place(YamlNode? at = null) => $"{File}:{(at ?? Root).Line()} {Kind}/{Name}";

    public bool Is(string kind, string group) => Kind == kind && ApiVersion.StartsWith(group, StringComparison.Ordinal);
}
