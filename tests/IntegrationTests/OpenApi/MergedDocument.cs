using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lyceum.Tests.IntegrationTests.OpenApi;

/// <summary>A route that the gateway lets through, as its landing page lists it.</summary>
/// <param name="Path">A template; <c>**</c> stands for everything below it, and for nothing.</param>
/// <param name="Scope">What the gateway asks of the caller; null: nothing.</param>
internal sealed partial record PublicRoute(string Path, string? Scope)
{
    private readonly Regex _pattern = new(
        "^" + Parameter().Replace(Below().Replace(Path, "(/.*)?"), "[^/]+") + "$", RegexOptions.CultureInvariant);

    public bool IsOpenEnded => Path.Contains("**", StringComparison.Ordinal);

    public bool Matches(string path) => _pattern.IsMatch(path);

    [GeneratedRegex(@"\{[^}*]+\}")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"/(\*\*|\{\*\*\w+\})")]
    private static partial Regex Below();
}

/// <summary>
/// One document of the public API, from what each service says of itself: only routes that the gateway has or
/// forwards, names unique, who may call in terms of the gateway's credentials, and nothing that no route leads to.
/// </summary>
internal static partial class MergedDocument
{
    private const string Schemas = "#/components/schemas/";

    /// <param name="services">The gateway's first: all its routes are public.</param>
    public static JsonObject Merge(
        IReadOnlyList<(string Service, JsonObject Document)> services, IReadOnlyList<PublicRoute> routes)
    {
        var (paths, schemas) = (new JsonObject(), new JsonObject());
        foreach (var (service, document) in services)
        {
            Import(service, document, schemas);
            foreach (var (path, item) in document["paths"]!.AsObject())
            {
                var name = PublicName(path);
                var route = routes.Where(route => route.Matches(name)).MinBy(route => route.IsOpenEnded);
                if (service == "gateway" || route is not null)
                    paths[name] = Described(item!.DeepClone().AsObject(), route);
            }
        }
        return new JsonObject
        {
            ["openapi"] = "3.1.1",
            ["info"] = new JsonObject
            {
                ["title"] = "Lyceum",
                ["version"] = "1",
                ["description"] = "Streaming chat that never loses a word, live sessions, learning roadmaps. Errors " +
                    "are problem documents with a stable `code`; below `/v1` they have OpenAI's shape. JSON is snake_case.",
            },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "/" }),
            ["paths"] = Sorted(paths),
            ["components"] = new JsonObject
            {
                ["schemas"] = Reachable(paths, schemas), ["securitySchemes"] = SecuritySchemes(),
            },
            ["tags"] = new JsonArray([.. Tags(paths).Select(tag => new JsonObject { ["name"] = tag })]),
        };
    }

    /// <summary>A schema whose name another service uses for something else is named after its service.</summary>
    private static void Import(string service, JsonObject document, JsonObject schemas)
    {
        var own = document["components"]?["schemas"]?.AsObject() ?? [];
        var prefix = string.Concat(service.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
        var renamed = own.Where(schema => schemas[schema.Key] is { } other && !JsonNode.DeepEquals(other, schema.Value))
            .ToDictionary(schema => schema.Key, schema => prefix + schema.Key, StringComparer.Ordinal);
        Rename(document, renamed);
        foreach (var (name, schema) in own.ToList())
            schemas[renamed.GetValueOrDefault(name, name)] = schema!.DeepClone();
    }

    private static void Rename(JsonNode? node, Dictionary<string, string> renamed)
    {
        foreach (var reference in References(node))
        {
            if (renamed.TryGetValue(((string)reference["$ref"]!)[Schemas.Length..], out var name))
                reference["$ref"] = Schemas + name;
        }
    }

    private static IEnumerable<JsonObject> References(JsonNode? node) => node switch
    {
        JsonObject o => o.ToList().SelectMany(member => References(member.Value)).Concat(IsReference(o) ? [o] : []),
        JsonArray a => a.SelectMany(References),
        _ => [],
    };

    private static bool IsReference(JsonObject node) =>
        ((string?)(node["$ref"] as JsonValue))?.StartsWith(Schemas, StringComparison.Ordinal) == true;

    private static JsonObject Described(JsonObject item, PublicRoute? route)
    {
        foreach (var operation in item.Select(member => member.Value).OfType<JsonObject>().ToList())
        {
            foreach (var parameter in operation["parameters"]?.AsArray() ?? [])
                parameter!["name"] = PublicName((string)parameter["name"]!);
            Secure(operation, (string)operation["x-access"]!, route);
            operation.Remove("x-access");
            if (operation["responses"]?["101"] is not null)
                DescribeSocket(operation);
        }
        return item;
    }

    private static void Secure(JsonObject operation, string access, PublicRoute? route)
    {
        if (access == "none")
        {
            operation["security"] = new JsonArray();
            return;
        }
        // A route of the engine may ask for a scope of its own behind the gateway's.
        var own = access is "signed-in" or "service" ? null : access;
        var scopes = new[] { own, route?.Scope }.OfType<string>().Distinct().ToList();
        List<string> schemes = ["bearer", "api_key", "cookie", "hmac"];
        if (operation.Remove("x-ticket"))
            schemes.Add("ticket");
        operation["security"] = new JsonArray([.. schemes.Select(scheme =>
            new JsonObject { [scheme] = new JsonArray([.. scopes.Select(scope => JsonValue.Create(scope))]) })]);
        var needs = access == "service" ? "For services alone."
            : scopes.Count > 0 ? $"Scope `{string.Join("`, `", scopes)}`."
            : "Signed in.";
        operation["description"] = $"{operation["description"]}\n\n{needs}".Trim();
    }

    /// <summary>OpenAPI has no word for a WebSocket: both sides' messages stand in an extension.</summary>
    private static void DescribeSocket(JsonObject operation)
    {
        var server = operation["responses"]!["101"]!["content"]!["application/json"]!["schema"]!.DeepClone();
        operation["x-websocket"] = new JsonObject
        {
            ["subprotocols"] = new JsonArray("lyceum.v1"),
            ["client"] = operation["requestBody"]!["content"]!["application/json"]!["schema"]!.DeepClone(),
            ["server"] = server,
        };
        operation["responses"]!["101"] = new JsonObject { ["description"] = "The socket is open." };
        operation.Remove("requestBody");
    }

    private static JsonObject SecuritySchemes() => new()
    {
        ["bearer"] = new JsonObject
        {
            ["type"] = "http", ["scheme"] = "bearer", ["description"] = "An API token or an access token.",
        },
        ["api_key"] = ApiKey("header", "X-API-Key", "An API token."),
        ["cookie"] = ApiKey(
            "cookie", "lyceum_session",
            "A browser's sign-in. What changes something needs an Origin header of this server."),
        ["hmac"] = ApiKey(
            "header", "Authorization",
            "HMAC key_id=…, nonce=…, signature=… with the headers x-sb-date and x-content-sha256 (docs/hmac.md)."),
        ["ticket"] = ApiKey("query", "ticket", "Of a stream_url: for what cannot send headers."),
    };

    private static JsonObject ApiKey(string place, string name, string description) => new()
    {
        ["type"] = "apiKey", ["in"] = place, ["name"] = name, ["description"] = description,
    };

    private static JsonObject Reachable(JsonObject paths, JsonObject schemas)
    {
        var (reachable, waiting) = (new JsonObject(), new Queue<JsonNode>([paths]));
        while (waiting.TryDequeue(out var node))
        {
            foreach (var name in References(node).Select(reference => ((string)reference["$ref"]!)[Schemas.Length..]))
            {
                if (reachable.ContainsKey(name))
                    continue;
                reachable[name] = schemas[name]!.DeepClone();
                waiting.Enqueue(reachable[name]!);
            }
        }
        return Sorted(reachable);
    }

    private static IEnumerable<string> Tags(JsonObject paths) => paths
        .SelectMany(path => path.Value!.AsObject())
        .SelectMany(operation => operation.Value!["tags"]!.AsArray().Select(tag => (string)tag!))
        .Distinct().Order(StringComparer.Ordinal);

    private static JsonObject Sorted(JsonObject members) =>
        new(members.OrderBy(member => member.Key, StringComparer.Ordinal)
            .Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));

    /// <summary>Without a slash at its end; parameters are snake_case, as all names in the API.</summary>
    private static string PublicName(string name)
    {
        var snake = Capital().Replace(name, match => "_" + match.Value.ToLowerInvariant());
        return snake.Length > 1 ? snake.TrimEnd('/') : snake;
    }

    [GeneratedRegex("(?<=[a-z])[A-Z]")]
    private static partial Regex Capital();
}
