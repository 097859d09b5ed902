using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lyceum.Tests.StubModel;

/// <summary>
/// What of an answer depends on the request's <c>tools</c> and <c>response_format</c>: a call of a function that is offered, once, before
/// the answer; and for a JSON schema its smallest instance in place of the text.
/// </summary>
/// <param name="Calls">OpenAI's <c>tool_calls</c>; null: none.</param>
/// <param name="Json">The answer's content; null: the script's text.</param>
/// <param name="Rejection">The message of a 400; null: it is answered.</param>
internal sealed record StubForm(JsonArray? Calls, string? Json, string? Rejection)
{
    public static StubForm Of(JsonElement request, StubScript script)
    {
        var tools = request.TryGetProperty("tools", out var offered) ? offered.EnumerateArray().ToList() : [];
        var schema = Schema(request);
        if (script.RejectTools && tools.Count > 0)
            return new(null, null, "stub does not support tools");
        if (script.RejectSchema && schema is not null)
            return new(null, null, "response_format json_schema is not supported");
        var isAnswered = request.GetProperty("messages").EnumerateArray().Any(message => message.GetProperty("role").ValueEquals("tool"));
        var isOffered = tools.Exists(tool => tool.GetProperty("function").GetProperty("name").ValueEquals(script.Tool));
        if (script.Tool.Length > 0 && isOffered && !isAnswered)
        {
            return new(new([.. Enumerable.Range(0, script.ToolCalls).Select(index => (JsonNode)new JsonObject
            {
                ["index"] = index, ["id"] = $"call_{index}", ["type"] = "function",
                ["function"] = new JsonObject { ["name"] = script.Tool, ["arguments"] = script.ToolArgs },
            })]), null, null);
        }
        return new(null, schema is { } asked && !script.IgnoreSchema ? Instance(asked).ToJsonString() : null, null);
    }

    private static JsonElement? Schema(JsonElement request) =>
        request.TryGetProperty("response_format", out var format) && format.GetProperty("type").ValueEquals("json_schema")
            ? format.GetProperty("json_schema").GetProperty("schema") : null;

    /// <summary>Something that the schema allows: each required member, one item of an array, the first of several types.</summary>
    private static JsonNode Instance(JsonElement schema)
    {
        var type = schema.TryGetProperty("type", out var named) ? named.ValueKind == JsonValueKind.Array ? named[0].GetString() : named.GetString() : "string";
        return type switch
        {
            "object" => new JsonObject(schema.GetProperty("properties").EnumerateObject().Select(
                member => KeyValuePair.Create(member.Name, (JsonNode?)Instance(member.Value)))),
            "array" => new JsonArray(Instance(schema.GetProperty("items"))),
            "integer" or "number" => JsonValue.Create(1),
            "boolean" => JsonValue.Create(true),
            _ => JsonValue.Create("stub"),
        };
    }
}
