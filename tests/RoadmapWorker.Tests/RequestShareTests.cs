using System.Net;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.RoadmapWorker.Tests;

/// <summary>One person's requests by the hundred do not keep another's waiting at the database's pool.</summary>
public sealed class RequestShareTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Requests_OfOnePersonByTheHundred_AnothersAreAnsweredInTurn()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var greedy = Enumerable.Range(0, 400).Select(async _ =>
        {
            while (!over.IsCancellationRequested)
                (await worker.SendAsync(HttpMethod.Get, "/api/v1/roadmaps?limit=100", subject: "gil", tenant: "greedy")).Dispose();
        }).ToList();
        await Task.Delay(500, cancel);

        for (var i = 0; i < 50; i++)
        {
            using var response = await worker.SendAsync(HttpMethod.Get, "/api/v1/roadmaps", subject: "ada", tenant: "acme");
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
        }
        await over.CancelAsync();
        await Task.WhenAll(greedy);
    }
}
