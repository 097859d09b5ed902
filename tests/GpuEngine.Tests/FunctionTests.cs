using System.Net;
using System.Text.Json;

namespace Lyceum.Tests.GpuEngine;

/// <summary>Functions and JSON schemas pass through the engine to the model server and back, as jobs need them.</summary>
public sealed class FunctionTests
{
    private static readonly object[] Tools =
        [new { type = "function", function = new { name = "knowledge-search", parameters = new { type = "object", properties = new { query = new { type = "string" } } } } }];

    private static object Ask(string script, bool stream = false, object[]? more = null) => new
    {
        stream, tools = Tools, messages = new object[] { new { role = "user", content = $"[[stub tokens=3 rate=0 tool=knowledge-search tool_args={{\"query\":\"x\"}} {script}]]" } }.Concat(more ?? []),
    };

    [Fact]
    public async Task Whole_WithTools_CallsOneAndThenAnswers()
    {
        await using var engine = await Engine.BeforeStubAsync();
        using var first = await engine.AskAsync(Ask("tool_calls=2"));
        var choice = (await first.JsonAsync()).GetProperty("choices")[0];
        choice.GetProperty("finish_reason").GetString().ShouldBe("tool_calls");
        choice.GetProperty("message").GetProperty("tool_calls").EnumerateArray().Select(call => call.GetProperty("function").GetProperty("arguments").GetString())
            .ShouldBe(["{\"query\":\"x\"}", "{\"query\":\"x\"}"]);

        using var second = await engine.AskAsync(Ask("", more: [new { role = "tool", tool_call_id = "call_0", content = "found" }]));
        (await second.JsonAsync()).GetProperty("choices")[0].GetProperty("finish_reason").GetString().ShouldBe("stop");
    }

    [Fact]
    public async Task Stream_WithTools_RelaysTheCalls()
    {
        await using var engine = await Engine.BeforeStubAsync();
        using var response = await engine.AskAsync(Ask("", stream: true));
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        body.ShouldContain("\"tool_calls\":[{\"index\":0");
        body.ShouldContain("\"finish_reason\":\"tool_calls\"");
        body.ShouldContain("[DONE]");
    }

    [Fact]
    public async Task Whole_WithASchema_IsAnInstanceOfIt()
    {
        await using var engine = await Engine.BeforeStubAsync();
        using var response = await engine.AskAsync(new
        {
            messages = new[] { new { role = "user", content = "[[stub]]" } },
            response_format = new
            {
                type = "json_schema",
                json_schema = new { name = "x", schema = new { type = "object", properties = new { text = new { type = "string" }, sources = new { type = new[] { "array", "null" }, items = new { type = "integer" } } } } },
            },
        });
        var content = (await response.JsonAsync()).GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
        JsonElement.Parse(content).ToString().ShouldBe("""{"text":"stub","sources":[1]}""");
    }

    [Fact]
    public async Task ModelServer_RejectingTools_IsQuotedInTheError()
    {
        await using var engine = await Engine.BeforeStubAsync();
        using var response = await engine.AskAsync(Ask("reject_tools=1"));
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await response.JsonAsync()).GetProperty("error").GetProperty("message").GetString().ShouldBe("stub does not support tools");
    }
}
