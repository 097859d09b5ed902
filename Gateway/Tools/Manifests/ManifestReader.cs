using System.Text.Json;
using System.Text.RegularExpressions;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Gateway.Tools.Manifests;

/// <summary>From JSON to manifests, or to every error with its path.</summary>
internal sealed partial class ManifestReader(IEnumerable<IToolKind> kinds)
{
    public const int MaxTools = 128;

    private const int KB = 1024;
    private const int MaxDescription = 4_000;

    private static readonly JsonSchema AnyInput =
        SchemaCompiler.Compile(JsonDocument.Parse("true").RootElement).Schema!;

    private readonly IToolKind[] _kinds = [.. kinds];

    private readonly string[] _fields =
    [
        "name", "description", "kind", "input_schema", "output_schema", "timeout_ms",
            "max_input_bytes", "max_output_bytes",
        "max_concurrency", "idempotent", .. kinds.Where(kind => kind.HasSection).Select(kind => kind.Name),
    ];

    /// <param name="manifests">An array, of a document that stays.</param>
    public (IReadOnlyList<ToolManifest> Manifests, List<SchemaError> Errors) Read(JsonElement manifests, string path)
    {
        var errors = new List<SchemaError>();
        if (manifests.ValueKind != JsonValueKind.Array || manifests.GetArrayLength() > MaxTools)
            return ([], [new(path, $"must be an array of at most {MaxTools} manifests")]);
        var read = new List<ToolManifest>();
        foreach (var (index, manifest) in manifests.EnumerateArray().Index())
        {
            if (ReadOne(manifest, $"{path}/{index}", errors) is { } tool)
                read.Add(tool);
        }
        foreach (var twice in read.GroupBy(tool => tool.Name).Where(same => same.Count() > 1))
            errors.Add(new(path, $"has the tool {twice.Key} more than once"));
        return (read, errors);
    }

    /// <returns>Null: it has errors, which were added.</returns>
    public ToolManifest? ReadOne(JsonElement document, string path, List<SchemaError> errors)
    {
        if (document.ValueKind != JsonValueKind.Object)
        {
            errors.Add(new(path, "must be an object"));
            return null;
        }
        var before = errors.Count;
        var fields = new ManifestFields(document, path, errors);
        var name = fields.Text("name", 64, required: true);
        if (name is not null && !Name().IsMatch(name))
            fields.Error("name", "must begin with a letter and have letters, digits, _, -, . only");
        var kind = Kind(fields);
        var sections = _kinds.Where(one => one.HasSection)
            .Select(one => (Kind: one, Fields: fields.Object(one.Name))).ToList();
        var input = fields.Schema("input_schema");
        var description = fields.Text("description", MaxDescription, required: kind is { NeedsDescription: true });
        if (kind is { NeedsDescription: true } && input is null
            && !errors.Any(error => error.Path.StartsWith($"{path}/input_schema", StringComparison.Ordinal)))
            fields.Error("input_schema", "is required");
        foreach (var (of, section) in sections)
        {
            if (kind == of && section is null)
                fields.Error(of.Name, "is required for this kind");
            else if (kind is not null && kind != of && section is not null)
                fields.Error(of.Name, "is not for this kind");
        }

        var own = sections.Find(section => section.Kind == kind).Fields;
        var target = kind is { HasSection: false } || own is not null ? kind!.Read(name, fields, own) : null;
        var canonical = CanonicalJson.Of(document);
        var output = fields.Schema("output_schema");
        var timeout = fields.Integer("timeout_ms", 10, (int)ToolManifest.MaxTimeout.TotalMilliseconds, 10_000);
        var maxInput = fields.Integer("max_input_bytes", 2, 1024 * KB, 64 * KB);
        var maxOutput = fields.Integer("max_output_bytes", 2, 4096 * KB, 256 * KB);
        var concurrency = fields.Integer("max_concurrency", 1, 256, 16);
        var idempotent = fields.Flag("idempotent");
        fields.End(_fields);
        return errors.Count > before || name is null || kind is null || target is null ? null : new ToolManifest
        {
            Name = name,
            Description = description ?? target.OwnDescription ?? "",
            Kind = kind,
            InputSchema = input ?? AnyInput,
            OutputSchema = output,
            Timeout = TimeSpan.FromMilliseconds(timeout),
            MaxInputBytes = maxInput,
            MaxOutputBytes = maxOutput,
            MaxConcurrency = concurrency,
            Idempotent = idempotent || target.IsIdempotent,
            Target = target,
            Canonical = canonical,
            Digest = CanonicalJson.Digest(canonical),
            Document = document,
        };
    }

    private IToolKind? Kind(ManifestFields fields)
    {
        var name = fields.Text("kind", 20, required: true);
        var kind = Array.Find(_kinds, kind => kind.Name == name);
        if (kind is null && name is not null)
            fields.Error("kind",
                $"must be {string.Join(", ", _kinds[..^1].Select(one => one.Name))} or {_kinds[^1].Name}");
        return kind;
    }

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9_.-]*\z", RegexOptions.NonBacktracking)]
    private static partial Regex Name();
}
