using System.Net;
using System.Text;
using Lyceum.Jobs;
using Lyceum.Tests.RoadmapWorker.Tests.Models;

namespace Lyceum.Tests.RoadmapWorker.Tests.Jobs;

/// <summary>Any text in any field that a client fills: refused with a reason, or a task that ends.</summary>
public sealed class StoredFieldTests(PostgresFixture postgres)
{
    private const string Generate = "/api/v1/roadmaps/generate";
    private const string Collab = "/api/collab/execute";

    private static readonly (string Path, string Body)[] Fields =
    [
        (Generate, """{"user_id":%,"user_query":"algebra","preferences":{"weekly_commitment_hours":5}}"""),
        (Generate, """{"user_id":"u","user_query":%,"preferences":{"weekly_commitment_hours":5}}"""),
        (Generate, """{"user_id":"u","user_query":"algebra","level":%,"preferences":{"weekly_commitment_hours":5}}"""),
        (Generate, """{"user_id":"u","user_query":"algebra","kb_id":%,"preferences":{"weekly_commitment_hours":5}}"""),
        (Generate, """{"user_id":"u","user_query":"a","preferences":{"weekly_commitment_hours":5,"learning_style":[%]}}"""),
        (Generate, """{"user_id":"u","user_query":"a","preferences":{"weekly_commitment_hours":5,"primary_language":%}}"""),
        (Collab, """{"task":%}"""),
        (Collab, """{"task":"x","context":%}"""),
        (Collab, """{"task":"x","context":{%:[%]}}"""),
        (Collab, """{"task":"x","roles":[%]}"""),
        (Collab, """{"task":"x","roles":[{"name":"own","instructions":%}]}"""),
        (Collab, """{"task":"x","kb_id":%}"""),
    ];

    [Fact]
    public Task Field_WithAnyText_IsRefusedOrATaskThatEnds() => FuzzAsync(15);

    [Fact]
    [Trait("Category", "Long")]
    public Task Field_WithAnyText_IsRefusedOrATaskThatEnds_Often() => FuzzAsync(5_000);

    private async Task FuzzAsync(int each)
    {
        await using var worker = await TestWorker.StartAsync(
            await postgres.CreateDatabaseAsync(), model: new NastyModel(),
            settings: [("Jobs:Poll", "00:00:00.1"), ("Jobs:MaxOpenPerCaller", "100000"), ("Jobs:MaxAttempts", "1")]);
        var nasty = new NastyText(20260304);
        var accepted = 0;
        foreach (var (path, body) in Fields)
        {
            for (var i = 0; i < each; i++)
            {
                var text = i switch { 0 => "a\0b", 1 => "\ud83d", _ => nasty.Text(100) };
                using var content = new StringContent(
                    body.Replace("%", NastyText.Quote(text), StringComparison.Ordinal), Encoding.UTF8, "application/json");
                using var response = await worker.SendAsync(HttpMethod.Post, path, content);
                var said = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
                // A knowledge base that is named is looked up, and the service that has it is not there: 503.
                ((int)response.StatusCode is < 500 or 503).ShouldBeTrue($"{path} {body} with {NastyText.Quote(text)}: {said}");
                if (response.StatusCode is HttpStatusCode.Accepted or HttpStatusCode.OK)
                    accepted++;
            }
        }
        accepted.ShouldBeGreaterThan(each);
        await Eventually.TrueAsync(
            async () => await worker.ScalarAsync("SELECT count(*) FROM jobs WHERE ended_at IS NULL") is 0L, "every task ends", 30 + each);
        ((long)(await worker.ScalarAsync("SELECT count(*) FROM jobs"))!).ShouldBe(accepted);
    }

    /// <summary>Answers anything: roadmaps come from the catalogue then, collaborations keep what was said.</summary>
    private sealed class NastyModel : FakeModel
    {
        private readonly NastyText _nasty = new(20260305); // under its own lock

        public override Task<bool> IsConnectedAsync(string tenant, string subject, CancellationToken cancellationToken) =>
            Task.FromResult(true);

        public override Task<FakeReply> AskAsync(
            FakeQuestion question, string tenant, string subject, CancellationToken cancellationToken)
        {
            lock (_nasty)
                return Task.FromResult(new FakeReply(_nasty.Next(2) == 0 ? _nasty.Text() : _nasty.Json(), 1, 1));
        }
    }
}
