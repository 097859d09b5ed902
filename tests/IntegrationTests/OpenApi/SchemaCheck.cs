using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lyceum.Tests.IntegrationTests.OpenApi;

/// <summary>
/// Whether a recorded body fits its schema, taken strictly: an object has no members that its schema does not name.
/// Placeholders of the recording (<c>&lt;id&gt;</c>) fit every schema.
/// </summary>
internal sealed class SchemaCheck(JsonObject document)
{
    public List<string> Check(JsonNode? value, JsonNode? schema, string at = "$")
    {
        if (schema is not JsonObject s || IsPlaceholder(value))
            return []; // true, or {}: anything
        s = Resolve(s);
        if ((s["anyOf"] ?? s["oneOf"]) is JsonArray branches)
            return branches.Select(branch => Check(value, branch, at)).MinBy(found => found.Count)!;
        var found = new List<string>();
        if (s["enum"] is JsonArray allowed && !allowed.Any(one => JsonNode.DeepEquals(one, value)))
            found.Add($"{at}: {Text(value)} is none of {allowed.ToJsonString()}");
        if (Types(s) is { Count: > 0 } types && !types.Contains(TypeOf(value))
            && !(types.Contains("number") && TypeOf(value) == "integer"))
            return [.. found, $"{at}: {Text(value)} is not {string.Join(" or ", types)}"];
        switch (value)
        {
            case JsonObject o:
                CheckMembers(o, s, at, found);
                break;
            case JsonArray a when s["items"] is { } items:
                found.AddRange(a.SelectMany((element, i) => Check(element, items, $"{at}[{i}]")));
                break;
        }
        return found;
    }

    private void CheckMembers(JsonObject value, JsonObject schema, string at, List<string> found)
    {
        var parts = Parts(schema).ToList();
        foreach (var name in parts.SelectMany(part => part["required"]?.AsArray() ?? []).Select(name => (string)name!))
        {
            if (!value.ContainsKey(name))
                found.Add($"{at}: {name} is missing");
        }
        var others = parts.Select(part => part["additionalProperties"]).FirstOrDefault(other => other is not null);
        var isOpen = others is not null || parts.All(part => part["properties"] is null);
        foreach (var (name, member) in value)
        {
            var schemas = parts.Select(part => part["properties"]?[name]).OfType<JsonNode>().ToList();
            foreach (var one in schemas.Count > 0 ? schemas : others is JsonObject ? [others] : [])
                found.AddRange(Check(member, one, $"{at}.{name}"));
            if (schemas.Count == 0 && !isOpen)
                found.Add($"{at}: {name} is not described");
        }
    }

    /// <summary>The schema and all that it is made of by <c>allOf</c>.</summary>
    private IEnumerable<JsonObject> Parts(JsonObject schema)
    {
        schema = Resolve(schema);
        return (schema["allOf"]?.AsArray() ?? []).SelectMany(part => Parts(part!.AsObject())).Prepend(schema);
    }

    private JsonObject Resolve(JsonObject schema)
    {
        while ((string?)schema["$ref"] is { } reference)
            schema = document["components"]!["schemas"]![reference.Split('/')[^1]]!.AsObject();
        return schema;
    }

    private static List<string> Types(JsonObject schema) => schema["type"] switch
    {
        JsonArray a => [.. a.Select(type => (string)type!)],
        JsonValue v => [(string)v!],
        _ => [],
    };

    private static string TypeOf(JsonNode? value) => value?.GetValueKind() switch
    {
        null or JsonValueKind.Null => "null",
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => value.ToJsonString().Contains('.') ? "number" : "integer",
        _ => "boolean",
    };

    private static bool IsPlaceholder(JsonNode? value) =>
        value is JsonValue v && v.TryGetValue<string>(out var text)
        && (text is ['<', .., '>'] || text.StartsWith("… and ", StringComparison.Ordinal));

    private static string Text(JsonNode? value) => value?.ToJsonString() ?? "null";
}
