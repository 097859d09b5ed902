using System.Net.Http.Json;

namespace Lyceum.Tests.IntegrationTests.Telemetry;

[Collection(ChatCollection.Name)]
public sealed class TraceTests(SharedSystem system)
{
    [Fact]
    public async Task Chat_OneTrace_FromTheGatewayToTheDatabase()
    {
        _ = system.App;
        const string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        using var http = system.CreateGatewayClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/chat")
        {
            Content = JsonContent.Create(new { message = "[[stub tokens=5 rate=0]]" }),
            Headers = { { "traceparent", $"00-{trace}-00f067aa0ba902b7-01" } },
        };
        using var response = await http.SendAsync(request);
        (await response.Content.ReadAsStringAsync()).ShouldContain("event: end");

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var expected = new[]
        {
            ("gateway", "Microsoft.AspNetCore"), ("chat-api", "Microsoft.AspNetCore"), ("chat-api", "Npgsql"),
            ("chat-api", "Lyceum.ChatApi"), ("gpu-engine", "Microsoft.AspNetCore"), ("gpu-engine", "System.Net.Http"),
        };
        List<ExportedSpan> spans;
        while (expected.Except((spans = Of(trace)).Select(s => (s.Service, s.Scope))).Any())
        {
            limit.IsCancellationRequested.ShouldBeFalse(
                "missing: " + string.Join(", ", expected.Except(spans.Select(s => (s.Service, s.Scope)))));
            await Task.Delay(100);
        }

        // One tree, not a heap of spans that share an id: every parent but the caller's own is in it.
        spans = await CompleteAsync(trace, limit.Token);
        var ids = spans.Select(s => s.SpanId).ToHashSet();
        spans.ShouldAllBe(s => ids.Contains(s.ParentSpanId) || s.ParentSpanId == "00f067aa0ba902b7");
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Takeover_GoesOnInTheTraceOfTheQuestion()
    {
        _ = system.App;
        const string trace = "6cf92f3577b34da6a3ce929d0e0e4738";
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var http = system.CreateGatewayClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/chat")
        {
            Content = JsonContent.Create(new { message = "[[stub tokens=60 rate=20]]" }),
            Headers = { { "traceparent", $"00-{trace}-00f067aa0ba902b7-01" } },
        };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        response.EnsureSuccessStatusCode();
        // Killed, the first writer exports nothing of its generation: what arrives is the next one's.
        system.Signal("chat-api", "KILL");
        while (!Of(trace).Exists(s => s is { Scope: "Lyceum.ChatApi", Name: "generation" }))
            await Task.Delay(100, limit.Token);
        await system.UntilUpAsync(limit.Token);
    }

    private List<ExportedSpan> Of(string trace) => [.. system.Collector.Spans.Where(s => s.TraceId == trace)];

    /// <summary>Services export each second, not all at once: waits until no parent is missing, or the limit.</summary>
    private async Task<List<ExportedSpan>> CompleteAsync(string trace, CancellationToken limit)
    {
        while (true)
        {
            var spans = Of(trace);
            var ids = spans.Select(s => s.SpanId).Append("00f067aa0ba902b7").ToHashSet();
            if (spans.TrueForAll(s => ids.Contains(s.ParentSpanId)) || limit.IsCancellationRequested)
                return spans;
            await Task.Delay(100, CancellationToken.None);
        }
    }
}
