using System.Net;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.IntegrationTests.Telemetry;

/// <summary>A ticket is a credential in a URL: it must not stay in what operators read.</summary>
[Collection(ChatCollection.Name)]
public sealed class TicketTests(SharedSystem system)
{
    [Fact]
    public async Task Ticket_IsInNoLogAndNoSpan()
    {
        const string trace = "5bf92f3577b34da6a3ce929d0e0e4737";
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        _ = system.App;
        using var chat = system.CreateChatClient();
        await using var asked = await chat.AskAsync("[[stub tokens=3 rate=0]]");
        var url = (await asked.NextAsync(limit.Token))!.Data.GetProperty("stream_url").GetString()!;
        await asked.ToEndAsync();

        using var anonymous = system.CreateAnonymousClient();
        anonymous.DefaultRequestHeaders.Add("traceparent", $"00-{trace}-00f067aa0ba902b7-01");
        (await anonymous.GetStringAsync(url, limit.Token)).ShouldContain("event: end");
        using var refused = await anonymous.GetAsync(url[..^4] + "AAAA", limit.Token);
        refused.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);

        string[] expected = ["gateway", "chat-api"];
        while (expected.Except(system.Collector.Spans.Where(s => s.TraceId == trace).Select(s => s.Service)).Any())
            await Task.Delay(100, limit.Token);
        var ticket = url.Split("ticket=")[1][..40];
        system.Collector.Mentions(ticket).ShouldBeFalse();

        var resources = system.App.Services.GetRequiredService<DistributedApplicationModel>().Resources;
        foreach (var name in expected.Append("chat-api-2"))
        {
            var logs = system.App.Services.GetRequiredService<ResourceLoggerService>();
            var lines = new List<string>();
            await foreach (var batch in logs.GetAllAsync(resources.Single(r => r.Name == name)).WithCancellation(limit.Token))
                lines.AddRange(batch.Select(line => line.Content));
            lines.ShouldNotBeEmpty();
            lines.ShouldAllBe(line => !line.Contains(ticket, StringComparison.Ordinal));
        }
    }
}
