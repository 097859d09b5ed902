using System.Net;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.ServiceDefaults.Tests;

/// <summary>Requests to a service with a database: one person's by the hundred leave places for another's.</summary>
public sealed class RequestPlacesTests
{
    [Fact]
    public async Task Requests_OfOnePersonByTheHundred_WaitForEachOther_AndAnothersAreAnswered()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var identity = new IdentityFolder("gateway", "chat-api");
        var (release, inside) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), 0);
        await using var service = await TestService.StartAsync(
            identity, "chat-api",
            builder => builder.Services.AddSingleton(new RequestPlaces(8, new ShareOptions(), onlyMarked: false)),
            app =>
            {
                app.MapGet("/held", async (HttpContext http) =>
                {
                    Interlocked.Increment(ref inside);
                    await release.Task.WaitAsync(http.RequestAborted);
                });
                app.MapGet("/quick", () => "done");
                app.MapGet("/stream", () => "done").Produces<string>(200, "text/event-stream");
            });
        var (gil, ada) = (identity.Token(sub: "gil", tenant: "greedy", kind: "user"), identity.Token(sub: "ada", tenant: "acme", kind: "user"));
        var greedy = Enumerable.Range(0, 100).Select(_ => service.GetAsync("/held", gil)).ToList();
        await Eventually.TrueAsync(() => inside == 4, "half of the places are taken");

        for (var i = 0; i < 20; i++)
            (await service.GetAsync("/quick", ada)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await service.GetAsync("/stream", gil)).StatusCode.ShouldBe(HttpStatusCode.OK); // is not counted
        inside.ShouldBe(4);

        // Who waits too long is told so.
        var refused = await await Task.WhenAny(greedy).WaitAsync(Eventually.Limit, cancel);
        await refused.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "overloaded");
        refused.Headers.RetryAfter.ShouldNotBeNull();
        release.SetResult();
        (await Task.WhenAll(greedy)).Count(response => response.StatusCode == HttpStatusCode.OK).ShouldBeGreaterThanOrEqualTo(4);
    }
}
