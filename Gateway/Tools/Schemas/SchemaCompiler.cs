using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lyceum.Gateway.Tools.Schemas;

/// <summary>
/// Turns a JSON Schema into a <see cref="JsonSchema"/>, or into everything that is wrong with it. A keyword of JSON
/// Schema that asserts something and is not understood is an error: a check that silently does not happen is none. Any
/// other name is an annotation, as the specification has it (<c>nullable</c>, <c>example</c>, <c>x-order</c>).
/// References lead within the schema itself, nothing is ever fetched. (docs/adr/0023)
/// </summary>
internal sealed class SchemaCompiler
{
    /// <summary>Bytes of one schema as it was sent.</summary>
    public const int MaxBytes = 64 * 1024;

    /// <summary>Schemas within one schema.</summary>
    private const int MaxNodes = 2_000;

    private const int MaxDepth = 32;

    /// <summary>
    /// Characters of a path: each schema is known by its own, and names may be as long as the schema.
    /// </summary>
    private const int MaxPath = 4_000;

    /// <summary>Patterns in one schema: each is an automaton.</summary>
    private const int MaxPatterns = 200;

    /// <summary>Names to look through for one value: <c>enum</c>, <c>properties</c>.</summary>
    private const int MaxEntries = 1_000;

    private static readonly string[] Dialects =
    [
        "https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2019-09/schema",
        "http://json-schema.org/draft-07/schema", "http://json-schema.org/draft-06/schema",
    ];

    /// <summary>
    /// Keywords of some draft that assert something, or change what a reference means, and are not checked here.
    /// </summary>
    private static readonly HashSet<string> Unchecked =
    [
        "unevaluatedProperties", "unevaluatedItems", "dependencies", "additionalItems", "extends", "disallow",
        "divisibleBy", "$dynamicRef", "$recursiveRef", "$id",
    ];

    private readonly JsonElement _root;
    private readonly string _prefix;
    private readonly List<SchemaError> _errors = [];

    // By path in the document, so that a schema that refers to itself is one node; added before its parts.
    private readonly Dictionary<string, SchemaNode> _nodes = new(StringComparer.Ordinal);
    private int _depth;
    private int _patterns;

    private SchemaCompiler(JsonElement root, string prefix) => (_root, _prefix) = (root, prefix);

    /// <param name="schema">Of a document that stays: constants are kept as its elements.</param>
    /// <param name="prefix">JSON Pointer of the schema itself, before the paths of its errors.</param>
    /// <returns>The schema, or null and its errors.</returns>
    public static (JsonSchema? Schema, IReadOnlyList<SchemaError> Errors) Compile(
        JsonElement schema, string prefix = "")
    {
        var compiler = new SchemaCompiler(schema, prefix);
        if (System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(schema).Length > MaxBytes)
            return (null, [new(prefix, $"must have at most {MaxBytes} bytes")]);
        var root = compiler.Node(schema, "");
        return compiler._errors.Count == 0 ? (new JsonSchema(root), []) : (null, compiler._errors);
    }

    private void Error(string at, string message)
    {
        if (_errors.Count < JsonSchema.MaxErrors)
            _errors.Add(new(_prefix + at, message));
    }

    private SchemaNode Node(JsonElement schema, string at)
    {
        if (_nodes.TryGetValue(at, out var known))
            return known;
        var node = _nodes[at] = new SchemaNode();
        if (_nodes.Count > MaxNodes || _depth >= MaxDepth || at.Length > MaxPath)
        {
            Error(at.Length > MaxPath ? "" : at, at.Length > MaxPath ? $"must not have paths of more than {MaxPath} characters"
                : _nodes.Count > MaxNodes
                ? $"must not have more than {MaxNodes} schemas in it" : $"must not be nested deeper than {MaxDepth}");
            return node;
        }
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
            node.Never = schema.ValueKind == JsonValueKind.False;
        else if (schema.ValueKind != JsonValueKind.Object)
            Error(at, "must be a schema: an object, true or false");
        else
            Read(schema, node, at);
        return node;
    }

    private void Read(JsonElement schema, SchemaNode node, string at)
    {
        _depth++;
        var names = new PropertyNames();
        foreach (var keyword in schema.EnumerateObject())
            Keyword(node, names, keyword.Name, keyword.Value, at, $"{at}/{Pointer.Escape(keyword.Name)}");
        if (names.Count > MaxEntries)
            Error(at, $"must not name more than {MaxEntries} properties");
        node.Properties = names.ToTable();
        _depth--;
    }

    private void Keyword(SchemaNode node, PropertyNames names, string name, JsonElement value, string at, string here)
    {
        switch (name)
        {
            case "type": node.Types = Types(value, here); break;
            case "enum": node.Enum = [.. Entries(value, here)]; break;
            case "const": node.Const = value; break;

            case "minimum": node.Minimum = Number(value, here); break;
            case "maximum": node.Maximum = Number(value, here); break;
            case "exclusiveMinimum": node.ExclusiveMinimum = Number(value, here); break;
            case "exclusiveMaximum": node.ExclusiveMaximum = Number(value, here); break;
            case "multipleOf":
                node.MultipleOf = Number(value, here);
                if (node.MultipleOf is { } step && step.GetDouble() <= 0)
                    Error(here, "must be more than 0");
                break;

            case "minLength": node.MinLength = Count(value, here); break;
            case "maxLength": node.MaxLength = Count(value, here); break;
            case "pattern": node.Pattern = Pattern(value.ValueKind == JsonValueKind.String ? value.GetString() : null, here); break;

            case "minItems": node.MinItems = Count(value, here); break;
            case "maxItems": node.MaxItems = Count(value, here); break;
            case "uniqueItems": node.UniqueItems = Flag(value, here); break;
            case "prefixItems": node.PrefixItems = Nodes(value, here); break;
            case "items" when value.ValueKind == JsonValueKind.Array:
                Error(here, "must be one schema; a list of them is prefixItems"); break;
            case "items": node.Items = Node(value, here); break;
            case "contains": node.Contains = Node(value, here); break;
            case "minContains": node.MinContains = Count(value, here) ?? 1; break;
            case "maxContains": node.MaxContains = Count(value, here); break;

            case "minProperties": node.MinProperties = Count(value, here); break;
            case "maxProperties": node.MaxProperties = Count(value, here); break;
            case "properties":
                foreach (var member in Members(value, here))
                    names[member.Name].Schema = Node(member.Value, $"{here}/{Pointer.Escape(member.Name)}");
                break;
            case "required":
                foreach (var property in Names(value, here))
                    names[property].Required = true;
                break;
            case "dependentRequired":
                foreach (var member in Members(value, here))
                    names[member.Name].DependentRequired = [.. Names(member.Value, here).Select(names.IndexOf)];
                break;
            case "dependentSchemas":
                foreach (var member in Members(value, here))
                    names[member.Name].DependentSchema = Node(member.Value, $"{here}/{Pointer.Escape(member.Name)}");
                break;
            case "patternProperties":
                node.PatternProperties = [.. Members(value, here).Select(member => (
                    Pattern(member.Name, $"{here}/{Pointer.Escape(member.Name)}")!, Node(member.Value, $"{here}/{Pointer.Escape(member.Name)}")))];
                break;
            case "additionalProperties": node.AdditionalProperties = Node(value, here); break;
            case "propertyNames": node.PropertyNames = Node(value, here); break;

            case "allOf": node.AllOf = Nodes(value, here); break;
            case "anyOf": node.AnyOf = Nodes(value, here); break;
            case "oneOf": node.OneOf = Nodes(value, here); break;
            case "not": node.Not = Node(value, here); break;
            case "if": node.If = Node(value, here); break;
            case "then": node.Then = Node(value, here); break;
            case "else": node.Else = Node(value, here); break;

            case "$ref": node.Ref = Reference(value, here); break;
            // Compiled where it is referred to, and here too so that its errors are reported.
            case "$defs" or "definitions":
                foreach (var member in Members(value, here))
                    Node(member.Value, $"{here}/{Pointer.Escape(member.Name)}");
                break;
            case "$schema":
                if (value.ValueKind != JsonValueKind.String || !Dialects.Contains(value.GetString()!.TrimEnd('#')))
                    Error(here, $"must be {Dialects[0]} (2019-09, draft-07 and draft-06 are read as that)");
                break;
            case "$id" when at.Length == 0: break; // a name; nothing is looked up by it
            default:
                if (Unchecked.Contains(name))
                    Error(here, "is a keyword that is not checked here");
                break;
        }
    }

    private SchemaNode? Reference(JsonElement value, string here)
    {
        if (value.ValueKind != JsonValueKind.String || value.GetString() is not ['#', ..] reference)
        {
            Error(here, "must lead within this schema (#/$defs/…): nothing is fetched");
            return null;
        }
        var target = _root;
        string at;
        try
        {
            at = Uri.UnescapeDataString(reference[1..]);
        }
        catch (UriFormatException)
        {
            at = reference[1..];
        }
        if (at.Length > 0 && at[0] != '/')
        {
            Error(here, "must be a JSON Pointer (#/$defs/…); names of places ($anchor) are not supported");
            return null;
        }
        foreach (var segment in at.Split('/').Skip(1).Select(Pointer.Unescape))
        {
            if (target.ValueKind == JsonValueKind.Object && target.TryGetProperty(segment, out var member))
                target = member;
            else if (target.ValueKind == JsonValueKind.Array && int.TryParse(segment, out var index) && index >= 0 && index < target.GetArrayLength())
                target = target[index];
            else
            {
                Error(here, $"leads nowhere: there is no {reference}");
                return null;
            }
        }
        return Node(target, at);
    }

    private static readonly Dictionary<string, JsonTypes> TypeNames = new()
    {
        ["null"] = JsonTypes.Null, ["boolean"] = JsonTypes.Boolean, ["object"] = JsonTypes.Object, ["array"] = JsonTypes.Array,
        ["string"] = JsonTypes.String, ["integer"] = JsonTypes.Integer, ["number"] = JsonTypes.Number,
    };

    private JsonTypes Types(JsonElement value, string here)
    {
        var types = JsonTypes.None;
        foreach (var name in value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToArray() : [value])
        {
            if (name.ValueKind != JsonValueKind.String || !TypeNames.TryGetValue(name.GetString()!, out var type))
                Error(here, $"must be one or several of {string.Join(", ", TypeNames.Keys)}");
            else
                types |= type;
        }
        if (types == JsonTypes.None && value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0)
            Error(here, "must name a type");
        return types;
    }

    private JsonElement[] Entries(JsonElement value, string here)
    {
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() is > 0 and <= MaxEntries)
            return [.. value.EnumerateArray()];
        Error(here, $"must be an array with 1 to {MaxEntries} entries");
        return [];
    }

    private SchemaNode[] Nodes(JsonElement value, string here) =>
        [.. Entries(value, here).Select((entry, index) => Node(entry, $"{here}/{index}"))];

    private JsonProperty[] Members(JsonElement value, string here)
    {
        if (value.ValueKind == JsonValueKind.Object && value.GetPropertyCount() <= MaxEntries)
            return [.. value.EnumerateObject()];
        Error(here, $"must be an object with at most {MaxEntries} members");
        return [];
    }

    private string[] Names(JsonElement value, string here)
    {
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() <= MaxEntries
            && value.EnumerateArray().All(name => name.ValueKind == JsonValueKind.String))
            return [.. value.EnumerateArray().Select(name => name.GetString()!).Distinct(StringComparer.Ordinal)];
        Error(here, $"must be an array of at most {MaxEntries} names");
        return [];
    }

    private JsonElement? Number(JsonElement value, string here)
    {
        if (value.ValueKind == JsonValueKind.Number)
            return value;
        Error(here, "must be a number");
        return null;
    }

    /// <summary>2.0 is one too.</summary>
    private int? Count(JsonElement value, string here)
    {
        if (value.ValueKind == JsonValueKind.Number && value.GetDouble() is >= 0 and <= int.MaxValue and var count && double.IsInteger(count))
            return (int)count;
        Error(here, "must be a whole number, 0 or more");
        return null;
    }

    private bool Flag(JsonElement value, string here)
    {
        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            Error(here, "must be true or false");
        return value.ValueKind == JsonValueKind.True;
    }

    private Regex? Pattern(string? pattern, string here)
    {
        var (regex, error) = pattern is null ? (null, "must be a string")
            : ++_patterns > MaxPatterns ? (null, $"must not be one of more than {MaxPatterns} patterns in a schema")
            : SchemaPattern.Compile(pattern);
        if (error is not null)
            Error(here, error);
        return regex;
    }

    /// <summary>The property names of one schema, in order of appearance.</summary>
    private sealed class PropertyNames
    {
        private readonly List<PropertyEntry> _entries = [];
        private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);

        public int Count => _entries.Count;

        public PropertyEntry this[string name] => _entries[IndexOf(name)];

        public int IndexOf(string name)
        {
            if (!_index.TryGetValue(name, out var index))
            {
                _index[name] = index = _entries.Count;
                _entries.Add(new PropertyEntry(name));
            }
            return index;
        }

        public PropertyTable? ToTable() => _entries.Count == 0 ? null : new PropertyTable(_entries);
    }
}
