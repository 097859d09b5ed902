using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Lyceum.Gateway.Settings;

/// <summary>
/// From JSON (comments and trailing commas allowed) to <see cref="GatewaySettings"/>. The serializer stops at the first fault, so
/// the document is walked beside the types first, and every fault is named with its path; unknown and repeated keys are
/// faults, because a misspelt limit is no limit.
/// </summary>
internal static class SettingsReader
{
    /// <summary>How the file is read, in terms of the serializer.</summary>
    public static readonly JsonSerializerOptions Json = Options();

    private static readonly JsonSerializerOptions Lenient = new(Json) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip };

    private static readonly JsonDocumentOptions Document = new()
    {
        CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 32,
    };

    /// <summary>
    /// The settings, with what is wrong with them in <paramref name="check"/>; null where already the shape is
    /// (a misspelt key alone does not make it so). Throws for no content
    /// whatever.
    /// </summary>
    public static GatewaySettings? Read(ReadOnlyMemory<byte> utf8, SettingsCheck check)
    {
        if (utf8.Span.StartsWith("\uFEFF"u8))
            utf8 = utf8[3..];
        try
        {
            using var document = JsonDocument.Parse(utf8, Document);
            Walk(document.RootElement, Json.GetTypeInfo(typeof(GatewaySettings)), "", check);
            if (!check.IsReadable)
                return null;
            // Also where a key is misspelt: what else is wrong, in the secrets too, is said in the same breath.
            var settings = document.RootElement.Deserialize<GatewaySettings>(check.Faults.Count == 0 ? Json : Lenient)!;
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

    private static void Walk(JsonElement element, JsonTypeInfo type, string path, SettingsCheck check)
    {
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object when element.ValueKind == JsonValueKind.Object:
                WalkObject(element, type, path, check);
                break;
            case JsonTypeInfoKind.Dictionary when element.ValueKind == JsonValueKind.Object:
                foreach (var (name, value) in Members(element, path, check))
                    Value(value, Json.GetTypeInfo(type.ElementType!), nullable: false, At(path, name), check);
                break;
            case JsonTypeInfoKind.Enumerable when element.ValueKind == JsonValueKind.Array:
                foreach (var (index, item) in element.EnumerateArray().Index())
                    Value(item, Json.GetTypeInfo(type.ElementType!), nullable: false, $"{path}[{index}]", check);
                break;
            case JsonTypeInfoKind.None:
                WalkLeaf(element, type, path, check);
                break;
            default:
                check.Fault(path, $"must be {(type.Kind == JsonTypeInfoKind.Enumerable ? "an array" : "an object")}");
                break;
        }
    }

    private static void WalkObject(JsonElement element, JsonTypeInfo type, string path, SettingsCheck check)
    {
        var known = type.Properties.Where(property => property.Set is not null).ToDictionary(property => property.Name);
        var missing = known.Values.Where(property => property.IsRequired).Select(property => property.Name).ToHashSet();
        foreach (var (name, value) in Members(element, path, check))
        {
            missing.Remove(name);
            if (known.TryGetValue(name, out var property))
                Value(value, Json.GetTypeInfo(property.PropertyType), property.IsSetNullable, At(path, name), check);
            else
                check.Unknown(At(path, name), $"unknown; there are {string.Join(", ", known.Keys)}");
        }

        foreach (var name in missing)
            check.Fault(At(path, name), "required");
    }

    private static void Value(JsonElement element, JsonTypeInfo type, bool nullable, string path, SettingsCheck check)
    {
        if (element.ValueKind != JsonValueKind.Null)
            Walk(element, type, path, check);
        else if (!nullable)
            check.Fault(path, "must not be null");
    }

    private static void WalkLeaf(JsonElement element, JsonTypeInfo type, string path, SettingsCheck check)
    {
        try
        {
            element.Deserialize(type);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or NotSupportedException)
        {
            check.Fault(path, $"must be {Words(type.Type)}");
        }
    }

    private static IEnumerable<(string Name, JsonElement Value)> Members(JsonElement element, string path, SettingsCheck check)
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
                check.Fault(path, "has a key that is not text"); // half of a surrogate pair
                continue;
            }
            if (names.Add(name))
                yield return (name, member.Value);
            else
                check.Fault(At(path, name), "is there twice");
        }
    }

    private static string At(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

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
