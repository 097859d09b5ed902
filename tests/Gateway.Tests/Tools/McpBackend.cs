using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.Gateway.Tests.Tools;

/// <summary>A small MCP server over streamable HTTP (2025-06-18), good until a test says otherwise.</summary>
public sealed class McpBackend : IAsyncDisposable
{
    private readonly ToolBackend _http;
    private readonly HashSet<string> _sessions = [];

    private McpBackend(ToolBackend http) => _http = http;

    public ToolBackend Http => _http;

    public string Url => _http.Url("/mcp");

    public string Description { get; set; } = "Adds two numbers.";

    /// <summary>JSON in the place of the tool's <c>required</c>, which need not be any.</summary>
    public string Required { get; set; } = """["a"]""";

    public bool HasTool { get; set; } = true;

    /// <summary>What <c>tools/list</c> says beside the tool itself: from the page's number, its cursor and padding.</summary>
    public Func<int, (string? NextCursor, int Tools, int Padding)> Pages { get; set; } = _ => (null, 0, 0);

    /// <summary>Pages of tools that were asked for.</summary>
    public int Listed { get; private set; }

    /// <summary>Calls that arrived.</summary>
    public int Calls { get; private set; }

    public int Connects { get; private set; }

    /// <summary>As a restart does: every session that was is not known any more.</summary>
    public void Forget()
    {
        lock (_sessions)
            _sessions.Clear();
    }

    public static async Task<McpBackend> StartAsync()
    {
        McpBackend? server = null;
        var http = await ToolBackend.StartAsync(app =>
        {
            app.MapPost("/mcp", (Delegate)((HttpContext context) => server!.AnswerAsync(context)));
            app.MapMethods("/mcp", ["GET"], () => Results.StatusCode(405));
            app.MapMethods("/mcp", ["DELETE"], () => Results.NoContent());
        });
        return server = new McpBackend(http);
    }

    private async Task<IResult> AnswerAsync(HttpContext context)
    {
        var message = (await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted))!;
        var (method, id) = (message["method"]!.GetValue<string>(), message["id"]?.DeepClone());
        if (method == "initialize")
        {
            var session = Guid.NewGuid().ToString("N");
            lock (_sessions)
            {
                _sessions.Add(session);
                Connects++;
            }
            context.Response.Headers["Mcp-Session-Id"] = session;
        }
        else if (method != "server/discover")
        {
            lock (_sessions)
            {
                if (!_sessions.Contains(context.Request.Headers["Mcp-Session-Id"].ToString()))
                    return Results.NotFound();
            }
        }
        if (id is null)
            return Results.Accepted();
        var (result, error) = method switch
        {
            "initialize" => (JsonNode.Parse("""{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"adder","version":"1"}}"""), (JsonNode?)null),
            "tools/list" => (List(), null),
            "tools/call" => (Call(message["params"]!), null),
            "ping" => (new JsonObject(), null),
            _ => (null, JsonNode.Parse("""{"code":-32601,"message":"no such method"}""")),
        };
        var answer = new JsonObject { ["jsonrpc"] = "2.0", ["id"] = id };
        answer[error is null ? "result" : "error"] = error ?? result;
        return Results.Text(answer.ToJsonString().Replace("""["a"]""", Required), "application/json");
    }

    private JsonObject List()
    {
        var (cursor, more, padding) = Pages(++Listed);
        var tools = Tools();
        for (var i = 0; i < more; i++)
            tools.Add(new JsonObject { ["name"] = $"t{Listed}-{i}", ["inputSchema"] = JsonNode.Parse("""{"type":"object"}""") });
        var list = new JsonObject { ["tools"] = tools, ["padding"] = new string('x', padding) };
        if (cursor is not null)
            list["nextCursor"] = cursor;
        return list;
    }

    private JsonArray Tools() => !HasTool ? [] : [
        new JsonObject
        {
            ["name"] = "add",
            ["description"] = Description,
            ["inputSchema"] = JsonNode.Parse("""{"type":"object","properties":{"a":{"type":"number"},"b":{"type":"number"}},"required":["a"]}"""),
        }];

    private JsonNode Call(JsonNode parameters)
    {
        Calls++;
        var (a, b) = (parameters["arguments"]!["a"]!.GetValue<double>(), parameters["arguments"]!["b"]?.GetValue<double>());
        return a switch
        {
            -1 => JsonNode.Parse("""{"content":[{"type":"text","text":"cannot add that"}],"isError":true}""")!,
            -2 => JsonNode.Parse($$"""{"content":[{"type":"text","text":"{{new string('x', 9_000_000)}}"}]}""")!,
            -3 => JsonNode.Parse("""{"content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}""")!,
            -4 => JsonNode.Parse($$"""{"content":[{"type":"text","text":"{{new string('x', 300_000)}}"}]}""")!,
            _ when b is null => JsonNode.Parse("""{"content":[{"type":"text","text":"only \"one\""}]}""")!,
            _ => JsonNode.Parse($$$"""{"content":[{"type":"text","text":"{{{a + b}}}"}],"structuredContent":{"sum":{{{a + b}}}}}""")!,
        };
    }

    public ValueTask DisposeAsync() => _http.DisposeAsync();
}
