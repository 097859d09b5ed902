using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Lyceum.Gateway.Settings;

/// <summary>
/// From JSON (comments and trailing commas allowed) to the values of the sections. The serializer stops at the first
/// error, so the document is compared with the types first, and every error is reported with its path; unknown and
/// repeated keys are errors, because a misspelt limit would not limit. The rest, without the parts that have errors, is
/// read and checked, so that all errors are reported together.
/// </summary>
/// <remarks>
/// Of a section (<c>tls</c>), only the key with the error is left out, and has its default. Of a list, the whole item
/// is: a key that could not be read would look like one that is missing.
/// </remarks>
internal static class SettingsReader
{
    private static readonly JsonSerializerOptions Json = Options();

    private static readonly JsonDocumentOptions Document = new()
    {
        CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 32,
    };

    /// <summary>The document itself: its keys are all sections.</summary>
    private sealed record Root;

    /// <returns>
    /// The sections that are there, as far as they can be read; errors are in <paramref name="check"/>.
    /// </returns>
    public static IReadOnlyDictionary<SettingsSection, object> Read(
        ReadOnlyMemory<byte> utf8, IReadOnlyList<SettingsSection> sections, SettingsCheck check)
    {
        var read = new Dictionary<SettingsSection, object>();
        if (utf8.Span.StartsWith("\uFEFF"u8))
            utf8 = utf8[3..];
        try
        {
            using var document = JsonDocument.Parse(utf8, Document);
            TryWalk(document.RootElement, Json.GetTypeInfo(typeof(Root)),
                new("", IsItem: false, check, sections, read), out _);
        }
        catch (JsonException e)
        {
            // The serializer's own words may quote a value; its position does not.
            check.Error("", $"not valid JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1})");
        }
        return read;
    }

    /// <summary>Where the walk is.</summary>
    /// <param name="IsItem">Of a list, or a part of one: an error in it is one of the whole item.</param>
    /// <param name="Read">Receives the sections' values.</param>
    private readonly record struct Place(
        string Path, bool IsItem, SettingsCheck Check, IReadOnlyList<SettingsSection> Sections,
            Dictionary<SettingsSection, object> Read)
    {
        public Place At(string name) => this with { Path = Path.Length == 0 ? name : $"{Path}.{name}" };

        public Place Item(int index) => this with { Path = $"{Path}[{index}]", IsItem = true };

        public Place Item(string name) => At(name) with { IsItem = true };

        /// <summary>The sections that stand here, by their keys.</summary>
        public Dictionary<string, SettingsSection> SectionsHere()
        {
            var path = Path;
            return IsItem ? [] : Sections.Where(section => section.Parent == path)
                .ToDictionary(section => section.Name);
        }

        public bool Error(string message)
        {
            Check.Unreadable(Path, message);
            return false;
        }
    }

    /// <summary>What can be read of it; false where it must be left out.</summary>
    private static bool TryWalk(JsonElement element, JsonTypeInfo type, Place place, [NotNullWhen(true)] out JsonNode? readable)
    {
        readable = null;
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object when element.ValueKind == JsonValueKind.Object:
                return TryWalkObject(element, type, place, out readable);
            case JsonTypeInfoKind.Dictionary when element.ValueKind == JsonValueKind.Object:
                return TryWalkDictionary(element, type, place, out readable);
            case JsonTypeInfoKind.Enumerable when element.ValueKind == JsonValueKind.Array:
                return TryWalkArray(element, type, place, out readable);
            case JsonTypeInfoKind.None:
                return TryWalkLeaf(element, type, place, out readable);
            default:
                return place.Error($"must be {(type.Kind == JsonTypeInfoKind.Enumerable ? "an array" : "an object")}");
        }
    }

    private static bool TryWalkObject(JsonElement element, JsonTypeInfo type, Place place, out JsonNode? readable)
    {
        var sections = place.SectionsHere();
        var known = type.Properties.Where(property => property.Set is not null).ToDictionary(property => property.Name);
        var missing = known.Values.Where(property => property.IsRequired).Select(property => property.Name).ToHashSet();
        var (members, isWhole) = (new JsonObject(), true);
        readable = members;
        foreach (var (name, value) in Members(element, place))
        {
            missing.Remove(name);
            if (sections.TryGetValue(name, out var section))
                ReadSection(value, section, place.At(name));
            else if (!known.TryGetValue(name, out var property))
                place.At(name).Error($"unknown; there are {string.Join(", ", known.Keys.Concat(sections.Keys))}");
            else if (TryValue(value, property.PropertyType, property.IsSetNullable, place.At(name), out var member))
                members.Add(name, member);
            else
                isWhole &= !place.IsItem && !property.IsRequired;
        }

        foreach (var name in missing)
            isWhole = place.At(name).Error("required");
        return isWhole;
    }

    private static void ReadSection(JsonElement value, SettingsSection section, Place place)
    {
        if (TryValue(value, section.Type, nullable: false, place, out var readable))
            place.Read[section] = readable.Deserialize(section.Type, Json)!;
    }

    private static bool TryWalkDictionary(JsonElement element, JsonTypeInfo type, Place place, out JsonNode? readable)
    {
        var (members, isWhole) = (new JsonObject(), true);
        readable = members;
        foreach (var (name, value) in Members(element, place))
        {
            if (TryValue(value, type.ElementType!, nullable: false, place.Item(name), out var member))
                members.Add(name, member);
            else
                isWhole = false;
        }
        return isWhole || !place.IsItem;
    }

    private static bool TryWalkArray(JsonElement element, JsonTypeInfo type, Place place, out JsonNode? readable)
    {
        var (items, kept) = (new JsonArray(), new List<int>());
        readable = items;
        foreach (var (index, value) in element.EnumerateArray().Index())
        {
            if (!TryValue(value, type.ElementType!, nullable: false, place.Item(index), out var item))
                continue;
            items.Add(item);
            kept.Add(index);
        }
        place.Check.Kept(place.Path, kept);
        return !place.IsItem || kept.Count == element.GetArrayLength();
    }

    private static bool TryValue(JsonElement element, Type type, bool nullable, Place place, out JsonNode? readable)
    {
        readable = null;
        return element.ValueKind == JsonValueKind.Null
            ? nullable || place.Error("must not be null")
            : TryWalk(element, Json.GetTypeInfo(type), place, out readable);
    }

    private static bool TryWalkLeaf(JsonElement element, JsonTypeInfo type, Place place, out JsonNode? readable)
    {
        readable = null;
        try
        {
            element.Deserialize(type);
            readable = JsonValue.Create(element);
            return true;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or NotSupportedException)
        {
            return place.Error($"must be {Words(type.Type)}");
        }
    }

    private static IEnumerable<(string Name, JsonElement Value)> Members(JsonElement element, Place place)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in element.EnumerateObject())
        {
            string name;
            try
            {
                name = member.Name;
            }
            catch (InvalidOperationException)
            {
                place.Error("has a key that is not text"); // half of a surrogate pair
                continue;
            }
            if (names.Add(name))
                yield return (name, member.Value);
            else
                place.At(name).Error("is there twice");
        }
    }

    private static string Words(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type switch
        {
            _ when type == typeof(string) => "text",
            _ when type == typeof(bool) => "true or false",
            _ when type == typeof(int) || type == typeof(long) => "a whole number",
            _ when type == typeof(double) || type == typeof(decimal) => "a number",
            _ when type == typeof(TimeSpan) => "a duration, \"hh:mm:ss\"",
            _ when type == typeof(DateTimeOffset) => "a time, \"2030-01-31T12:00:00Z\"",
            _ when type == typeof(Uri) => "an address",
            { IsEnum: true } => $"one of {string.Join(", ", Enum.GetNames(type).Select(JsonNamingPolicy.SnakeCaseLower.ConvertName))}",
            _ => "something else",
        };
    }

    private static JsonSerializerOptions Options()
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            ReadCommentHandling = JsonCommentHandling.Skip,
            AllowTrailingCommas = true,
            RespectNullableAnnotations = true,
            NumberHandling = JsonNumberHandling.Strict,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
            TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        };
        options.MakeReadOnly();
        return options;
    }
}
