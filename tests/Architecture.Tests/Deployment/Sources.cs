using System.Collections;
using System.ComponentModel;
using System.Reflection;
using System.Text.RegularExpressions;
using Lyceum.Cli.Installation;

namespace Lyceum.Tests.Rules.Deployment;

/// <summary>The options classes that a service and its libraries bind, and the names that their sources have in quotes.</summary>
internal sealed partial class Sources
{
    // Read by .NET, ASP.NET Core, Npgsql and OpenTelemetry.
    private static readonly string[] Platform = ["ASPNETCORE_", "DOTNET_", "OTEL_", "Logging:", "PGPASSWORD", "HOME"];

    private readonly List<(string Section, Type Type)> _bound = [];
    private readonly HashSet<string> _quoted = [];
    private readonly HashSet<string> _ownQuoted;
    private readonly HashSet<string> _asked = [];

    public Sources(string project)
    {
        var assembly = Assembly.Load(project);
        // Not the doctor: it names settings of whatever it looks at.
        var libraries = Product.Libraries.Keys.Where(library => library != "Doctor" && Uses(assembly, library)).ToList();
        _ownQuoted = Quoted(project);
        foreach (var part in (string[])[project, .. libraries])
        {
            _quoted.UnionWith(Quoted(part));
            _asked.UnionWith(Asked.Matches(Text(part)).Select(match => match.Groups["key"].Value));
            var types = Assembly.Load(part).GetTypes();
            foreach (Match match in Binding.Matches(Text(part)))
                _bound.Add((Section(match.Groups["section"].Value, types), types.First(type => type.Name == match.Groups["type"].Value)));
        }
    }

    public bool Reads(string key) =>
        Platform.Any(prefix => key.StartsWith(prefix, StringComparison.Ordinal)) || key.Split(':') switch
        {
            ["ConnectionStrings", var name] => _quoted.Contains(name),
            ["services", var name, "http", _] => _ownQuoted.Contains(name) || _quoted.Contains(name),
            _ => _quoted.Contains(WithoutNumber(key)) || Property(key) is not null,
        };

    /// <summary>
    /// Every setting that is read, as far as the sources show it: <c>Chat:PingInterval</c>; <c>#</c> stands for a number, <c>*</c> for a
    /// name of the operator's.
    /// </summary>
    public IEnumerable<string> All => _bound.SelectMany(bound => Below(bound.Section, bound.Type, []))
        .Concat(_quoted.Where(quoted => Key.IsMatch(quoted) && !_bound.Any(bound => bound.Section == quoted)).SelectMany(key => (string[])[key, $"{key}:#"]))
        .Concat(_asked.Where(key => !key.Contains(':', StringComparison.Ordinal) && key.Length > 2))
        .Concat(_ownQuoted.Where(quoted => Environment.IsMatch(quoted)))
        .Concat(Product.Services.Select(Kebab).Where(_quoted.Contains).SelectMany(name => (string[])[$"services:{name}:http:#", $"services:{name}:https:#"]))
        .Concat(Services.All.Select(service => service.Database).Append("messaging").OfType<string>().Where(_quoted.Contains).Select(name => $"ConnectionStrings:{name}"))
        .Distinct(StringComparer.OrdinalIgnoreCase);

    /// <summary>Null: it has none, or is no option.</summary>
    public object? Default(string key) => Property(key)?.Value;

    private (Type Type, object? Value)? Property(string key)
    {
        foreach (var (section, type) in _bound.Where(bound => key.StartsWith(bound.Section + ":", StringComparison.Ordinal)))
        {
            (Type Type, object? Value)? at = (type, Activator.CreateInstance(type));
            foreach (var name in key[(section.Length + 1)..].Split(':'))
                at = at is { } there ? Below(there.Type, there.Value, name) : null;
            if (at is not null)
                return at;
        }
        return null;
    }

    private static (Type Type, object? Value)? Below(Type type, object? value, string name)
    {
        if (int.TryParse(name, out _))
            return type.IsArray || type.IsGenericType ? (type.IsArray ? type.GetElementType()! : type.GenericTypeArguments[0], null) : null;
        var property = type.GetProperties().FirstOrDefault(property => property.Name == name && property.SetMethod is not null);
        return property is null ? null : (property.PropertyType, value is null ? null : property.GetValue(value));
    }

    private static IEnumerable<string> Below(string key, Type type, Type[] above)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        var arguments = type.IsArray ? [type.GetElementType()!] : type.IsGenericType && type.IsAssignableTo(typeof(IEnumerable)) ? type.GenericTypeArguments : [];
        if (arguments.Length > 0)
            return Below(key + (arguments.Length == 1 ? ":#" : ":*"), arguments[^1], above);
        if (TypeDescriptor.GetConverter(type).CanConvertFrom(typeof(string)) || type == typeof(object) || above.Contains(type))
            return [key];
        return type.GetProperties().Where(property => property.SetMethod is not null || property.PropertyType.IsAssignableTo(typeof(IEnumerable)) || IsPart(property.PropertyType))
            .SelectMany(property => Below($"{key}:{property.Name}", property.PropertyType, [.. above, type]));
    }

    // A section of its own that the options class makes, whose values are set.
    private static bool IsPart(Type type) => type.IsClass && type.Namespace?.StartsWith("Lyceum.", StringComparison.Ordinal) == true;

    private static string Kebab(string project) => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(project);

    private static bool Uses(Assembly assembly, string library) =>
        assembly.GetReferencedAssemblies().Any(reference => reference.Name == library
            || (Product.Libraries.ContainsKey(reference.Name!) && Uses(Assembly.Load(reference), library)));

    private static string Section(string argument, Type[] types) => argument.StartsWith('"')
        ? argument.Trim('"')
        : (string)types.First(type => type.Name == argument.Split('.')[0]).GetField("Section", BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!
            .GetRawConstantValue()!;

    private static HashSet<string> Quoted(string project) => [.. InQuotes.Matches(Text(project)).Select(match => match.Groups[1].Value)];

    private static string Text(string project) => string.Concat(
        Directory.EnumerateFiles(Product.FolderOf(project), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
                && !file.Contains($"{Path.DirectorySeparatorChar}Migrations{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Select(File.ReadAllText));

    private static string WithoutNumber(string key) => Number.Replace(key, "");

    [GeneratedRegex("""AddOptions<(?<type>\w+)>\(\)\s*\.BindConfiguration\((?<section>[\w.]+|"[^"]+")\)""")]
    private static partial Regex Binding { get; }

    [GeneratedRegex("\"([\\w:-]+)\"")]
    private static partial Regex InQuotes { get; }

    [GeneratedRegex(@":\d+$")]
    private static partial Regex Number { get; }

    [GeneratedRegex(@"^[A-Z]\w*(:[A-Z]\w*)+$")]
    private static partial Regex Key { get; }

    [GeneratedRegex(@"onfiguration(?:\[|\.GetSection\(|\.GetValue<[\w?]+>\()""(?<key>[A-Za-z][\w:]*)""")]
    private static partial Regex Asked { get; }

    [GeneratedRegex("^[A-Z][A-Z0-9]+(_[A-Z0-9]+)+$")]
    private static partial Regex Environment { get; }
}
