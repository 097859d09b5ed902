using System.Text.Json;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Gateway.Tools.Manifests;

/// <summary>
/// Reads one object of a manifest: each field once, by name. Every error is gathered with its JSON Pointer; unknown
/// fields are errors, because a misspelt limit would not limit.
/// </summary>
internal sealed class ManifestFields
{
    /// <summary>Errors that are reported of one set of manifests.</summary>
    public const int MaxErrors = 100;

    private readonly Dictionary<string, JsonElement> _remaining = new(StringComparer.Ordinal);
    private readonly List<SchemaError> _errors;

    public ManifestFields(JsonElement element, string path, List<SchemaError> errors)
    {
        (Path, _errors) = (path, errors);
        if (element.ValueKind != JsonValueKind.Object)
            Error("", "must be an object");
        else
        {
            foreach (var member in element.EnumerateObject())
                _remaining[member.Name] = member.Value;
        }
    }

    public string Path { get; }

    public void Error(string field, string message)
    {
        if (_errors.Count < MaxErrors)
            _errors.Add(new(field.Length == 0 ? Path : $"{Path}/{Pointer.Escape(field)}", message));
    }

    public JsonElement? Take(string field) => _remaining.Remove(field, out var value) ? value : null;

    public string? Text(string field, int max, bool required = false)
    {
        switch (Take(field))
        {
            case null when required:
                Error(field, "is required");
                return null;
            case null:
                return null;
            case { ValueKind: JsonValueKind.String } value when value.GetString() is { Length: > 0 } text && text.Length <= max:
                return text;
            default:
                Error(field, $"must be text of 1 to {max} characters");
                return null;
        }
    }

    public int Integer(string field, int min, int max, int fallback)
    {
        if (Take(field) is not { } value)
            return fallback;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= min && number <= max)
            return number;
        Error(field, $"must be a whole number from {min} to {max}");
        return fallback;
    }

    public bool Flag(string field)
    {
        var value = Take(field);
        if (value is { ValueKind: not (JsonValueKind.True or JsonValueKind.False) })
            Error(field, "must be true or false");
        return value is { ValueKind: JsonValueKind.True };
    }

    public string[]? Texts(string field, int max)
    {
        if (Take(field) is not { } value)
            return null;
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() <= max
            && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String))
            return [.. value.EnumerateArray().Select(item => item.GetString()!)];
        Error(field, $"must be an array of at most {max} texts");
        return [];
    }

    /// <summary>The object's own fields; null if it is absent.</summary>
    public ManifestFields? Object(string field) =>
        Take(field) is { } value ? new ManifestFields(value, $"{Path}/{Pointer.Escape(field)}", _errors) : null;

    /// <summary>All remaining fields, whose names are data.</summary>
    public IEnumerable<(string Name, JsonElement Value)> TakeAll()
    {
        foreach (var (name, value) in _remaining.ToList())
        {
            _remaining.Remove(name);
            yield return (name, value);
        }
    }

    public ManifestFields Of(string name, JsonElement value) => new(value, $"{Path}/{Pointer.Escape(name)}", _errors);

    public JsonSchema? Schema(string field)
    {
        if (Take(field) is not { } value)
            return null;
        var (schema, errors) = SchemaCompiler.Compile(value, $"{Path}/{field}");
        _errors.AddRange(errors.Take(Math.Max(0, MaxErrors - _errors.Count)));
        return schema;
    }

    /// <summary>At the end: remaining fields are unknown.</summary>
    public void End(params IEnumerable<string> known)
    {
        foreach (var name in _remaining.Keys)
            Error(name, $"is not a field here; there are {string.Join(", ", known)}");
    }
}
