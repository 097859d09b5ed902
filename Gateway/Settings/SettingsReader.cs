using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Lyceum.Gateway.Settings;

/// <summary>
/// From JSON (comments and trailing commas allowed) to <see cref="GatewaySettings"/>. The serializer stops at the first fault, so
/// the document is walked beside the types first, and every fault is named with its path; unknown and repeated keys are
/// faults, because a misspelt limit is no limit. What is left without the faulty parts is read and checked: all that is wrong
/// is said in one breath.
/// </summary>
/// <remarks>
/// Of a section (<c>tls</c>), only the faulty key is left out, and has its default. Of a list, the whole item: what a token
/// lacks cannot be told from what of it was not understood.
/// </remarks>
internal static class SettingsReader
{
    /// <summary>How the file is read, in terms of the serializer.</summary>
    public static readonly JsonSerializerOptions Json = Options();

    private static readonly JsonDocumentOptions Document = new()
    {
        CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 32,
    };

    /// <summary>
    /// The settings, as far as they can be read, with what is wrong with them in <paramref name="check"/>; null where nothing can.
    /// </summary>
    public static GatewaySettings? Read(ReadOnlyMemory<byte> utf8, SettingsCheck check)
    {
        if (utf8.Span.StartsWith("\uFEFF"u8))
            utf8 = utf8[3..];
        try
        {
            using var document = JsonDocument.Parse(utf8, Document);
            if (!TryWalk(document.RootElement, Json.GetTypeInfo(typeof(GatewaySettings)), new("", IsItem: false, check), out var readable))
                return null;
            var settings = readable.Deserialize<GatewaySettings>(Json)!;
            settings.Check(check);
            return settings;
        }
        catch (JsonException e)
        {
            // The serializer's own words may quote a value; its position does not.
            check.Fault(e.Path is { Length: > 1 } path ? path[2..] : "", $"not valid JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1})");
            return null;
        }
    }

    /// <summary>Where the walk is.</summary>
    /// <param name="IsItem">Of a list, or a part of one: a fault in it is one of the whole item.</param>
    private readonly record struct Place(string Path, bool IsItem, SettingsCheck Check)
    {
        public Place At(string name) => this with { Path = Path.Length == 0 ? name : $"{Path}.{name}" };

        public Place Item(int index) => new($"{Path}[{index}]", IsItem: true, Check);

        public Place Item(string name) => At(name) with { IsItem = true };

        public bool Fault(string message)
        {
            Check.Misread(Path, message);
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
                return place.Fault($"must be {(type.Kind == JsonTypeInfoKind.Enumerable ? "an array" : "an object")}");
        }
    }

    private static bool TryWalkObject(JsonElement element, JsonTypeInfo type, Place place, out JsonNode? readable)
    {
        var known = type.Properties.Where(property => property.Set is not null).ToDictionary(property => property.Name);
        var missing = known.Values.Where(property => property.IsRequired).Select(property => property.Name).ToHashSet();
        var (members, isWhole) = (new JsonObject(), true);
        readable = members;
        foreach (var (name, value) in Members(element, place))
        {
            missing.Remove(name);
            if (!known.TryGetValue(name, out var property))
                place.At(name).Fault($"unknown; there are {string.Join(", ", known.Keys)}");
            else if (TryValue(value, property.PropertyType, property.IsSetNullable, place.At(name), out var member))
                members.Add(name, member);
            else
                isWhole &= !place.IsItem && !property.IsRequired;
        }

        foreach (var name in missing)
            isWhole = place.At(name).Fault("required");
        return isWhole;
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
        var (items, left) = (new JsonArray(), new List<int>());
        readable = items;
        foreach (var (index, value) in element.EnumerateArray().Index())
        {
            if (!TryValue(value, type.ElementType!, nullable: false, place.Item(index), out var item))
                continue;
            items.Add(item);
            left.Add(index);
        }
        place.Check.Left(place.Path, left);
        return !place.IsItem || left.Count == element.GetArrayLength();
    }

    private static bool TryValue(JsonElement element, Type type, bool nullable, Place place, out JsonNode? readable)
    {
        readable = null;
        return element.ValueKind == JsonValueKind.Null
            ? nullable || place.Fault("must not be null")
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
            return place.Fault($"must be {Words(type.Type)}");
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
                place.Fault("has a key that is not text"); // half of a surrogate pair
                continue;
            }
            if (names.Add(name))
                yield return (name, member.Value);
            else
                place.At(name).Fault("is there twice");
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
