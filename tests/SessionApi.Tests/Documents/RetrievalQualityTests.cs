using Lyceum.Tests.Bench.Retrieval;

namespace Lyceum.Tests.SessionApi.Tests.Documents;

/// <summary>The evaluation of the search that <c>scripts/bench.sh retrieval</c> prints, with the least that it may show.</summary>
public sealed class RetrievalQualityTests(SessionsFixture fixture, PostgresFixture postgres, ITestOutputHelper output)
    : IClassFixture<SessionsFixture>
{
    [Fact]
    public async Task Search_OfFortyDocuments_FindsMostAnswers()
    {
        var sessions = await fixture.StartedAsync();
        var evaluation = new RetrievalEvaluation();
        var scores = await evaluation.RunAsync(
            sessions.Client, fixture.Identity.Token(tenant: $"t-{Guid.NewGuid():N}", scope: "tutors"), "evaluation",
            TestContext.Current.CancellationToken);

        foreach (var score in scores)
            output.WriteLine($"{score.Of}: {score.Questions} questions, recall@5 {score.RecallAt5:0.000}, MRR {score.Mrr:0.000}");
        evaluation.Documents.ShouldBe(40);
        scores[0].Questions.ShouldBe(200);
        // Of what is asked in the text's own words nearly all; of the rest what words have in common.
        scores.Single(score => score.Of == "in its words").RecallAt5.ShouldBeGreaterThan(0.9);
        scores[0].RecallAt5.ShouldBeGreaterThan(0.65);
    }

    /// <summary>Printed: what is asserted is that it works at that size.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task Search_OfManyPassages_IsMeasured()
    {
        await using var service = await SessionProcess.StartAsync(fixture.Identity, await postgres.CreateDatabaseAsync());
        using var bench = new RetrievalBench(
            service.Address, () => fixture.Identity.Token(tenant: "bench", scope: "tutors"), passages: 5000);
        using var printed = new StringWriter();
        await bench.RunAsync(printed, TestContext.Current.CancellationToken);
        output.WriteLine(printed.ToString());
    }
}
