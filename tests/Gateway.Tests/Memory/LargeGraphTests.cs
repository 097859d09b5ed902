using System.Text.Json;
using Lyceum.Gateway.Records.Graph;
using Npgsql;

namespace Lyceum.Tests.Gateway.Tests.Memory;

/// <summary>What a walk touches of a large graph: counted by Postgres, not timed.</summary>
[Collection(MemoryCollection.Name)]
[Trait("Category", "Long")]
public sealed class LargeGraphTests(MemoryFixture memory)
{
    private const int Nodes = 20_000;
    private const int EdgesPerNode = 5;

    // Each node leads to five others, spread over all of them; node 0 to a thousand more, and all of them to node 1.
    private const string Fill =
        """
        INSERT INTO repo_records (tenant, id, type, properties, subject, created_at)
        SELECT 'large', 'n' || i, 'node', '{}', 'ada', clock_timestamp() FROM generate_series(0, 19999) i;
        INSERT INTO repo_edges (tenant, from_id, type, to_id, properties, subject, created_at)
        SELECT 'large', 'n' || i, 'next', 'n' || (i * 7 + k * 3989 + 1) % 20000, '{}', 'ada', clock_timestamp()
        FROM generate_series(0, 19999) i, generate_series(0, 4) k ON CONFLICT DO NOTHING;
        INSERT INTO repo_edges (tenant, from_id, type, to_id, properties, subject, created_at)
        SELECT 'large', 'n0', 'hub', 'n' || i, '{}', 'ada', clock_timestamp() FROM generate_series(1, 1000) i;
        INSERT INTO repo_edges (tenant, from_id, type, to_id, properties, subject, created_at)
        SELECT 'large', 'n' || i, 'all', 'n1', '{}', 'ada', clock_timestamp() FROM generate_series(0, 19999) i;
        ANALYZE repo_records, repo_edges;
        """;

    [Fact]
    public async Task Recall_OfAHundredOfTwentyThousandNodes_TouchesTheirEdgesOnly()
    {
        await using (var fill = memory.Database.CreateCommand(Fill))
            await fill.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using (var count = memory.Database.CreateCommand("SELECT count(*) FROM repo_edges WHERE tenant = 'large'"))
            ((long)(await count.ExecuteScalarAsync(TestContext.Current.CancellationToken))!).ShouldBeGreaterThan(Nodes * EdgesPerNode);

        foreach (var (direction, start) in ((Direction, string)[])[(Direction.Out, "n17"), (Direction.Out, "n0"), (Direction.In, "n0"), (Direction.Both, "n17")])
        {
            var plan = await ExplainAsync(direction, start);
            var edgeScans = Descend(plan).Where(node => node.TryGetProperty("Relation Name", out var name) && name.ValueEquals("repo_edges")).ToList();
            edgeScans.ShouldNotBeEmpty();
            edgeScans.ShouldAllBe(scan => scan.GetProperty("Node Type").GetString()!.Contains("Index"), $"{direction} from {start}: {plan}");
            // 101 nodes of 6 edges each, an index's few pages for each of them. Both ways it meets the node that all lead to.
            var pages = plan.GetProperty("Shared Hit Blocks").GetInt64() + plan.GetProperty("Shared Read Blocks").GetInt64();
            TestContext.Current.TestOutputHelper!.WriteLine($"{direction} from {start}: {pages} pages");
            pages.ShouldBeLessThan(direction == Direction.Both ? 12_000 : 3000, $"{direction} from {start}: {plan}");
        }
    }

    private async Task<JsonElement> ExplainAsync(Direction direction, string start)
    {
        await using var command = memory.Database.CreateCommand($"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {RecallQuery.For(direction)}");
        foreach (var value in (object[])["large", new[] { start }, 6, DBNull.Value, 100, 5001])
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        command.Parameters[3].NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Array | NpgsqlTypes.NpgsqlDbType.Text;
        var text = (string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
        return JsonElement.Parse(text)[0].GetProperty("Plan");
    }

    private static IEnumerable<JsonElement> Descend(JsonElement node) =>
        [node, .. node.TryGetProperty("Plans", out var plans) ? plans.EnumerateArray().SelectMany(Descend) : []];
}
