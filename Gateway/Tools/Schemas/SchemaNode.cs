using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lyceum.Gateway.Tools.Schemas;

[Flags]
internal enum JsonTypes
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Object = 4,
    Array = 8,
    String = 16,
    Integer = 32,
    Number = 64,
}

/// <summary>
/// One schema, compiled: the keywords of JSON Schema 2020-12 that assert something, each null where it is not given. Built once by
/// <see cref="SchemaCompiler"/>, then only read, by any number of requests.
/// </summary>
internal sealed class SchemaNode
{
    /// <summary>The schema <c>false</c>.</summary>
    public bool Never { get; set; }

    public JsonTypes Types { get; set; }
    public JsonElement[]? Enum { get; set; }
    public JsonElement? Const { get; set; }

    public JsonElement? Minimum { get; set; }
    public JsonElement? ExclusiveMinimum { get; set; }
    public JsonElement? Maximum { get; set; }
    public JsonElement? ExclusiveMaximum { get; set; }
    public JsonElement? MultipleOf { get; set; }

    public int? MinLength { get; set; }
    public int? MaxLength { get; set; }
    public Regex? Pattern { get; set; }

    public int? MinItems { get; set; }
    public int? MaxItems { get; set; }
    public bool UniqueItems { get; set; }
    public SchemaNode[]? PrefixItems { get; set; }
    public SchemaNode? Items { get; set; }
    public SchemaNode? Contains { get; set; }
    public int MinContains { get; set; } = 1;
    public int? MaxContains { get; set; }

    public int? MinProperties { get; set; }
    public int? MaxProperties { get; set; }
    public PropertyTable? Properties { get; set; }
    public (Regex Name, SchemaNode Schema)[]? PatternProperties { get; set; }
    public SchemaNode? AdditionalProperties { get; set; }
    public SchemaNode? PropertyNames { get; set; }

    public SchemaNode? Ref { get; set; }
    public SchemaNode[]? AllOf { get; set; }
    public SchemaNode[]? AnyOf { get; set; }
    public SchemaNode[]? OneOf { get; set; }
    public SchemaNode? Not { get; set; }
    public SchemaNode? If { get; set; }
    public SchemaNode? Then { get; set; }
    public SchemaNode? Else { get; set; }

    public bool LooksAtObjects => Properties is not null || PatternProperties is not null || AdditionalProperties is not null
        || PropertyNames is not null || MinProperties is not null || MaxProperties is not null;

    public bool LooksAtArrays => MinItems is not null || MaxItems is not null || UniqueItems || PrefixItems is not null
        || Items is not null || Contains is not null;
}

/// <summary>
/// Every property name in a schema, in <c>properties</c>, <c>required</c>, <c>dependentRequired</c> or
/// <c>dependentSchemas</c>: one walk over an object's members answers for all four.
/// </summary>
internal sealed class PropertyTable(IReadOnlyList<PropertyEntry> entries)
{
    /// <summary>Above this many names a hash is cheaper than comparing with each, though it takes a string.</summary>
    private const int FewNames = 12;

    private readonly PropertyEntry[] _entries = [.. entries];
    private readonly Dictionary<string, int>? _index = entries.Count <= FewNames
        ? null
        : entries.Select((entry, index) => (entry.Name, index)).ToDictionary(entry => entry.Name, entry => entry.index);

    public IReadOnlyList<PropertyEntry> Entries => _entries;

    /// <returns>-1: the schema does not name it.</returns>
    public int IndexOf(JsonProperty property)
    {
        if (_index is not null)
            return _index.GetValueOrDefault(property.Name, -1);
        for (var i = 0; i < _entries.Length; i++)
        {
            if (property.NameEquals(_entries[i].Utf8Name))
                return i;
        }
        return -1;
    }
}

internal sealed class PropertyEntry(string name)
{
    public string Name { get; } = name;
    public byte[] Utf8Name { get; } = System.Text.Encoding.UTF8.GetBytes(name);

    /// <summary>From <c>properties</c>; null where it stands in <c>required</c> and the like alone.</summary>
    public SchemaNode? Schema { get; set; }

    public bool Required { get; set; }

    /// <summary>Indices of the names that must be there when this one is.</summary>
    public int[]? DependentRequired { get; set; }

    /// <summary>What the whole object must fit when this one is there.</summary>
    public SchemaNode? DependentSchema { get; set; }
}
