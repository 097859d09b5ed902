using System.Text.Json;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>
/// Reads one object of a manifest: each field once, by name; every fault is gathered with its JSON Pointer, and so is every field that
/// nobody asked for, because a misspelt limit is no limit.
/// </summary>
internal sealed class ManifestFields
{
    /// <summary>Faults that are told of one set of manifests.</summary>
    public const int MaxFaults = 100;

    private readonly Dictionary<string, JsonElement> _left = new(StringComparer.Ordinal);
    private readonly List<SchemaFault> _faults;

    public ManifestFields(JsonElement element, string path, List<SchemaFault> faults)
    {
        (Path, _faults) = (path, faults);
        if (element.ValueKind != JsonValueKind.Object)
            Fault("", "must be an object");
        else
        {
            foreach (var member in element.EnumerateObject())
                _left[member.Name] = member.Value;
        }
    }

    public string Path { get; }

    public void Fault(string field, string message)
    {
        if (_faults.Count < MaxFaults)
            _faults.Add(new(field.Length == 0 ? Path : $"{Path}/{Pointer.Escape(field)}", message));
    }

    public JsonElement? Take(string field) => _left.Remove(field, out var value) ? value : null;

    public string? Text(string field, int max, bool required = false)
    {
        switch (Take(field))
        {
            case null when required:
                Fault(field, "is required");
                return null;
            case null:
                return null;
            case { ValueKind: JsonValueKind.String } value when value.GetString() is { Length: > 0 } text && text.Length <= max:
                return text;
            default:
                Fault(field, $"must be text of 1 to {max} characters");
                return null;
        }
    }

    public int Integer(string field, int min, int max, int fallback)
    {
        if (Take(field) is not { } value)
            return fallback;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= min && number <= max)
            return number;
        Fault(field, $"must be a whole number from {min} to {max}");
        return fallback;
    }

    public bool Flag(string field)
    {
        var value = Take(field);
        if (value is { ValueKind: not (JsonValueKind.True or JsonValueKind.False) })
            Fault(field, "must be true or false");
        return value is { ValueKind: JsonValueKind.True };
    }

    public string[]? Texts(string field, int max)
    {
        if (Take(field) is not { } value)
            return null;
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() <= max
            && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String))
            return [.. value.EnumerateArray().Select(item => item.GetString()!)];
        Fault(field, $"must be an array of at most {max} texts");
        return [];
    }

    /// <summary>The object's own fields; none where it is not there.</summary>
    public ManifestFields? Object(string field) =>
        Take(field) is { } value ? new ManifestFields(value, $"{Path}/{Pointer.Escape(field)}", _faults) : null;

    /// <summary>All that is left: names that are data.</summary>
    public IEnumerable<(string Name, JsonElement Value)> TakeAll()
    {
        foreach (var (name, value) in _left.ToList())
        {
            _left.Remove(name);
            yield return (name, value);
        }
    }

    public ManifestFields Of(string name, JsonElement value) => new(value, $"{Path}/{Pointer.Escape(name)}", _faults);

    public JsonSchema? Schema(string field)
    {
        if (Take(field) is not { } value)
            return null;
        var (schema, faults) = SchemaCompiler.Compile(value, $"{Path}/{field}");
        _faults.AddRange(faults.Take(Math.Max(0, MaxFaults - _faults.Count)));
        return schema;
    }

    /// <summary>At the end: what is left was not understood.</summary>
    public void End(params IEnumerable<string> known)
    {
        foreach (var name in _left.Keys)
            Fault(name, $"is not a field here; there are {string.Join(", ", known)}");
    }
}
