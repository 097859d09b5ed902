using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Lyceum.Cli.Installation;

namespace Lyceum.Tests.Rules.Deployment;

/// <summary>What an installation sets, the services read: a misspelt or forgotten setting would be none at all, without a word.</summary>
public sealed partial class InstalledSettingTests
{
    // Read by .NET, ASP.NET Core, Npgsql and OpenTelemetry.
    private static readonly string[] Platform = ["ASPNETCORE_", "DOTNET_", "OTEL_", "Logging:", "PGPASSWORD", "HOME"];

    public static TheoryData<string> Names => [.. Services.All.Select(service => service.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Setting_ThatAServiceIsGiven_IsReadByIt(string name)
    {
        var service = Services.Named(name);
        var sources = new Sources(service.Program);

        Given(service).Where(key => !sources.Reads(key)).ShouldBeEmpty();
    }

    [Fact]
    public void Setting_ThatNobodyKnows_IsFound()
    {
        var sources = new Sources("ChatApi");

        sources.Reads("Drain:Timeout").ShouldBeTrue();
        sources.Reads("Drain:Timeuot").ShouldBeFalse();
        sources.Reads("Images:MaxBytes:Deeper").ShouldBeFalse();
        sources.Reads("Llm:Endpoint").ShouldBeFalse("that is the engine's");
        sources.Reads("ConnectionStrings:sessiondb").ShouldBeFalse();
    }

    /// <summary>The default that an operator is told is the one in the code.</summary>
    [Fact]
    public void Setting_WithADefault_HasTheOneThatTheServiceHas()
    {
        var compared = 0;
        foreach (var setting in Settings.All.Where(setting => setting.Default.Length > 0))
        {
            var service = setting.Services.Count == 0 ? Services.All[0] : Services.Named(setting.Services[0]);
            if (new Sources(service.Program).Default(Colons(setting.Key)) is not { } value)
                continue;
            var converter = TypeDescriptor.GetConverter(value.GetType());
            if (value is string ? !setting.Default.Contains(' ') : converter.IsValid(setting.Default))
            {
                converter.ConvertFromString(null, CultureInfo.InvariantCulture, setting.Default).ShouldBe(value, setting.Key);
                compared++;
            }
        }
        compared.ShouldBeGreaterThan(10);
    }

    private static IEnumerable<string> Given(Service service)
    {
        var plan = new Plan([]);
        return plan.Environment(service, 1, new ComposeFiles(plan)).Concat(plan.Environment(service, 1, new SystemdFiles(plan)))
            .Concat(plan.Environment(service, 1, new KubernetesFiles(plan)))
            .Select(variable => variable.Key)
            .Concat(Settings.All.Where(setting => setting.IsFor(service)).Select(setting => setting.Key))
            .Concat(["ConnectionStrings__messaging", "Identity__Key", "Identity__Jwks"])
            .Concat(service.Database is null ? [] : ["PGPASSWORD"])
            .Select(Colons).Distinct();
    }

    private static string Colons(string variable) => variable.Replace("__", ":", StringComparison.Ordinal);

    /// <summary>The options classes that a service and its libraries bind, and the names that their sources have in quotes.</summary>
    private sealed class Sources
    {
        private readonly List<(string Section, Type Type)> _bound = [];
        private readonly HashSet<string> _quoted = [];
        private readonly HashSet<string> _ownQuoted;

        public Sources(string project)
        {
            var assembly = Assembly.Load(project);
            var libraries = Product.Libraries.Keys.Where(library => Uses(assembly, library)).ToList();
            _ownQuoted = Quoted(project);
            foreach (var part in (string[])[project, .. libraries])
            {
                _quoted.UnionWith(Quoted(part));
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
    }

    [GeneratedRegex("""AddOptions<(?<type>\w+)>\(\)\s*\.BindConfiguration\((?<section>[\w.]+|"[^"]+")\)""")]
    private static partial Regex Binding { get; }

    [GeneratedRegex("\"([\\w:-]+)\"")]
    private static partial Regex InQuotes { get; }

    [GeneratedRegex(@":\d+$")]
    private static partial Regex Number { get; }
}
