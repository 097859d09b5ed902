using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using Lyceum.Jobs;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>
/// The JSON that an answer is to be, as <c>response_format</c> says it to servers that hold a model to a schema. It is a help, never
/// relied upon: every answer is read and checked.
/// </summary>
/// <param name="Format">The whole value of <c>response_format</c>.</param>
public sealed record AnswerShape(JsonElement Format)
{
    // As answers are read, but numbers are to be written as numbers.
    private static readonly JsonSerializerOptions Options = new(JobJson.Options)
    {
        NumberHandling = JsonNumberHandling.Strict, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true,
    };

    public static AnswerShape Of<T>() => Cache<T>.Shape;

    private static AnswerShape Create(Type type)
    {
        var schema = Options.GetJsonSchemaAsNode(type, new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = (_, node) => Strict(node) });
        var format = new JsonObject
        {
            ["type"] = "json_schema",
            ["json_schema"] = new JsonObject
            {
                ["name"] = JsonNamingPolicy.SnakeCaseLower.ConvertName(type.Name), ["strict"] = true, ["schema"] = schema,
            },
        };
        return new(JsonSerializer.SerializeToElement(format));
    }

    /// <summary>Strict schemas name every member as required and allow no other; what may be left out may be null instead.</summary>
    private static JsonNode Strict(JsonNode node)
    {
        if (node is JsonObject schema && schema["properties"] is JsonObject members)
        {
            schema["required"] = new JsonArray([.. members.Select(member => (JsonNode)member.Key)]);
            schema["additionalProperties"] = false;
            foreach (var (_, member) in members)
                (member as JsonObject)?.Remove("default");
        }
        return node;
    }

    private static class Cache<T>
    {
        public static readonly AnswerShape Shape = Create(typeof(T));
    }
}
