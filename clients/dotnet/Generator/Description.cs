using System.Text.Json.Nodes;

namespace Lyceum.ClientGenerator;

/// <summary>
/// docs/openapi.json in a form that the generator understands: OpenAPI 3.0 instead of 3.1, a name for each operation, no
/// failures (all of them are one exception), and without the streams and uploads, which are written by hand.
/// </summary>
internal static class Description
{
    private const string EventStream = "text/event-stream";
    private const string SchemaPath = "#/components/schemas/";

    /// <summary>What other clients are for: OpenAI's own, engines' peers, a browser.</summary>
    private static readonly string[] LeftOutTags = ["OpenAI", "engines", "engine sessions", "live sessions"];
    private static readonly string[] LeftOutPaths = ["/", "/alive", "/openapi/v1.json"];

    /// <summary>What the hand-written part reads beside the answers of operations.</summary>
    private static readonly string[] KeptSchemas =
        ["Problem", "ChatRequest", "AnswerStart", "AnswerPiece", "ChatApiAnswerEnd", "SafetyHelp", "ThinkingSoFar"];

    private static readonly string[] Methods = ["get", "put", "post", "delete", "patch"];

    public static JsonObject Simplify(JsonObject document)
    {
        document["openapi"] = "3.0.3";
        var paths = document["paths"]!.AsObject();
        foreach (var (path, item) in paths.ToList())
        {
            foreach (var method in Methods.Where(item!.AsObject().ContainsKey))
            {
                var operation = item[method]!.AsObject();
                if (LeftOutPaths.Contains(path) || IsByHand(operation))
                    item.AsObject().Remove(method);
                else
                    Simplify(operation, Name(method, path));
            }
            if (!Methods.Any(item.AsObject().ContainsKey))
                paths.Remove(path);
        }
        var schemas = document["components"]!["schemas"]!.AsObject();
        Prune(schemas, paths);
        foreach (var (_, schema) in schemas)
            SimplifySchema(schema);
        SimplifySchema(paths);
        schemas.Remove("JsonElement"); // nothing refers to it any more
        return document;
    }

    /// <summary>Removes the schemas that no operation here uses.</summary>
    private static void Prune(JsonObject schemas, JsonObject paths)
    {
        var used = new HashSet<string>();
        var waiting = new Queue<string>([.. KeptSchemas, .. References(paths)]);
        while (waiting.TryDequeue(out var name))
        {
            if (!used.Add(name))
                continue;
            foreach (var next in References(schemas[name]))
                waiting.Enqueue(next);
        }
        foreach (var name in schemas.Select(schema => schema.Key).Where(name => !used.Contains(name)).ToList())
            schemas.Remove(name);
    }

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonArray array => array.SelectMany(References),
        JsonObject item => item.SelectMany(member => member is { Key: "$ref", Value: JsonValue path }
            ? [path.GetValue<string>()[SchemaPath.Length..]]
            : References(member.Value)),
        _ => [],
    };

    /// <summary><c>GET /api/kb/{kb_id}/documents</c> is <c>GetKbByKbIdDocuments</c>: no two routes share a name.</summary>
    private static string Name(string method, string path) =>
        Pascal(method) + string.Concat(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part is not "api")
            .Select(part => part.StartsWith('{') ? "By" + Pascal(part.Trim('{', '}')) : Pascal(part)));

    internal static string Pascal(string text) =>
        string.Concat(text.Split('-', '_', '.').Where(word => word.Length > 0).Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    /// <summary>Streams, sockets, redirects, uploads of several forms, and what other clients are for.</summary>
    private static bool IsByHand(JsonObject operation)
    {
        var responses = operation["responses"]!.AsObject();
        return operation["tags"]!.AsArray().Any(tag => LeftOutTags.Contains((string?)tag))
            || !responses.Any(response => response.Key[0] == '2')
            || (responses["200"]?["content"] is JsonObject content && content.ContainsKey(EventStream) && !content.ContainsKey("application/json"))
            || operation["requestBody"]?["content"] is JsonObject { Count: > 1 };
    }

    private static void Simplify(JsonObject operation, string name)
    {
        operation["operationId"] = name;
        var responses = operation["responses"]!.AsObject();
        foreach (var (status, _) in responses.Where(response => response.Key[0] != '2').ToList())
            responses.Remove(status);
        foreach (var (_, response) in responses)
        {
            if (response?["content"] is not JsonObject content)
                continue;
            content.Remove(EventStream);
            // A file, whatever its form.
            if (content.Count > 1 || !content.ContainsKey("application/json"))
                response["content"] = new JsonObject { ["application/octet-stream"] = Binary() };
        }
        if (operation["requestBody"]?["content"] is JsonObject accepted && !accepted.ContainsKey("application/json"))
        {
            foreach (var (type, _) in accepted.ToList())
                accepted[type] = Binary();
        }
    }

    private static JsonObject Binary() => new() { ["schema"] = new JsonObject { ["type"] = "string", ["format"] = "binary" } };

    /// <summary>3.1 says <c>["null", "string"]</c> and <c>oneOf: [null, X]</c> for what 3.0 calls nullable.</summary>
    private static void SimplifySchema(JsonNode? node)
    {
        if (node is JsonArray array)
        {
            foreach (var item in array)
                SimplifySchema(item);
        }
        if (node is not JsonObject schema)
            return;
        if (schema["type"] is JsonArray types)
        {
            schema["type"] = types.Select(type => (string?)type).Single(type => type != "null");
            schema["nullable"] = true;
        }
        if (schema["enum"] is JsonArray values)
        {
            // A later version may send other values: to a client these are texts.
            schema.Remove("enum");
            schema["type"] = "string";
            if (values.Contains(null))
                schema["nullable"] = true;
        }
        if (Text(schema, "$ref") == SchemaPath + "JsonElement")
            schema.Remove("$ref"); // anything
        // What a later version adds is left out, not kept in a dictionary beside the members.
        if (schema["properties"] is JsonObject && Text(schema, "type") == "object" && !schema.ContainsKey("additionalProperties"))
            schema["additionalProperties"] = false;
        if (schema["oneOf"] is JsonArray { Count: 2 } choice && Text(choice[0]!.AsObject(), "type") == "null")
        {
            schema.Remove("oneOf");
            if (Text(choice[1]!.AsObject(), "$ref") == SchemaPath + "JsonElement")
                schema["description"] = choice[1]!["description"]?.DeepClone(); // anything, or nothing
            else
            {
                schema["allOf"] = new JsonArray(choice[1]!.DeepClone());
                schema["nullable"] = true;
            }
        }
        foreach (var (_, member) in schema.ToList())
            SimplifySchema(member);
    }

    /// <summary>A member that is a text; not one of a map that has a member of that name.</summary>
    private static string? Text(JsonObject schema, string name) => schema[name] is JsonValue value ? value.GetValue<string>() : null;
}
