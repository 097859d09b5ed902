using System.Text.Json;

namespace Lyceum.Tests.IntegrationTests.Browser;

/// <summary>The example that clients of live sessions have, in a browser, through the gateway.</summary>
[Collection(ChatCollection.Name)]
public sealed class LiveSessionTests(SharedSystem system, Chromium browser)
{
    [Fact]
    public async Task Example_AsItStands_CreatesConnectsAndIsAnswered()
    {
        _ = system.App;
        var student = new SessionClient(system.CreateGatewayClient());
        var tutor = await student.TutorAsync();
        var page = await browser.OpenAsync(new Uri(student.Http.BaseAddress!, "/docs/"));
        await page.EvaluateAsync(SessionExample.Page(system.DevelopmentToken, tutor), student.Http.BaseAddress!.GetLeftPart(UriPartial.Authority));

        await page.WaitForFunctionAsync("() => window.seen.some(line => line[0] === 'AI:')", null, new() { Timeout = 30_000 });
        var seen = (await page.EvaluateAsync<JsonElement>("() => window.seen")).EnumerateArray().Select(line => line[0].GetString()).ToList();
        seen.ShouldBe(["Session created:", "✓ WebSocket connected", "✓ Received:", "AI:"]);
        await page.CloseAsync();
    }
}
