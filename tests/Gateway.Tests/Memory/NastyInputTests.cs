using System.Text;
using System.Text.Json.Nodes;

namespace Lyceum.Tests.Gateway.Tests.Memory;

/// <summary>Good requests with one part replaced by something nasty: accepted or refused, never an error of ours.</summary>
[Collection(MemoryCollection.Name)]
public sealed class NastyInputTests(MemoryFixture memory)
{
    private const string Append =
        """{"records": [{"id": "ID", "type": "t", "properties": {"a": [1, {"b": "c"}]}}, {"id": "ID2"}], "edges": [{"from": "ID", "to": "ID2", "type": "t", "properties": {"w": 1.5}}]}""";

    private const string Emit = """{"events": [{"type": "t", "at": "2026-01-01T00:00:00Z", "id": "ID", "attributes": {"a": [1, {"b": null}]}}]}""";

    // As it is written, since JSON libraries refuse to write some of it.
    private static readonly string[] Nasty =
    [
        "null", "true", "0", "-1", "1e999", "-0e-999999", "1e-400", "123456789012345678901234567890.123456789", "\"\"", "\" \"", "\"\\u0000\"", "\"\\ud800\"",
        "\"\\udc00\\ud800\"", "\"\uFFFF\"", "\"\\r\\n\"", "\"' OR 1=1; --\"", "\"{}\"", "[]", "{}", "[[[[[]]]]]", "{\"\":{\"\":null}}", "{\"a\":1,\"a\":2}",
        "{\"\\ud800\":1}", $"\"{new string('x', 300)}\"", $"\"{new string('学', 70_000)}\"", $"{new string('[', 60)}{new string(']', 60)}",
        $"{new string('[', 100)}{new string(']', 100)}", "\"9999-12-31T23:59:59.9999999Z\"", "\"0001-01-01T00:00:00+14:00\"", "\"2026-02-30\"", "nonsense", "", "\"open",
    ];

    [Fact]
    public async Task Bodies_AreNeverAnErrorOfOurs()
    {
        foreach (var (path, template) in ((string, string)[])[("/api/repo/append", Append), ("/api/observe/emit", Emit)])
        {
            var accepted = 0;
            foreach (var body in Variants(template))
            {
                var status = await StatusAsync(HttpMethod.Post, path, body);
                status.ShouldBeLessThan(500, $"{path}: {body[..Math.Min(body.Length, 500)]}");
                accepted += status == 200 ? 1 : 0;
            }
            accepted.ShouldBeGreaterThan(20, "not all of it is wrong");
        }
    }

    [Fact]
    public async Task Queries_AreNeverAnErrorOfOurs()
    {
        string[] parameters = ["start", "depth", "direction", "edge_type", "limit", "type", "cursor"];
        string[] values = ["", "a", "%00", "%ed%a0%80", "%ff", "-1", "1e9", "99999999999999999999", "%27%20OR%201", "00000000-0000-0000-0000-000000000000", new('x', 3000)];
        foreach (var path in (string[])["/api/graph/recall?start=a&depth=2", "/api/observe/events?limit=1"])
        {
            foreach (var query in parameters.SelectMany(parameter => values.Select(value => $"{path}&{parameter}={value}&{parameter}={value}")))
                (await StatusAsync(HttpMethod.Get, query, null)).ShouldBeLessThan(500, query);
        }
    }

    private async Task<int> StatusAsync(HttpMethod method, string path, string? body)
    {
        using var response = await memory.SendAsync(method, path, body);
        return (int)response.StatusCode;
    }

    private static IEnumerable<string> Variants(string template)
    {
        var paths = Paths(JsonNode.Parse(template)!).ToList();
        foreach (var path in paths)
        {
            foreach (var nasty in Nasty)
            {
                var body = JsonNode.Parse(template)!;
                Replace(body, path);
                yield return body.ToJsonString().Replace("\"HERE\"", nasty, StringComparison.Ordinal).Replace("ID", Guid.NewGuid().ToString("N")[..8], StringComparison.Ordinal);
            }
        }
        // And the text itself cut, which leaves no JSON.
        for (var length = 0; length < Encoding.UTF8.GetByteCount(template); length += 7)
            yield return template[..length];
    }

    private static IEnumerable<object[]> Paths(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => Below(member.Key, member.Value)),
        JsonArray items => items.SelectMany((item, i) => Below(i, item)),
        _ => [],
    };

    private static IEnumerable<object[]> Below(object step, JsonNode? node) => Paths(node).Select(rest => (object[])[step, .. rest]).Prepend([step]);

    private static void Replace(JsonNode node, object[] path)
    {
        foreach (var step in path[..^1])
            node = (step is string name ? node[name] : node[(int)step])!;
        if (path[^1] is string last)
            node[last] = "HERE";
        else
            node[(int)path[^1]] = "HERE";
    }
}
