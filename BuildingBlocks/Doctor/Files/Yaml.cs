using YamlDotNet.RepresentationModel;

namespace Lyceum.Doctor.Files;

/// <summary>Ways into a YAML tree whose shape is not known: what is not there is null or empty, never an error.</summary>
internal static class Yaml
{
    public static YamlNode? At(this YamlNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var key in path)
            node = node is YamlMappingNode mapping && mapping.Children.TryGetValue(new YamlScalarNode(key), out var child) ? child : null;
        return node;
    }

    /// <summary>Of a scalar; <c>null</c> and <c>~</c> are null.</summary>
    public static string? Text(this YamlNode? node) =>
        node is YamlScalarNode { Value: { } value } scalar && !(scalar.Style == YamlDotNet.Core.ScalarStyle.Plain && value is "" or "~" or "null")
            ? value
            : null;

    public static string? TextAt(this YamlNode? node, params ReadOnlySpan<string> path) => node.At(path).Text();

    public static int? NumberAt(this YamlNode? node, params ReadOnlySpan<string> path) => int.TryParse(node.TextAt(path), out var number) ? number : null;

    public static IEnumerable<YamlNode> Items(this YamlNode? node) => node is YamlSequenceNode sequence ? sequence.Children : [];

    public static IEnumerable<YamlNode> ItemsAt(this YamlNode? node, params ReadOnlySpan<string> path) => node.At(path).Items();

    /// <summary>Name, value, and where the name stands.</summary>
    public static IEnumerable<(string Name, YamlNode Value, YamlNode Place)> Fields(this YamlNode? node) => node is YamlMappingNode mapping
        ? mapping.Children.Select(child => ((child.Key as YamlScalarNode)?.Value ?? "", child.Value, child.Key))
        : [];

    public static long Line(this YamlNode node) => node.Start.Line;
}
