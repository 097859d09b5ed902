using System.Text.Json;
using System.Text.RegularExpressions;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Lyceum.Tests.Support.Monitoring;

/// <summary>What <c>deploy/monitoring</c> holds: the rules and the dashboards, and which metrics they read.</summary>
public static partial class Watching
{
    private static readonly HashSet<string> Keywords = ["and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring"];

    public static string Folder { get; } = Path.Combine(Repository.Root, "deploy", "monitoring");

    public static IReadOnlyList<string> RuleFiles { get; } = [.. Directory.GetFiles(Path.Combine(Folder, "rules"), "*.yml").Order()];

    public static IReadOnlyList<string> Dashboards { get; } =
        [.. Directory.GetFiles(Path.Combine(Folder, "grafana", "dashboards"), "*.json").Order()];

    public static IReadOnlyList<Rule> Rules { get; } =
        [.. RuleFiles.SelectMany(file => Yaml.Deserialize<RuleFile>(File.ReadAllText(file)).Groups).SelectMany(group => group.Rules)];

    public static IReadOnlyList<Rule> Alerts { get; } = [.. Rules.Where(rule => rule.Alert is not null)];

    /// <summary>By metric: the first rule or dashboard that reads it. What rules record is left out.</summary>
    public static IReadOnlyDictionary<string, string> Metrics { get; } = Rules
        .Select(rule => (Where: rule.Alert ?? rule.Record!, rule.Expr))
        .Concat(Dashboards.SelectMany(file => Expressions(JsonElement.Parse(File.ReadAllText(file)))
            .Select(expression => (Where: Path.GetFileName(file), Expr: expression))))
        .SelectMany(read => Names(read.Expr).Select(name => (Name: name, read.Where)))
        .Where(read => !read.Name.Contains(':', StringComparison.Ordinal))
        .GroupBy(read => read.Name, read => read.Where)
        .ToDictionary(read => read.Key, read => read.First());

    private static IDeserializer Yaml => new DeserializerBuilder()
        .WithNamingConvention(UnderscoredNamingConvention.Instance).IgnoreUnmatchedProperties().Build();

    /// <summary>Every <c>expr</c> of a dashboard, wherever it stands.</summary>
    public static IEnumerable<string> Expressions(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => json.EnumerateObject().SelectMany(member => member is { Name: "expr", Value.ValueKind: JsonValueKind.String }
            ? [member.Value.GetString()!]
            : Expressions(member.Value)),
        JsonValueKind.Array => json.EnumerateArray().SelectMany(Expressions),
        _ => [],
    };

    /// <summary>The metrics of a PromQL expression: what is no function, keyword, label, number, range or text.</summary>
    public static IEnumerable<string> Names(string expression) =>
        Word().Matches(Labels().Replace(NoNames().Replace(expression, " "), " "))
            .Select(word => word.Value).Where(word => !Keywords.Contains(word)).Distinct();

    // Matchers, ranges, variables of Grafana and texts.
    [GeneratedRegex("""\{[^}]*\}|\[[^\]]*\]|\$\w+|"[^"]*"|#.*""")]
    private static partial Regex NoNames();

    [GeneratedRegex(@"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")]
    private static partial Regex Labels();

    [GeneratedRegex(@"(?<![\w.])[a-zA-Z_:][\w:]*\b(?!\s*\()")]
    private static partial Regex Word();

    public sealed class RuleFile
    {
        public List<RuleGroup> Groups { get; init; } = [];
    }

    public sealed class RuleGroup
    {
        public List<Rule> Rules { get; init; } = [];
    }

    /// <summary>A recording rule or an alert.</summary>
    public sealed class Rule
    {
        public string? Record { get; init; }
        public string? Alert { get; init; }
        public string Expr { get; init; } = "";
        public Dictionary<string, string> Labels { get; init; } = [];
        public Dictionary<string, string> Annotations { get; init; } = [];
    }
}
