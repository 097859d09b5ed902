using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lyceum.Tests.IntegrationTests.Fuzz;

/// <summary>One operation of the API.</summary>
internal sealed record Operation(string Method, string Path, IReadOnlyList<string> Query, IReadOnlyList<string> Types, JsonNode? Body);

/// <summary>
/// Requests to the operations of an OpenAPI document with anything in the place of their values, in the headers that
/// browsers, curl, axios and proxies send. Deterministic by its seed.
/// </summary>
/// <param name="ids">Ids of things that are there, which grow as answers name them.</param>
internal sealed class FuzzedRequests(int seed, JsonNode document, IReadOnlyList<Operation> operations, Func<string[]> ids)
{
    private static readonly string[] Words =
    [
        "", " ", "a", "x.md", "光合作用", "Jürgen", "\u0000", "a\u0000b", "\u202e", "😀", "é", "e\u0301", "\"", "\\", "..", ".", "../..", "%2e%2e", "%", "%zz",
        "' OR 1=1 --", "<script>", "NaN", "9999999999999999999999", "-1", "0", "1", "1e400", "null", "true", "[]", "{}", "\r\nX: y", "end", "2026-01-31T12:00:00Z",
        "0001-01-01", "00000000-0000-7000-8000-000000000000", "echo", "dev",
    ];

    private static readonly string[] Methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];

    private static readonly string[] Types =
    [
        "application/json", "application/json; charset=utf8", "application/json;charset=UTF-8", "application/x-www-form-urlencoded", "text/plain",
        "text/markdown; charset=gbk", "text/html", "multipart/form-data", "multipart/form-data; boundary=x", "application/octet-stream", "text/plain; charset=é", "a/b", "",
    ];

    private static readonly (string Name, string Value)[][] Clients =
    [
        [ // a browser
            ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"),
            ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
            ("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8"), ("Accept-Encoding", "gzip, deflate, br, zstd"), ("Sec-Fetch-Mode", "navigate"),
            ("Referer", "https://example.org/学习"), ("Cookie", "theme=dark; name=学习; lyceum_session=a.b.c"), ("Upgrade-Insecure-Requests", "1"),
        ],
        [("User-Agent", "curl/8.14.1"), ("Accept", "*/*")],
        [
            ("User-Agent", "axios/1.12.2"), ("Accept", "application/json, text/plain, */*"), ("Accept-Encoding", "gzip, compress, deflate, br"),
            ("X-Requested-With", "XMLHttpRequest"),
        ],
        [ // a proxy before a client
            ("Via", "1.1 proxy.example (squid/6)"), ("X-Forwarded-For", "203.0.113.7, unknown, [2001:db8::1]:80"), ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "bücher.example"), ("Forwarded", "for=\"_x\";proto=https"), ("X-Real-IP", "203.0.113.7"), ("X-User-Name", "Jürgen"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("tracestate", "a=ü,b=1"), ("baggage", "user=学习,x"),
            ("X-Request-Id", "学"), ("CF-IPCountry", "DE"),
        ],
        [("Accept", "text/event-stream"), ("Cache-Control", "no-cache"), ("Last-Event-ID", "7")], // an EventSource
        [], // nothing at all
    ];

    /// <summary>Each has a luck of its own, so that one can be asked again by its number.</summary>
    public (HttpRequestMessage Request, Operation Operation, Random Luck) Make(int number)
    {
        var luck = new Random(HashCode.Combine(seed, number));
        var operation = operations[luck.Next(operations.Count)];
        var path = string.Join('/', operation.Path.Split('/').Select(segment =>
            segment.StartsWith('{') ? Uri.EscapeDataString(Value(luck)) : segment));
        var query = operation.Query.Where(_ => luck.Next(2) == 0)
            .Select(name => $"{name}={(luck.Next(20) == 0 ? "%ff%00%" : Uri.EscapeDataString(Value(luck)))}").ToList();
        if (luck.Next(20) == 0)
            query.Add("%00=%zz&&=&limit=1&limit=2");
        var method = luck.Next(10) == 0 ? Methods[luck.Next(Methods.Length)] : operation.Method;
        var request = new HttpRequestMessage(new HttpMethod(method), path + (query.Count > 0 ? "?" + string.Join('&', query) : ""));
        foreach (var (name, value) in Clients[luck.Next(Clients.Length)])
            request.Headers.TryAddWithoutValidation(name, Latin(value, luck));
        foreach (var name in (string[])["Idempotency-Key", "Generation-Id", "If-None-Match", "Range", "Origin", "Last-Event-ID", "X-Ünknown"])
        {
            if (luck.Next(25) == 0)
                request.Headers.TryAddWithoutValidation(name, Latin(Value(luck).ReplaceLineEndings(" ").Replace('\0', ' '), luck));
        }
        if (operation.Method is not "GET" || luck.Next(20) == 0)
        {
            request.Content = new ByteArrayContent(Body(operation, luck));
            var type = operation.Types.Count > 0 && luck.Next(6) > 0 ? operation.Types[luck.Next(operation.Types.Count)] : Types[luck.Next(Types.Length)];
            request.Content.Headers.TryAddWithoutValidation("Content-Type", Latin(type == "multipart/form-data" && luck.Next(3) > 0 ? type + "; boundary=x" : type, luck));
        }
        return (request, operation, luck);
    }

    /// <summary>As UTF-8, or cut to Latin-1: the client writes each character as a byte.</summary>
    private static string Latin(string text, Random luck) =>
        luck.Next(3) == 0 ? Encoding.Latin1.GetString(Encoding.Latin1.GetBytes(text)) : Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    private string Value(Random luck)
    {
        var known = luck.Next(3) == 0 ? ids() : [];
        return known.Length > 0 ? known[luck.Next(known.Length)] : luck.Next(30) == 0 ? new string('y', luck.Next(9_000)) : Words[luck.Next(Words.Length)];
    }

    private byte[] Body(Operation operation, Random luck)
    {
        if (operation.Types.Contains("multipart/form-data") && luck.Next(2) == 0)
        {
            return Encoding.UTF8.GetBytes(
                $"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{Words[luck.Next(Words.Length)]}\"\r\n\r\n{Value(luck)}\r\n--x{(luck.Next(3) == 0 ? "" : "--\r\n")}");
        }
        var json = Encoding.UTF8.GetBytes(Schema(operation.Body, luck, 0));
        switch (luck.Next(12))
        {
            case 0: return [];
            case 1: return json[..luck.Next(json.Length + 1)];
            case 2: return [0xEF, 0xBB, 0xBF, .. json];
            case 3:
                luck.NextBytes(json);
                return json;
            case 4: return Encoding.UTF8.GetBytes(new string('[', luck.Next(5_000)));
            default: return json;
        }
    }

    /// <summary>JSON of the schema, for the most part.</summary>
    private string Schema(JsonNode? schema, Random luck, int depth)
    {
        if (schema?["$ref"]?.GetValue<string>() is { } reference)
            schema = reference.TrimStart('#', '/').Split('/').Aggregate((JsonNode?)document, (node, name) => node?[name]);
        if (schema is not JsonObject || depth > 6 || luck.Next(12) == 0)
            return Any(luck);
        if ((schema["anyOf"] ?? schema["oneOf"] ?? schema["allOf"]) is JsonArray { Count: > 0 } some)
            return Schema(some[luck.Next(some.Count)], luck, depth + 1);
        if (schema["properties"] is JsonObject properties)
        {
            return $"{{{string.Join(',', properties.Where(_ => luck.Next(5) > 0)
                .Select(property => $"{JsonSerializer.Serialize(property.Key)}:{Schema(property.Value, luck, depth + 1)}"))}}}";
        }
        if (schema["items"] is { } items)
            return $"[{string.Join(',', Enumerable.Range(0, luck.Next(4)).Select(_ => Schema(items, luck, depth + 1)))}]";
        return schema["type"]?.ToString() switch
        {
            { } type when type.Contains("integer") || type.Contains("number") => ((string[])["0", "1", "7", "-1", "1.5", "2147483648", "1e308"])[luck.Next(7)],
            { } type when type.Contains("boolean") => luck.Next(2) == 0 ? "true" : "false",
            { } type when type.Contains("string") => Text(luck),
            _ => Any(luck),
        };
    }

    private string Any(Random luck) => luck.Next(7) switch
    {
        0 => "null",
        1 => "[]",
        2 => "{}",
        3 => $"[{Text(luck)},{{{Text(luck)}:{Text(luck)}}}]",
        4 => "123456789012345678901234567890",
        _ => Text(luck),
    };

    private string Text(Random luck) => luck.Next(12) switch
    {
        0 => "\"\\ud800\"",
        1 => "\"a\\u0000b\"",
        _ => JsonSerializer.Serialize(Value(luck)),
    };
}
