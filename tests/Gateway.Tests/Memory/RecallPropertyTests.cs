using FsCheck;
using FsCheck.Fluent;
using Lyceum.Gateway.Records.Graph;
using Lyceum.Gateway.Records.Repo;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.Gateway.Tests.Memory;

/// <summary>The recursive query against a walk in memory, over random graphs with cycles, loops and parallel edges.</summary>
[Collection(MemoryCollection.Name)]
public sealed class RecallPropertyTests(MemoryFixture memory)
{
    private sealed record Walk(int Nodes, (int From, int Type, int To)[] Edges, int[] Start, int Depth, Direction Direction, int[] Types, int Limit)
    {
        public override string ToString() =>
            $"{Nodes} nodes, {string.Join(' ', Edges.Select(e => $"{e.From}-{e.Type}-{e.To}"))}, from {string.Join(',', Start)}, depth {Depth} " +
            $"{Direction}, types {string.Join(',', Types)}, limit {Limit}";
    }

    private static readonly Gen<Walk> Walks =
        from nodes in Gen.Choose(1, 14)
        from count in Gen.Choose(0, 40)
        from edges in (from f in Gen.Choose(0, nodes - 1) from type in Gen.Choose(0, 2) from t in Gen.Choose(0, nodes - 1) select (f, type, t)).ArrayOf(count)
        from start in Gen.Choose(0, nodes - 1).NonEmptyListOf()
        from depth in Gen.Choose(0, 6)
        from direction in Gen.Elements(Direction.Out, Direction.In, Direction.Both)
        from types in Gen.Choose(0, 2).ListOf()
        from more in Gen.Choose(0, nodes + 1)
        let starts = start.Distinct().ToArray()
        select new Walk(nodes, [.. edges.Distinct()], starts, depth, direction, [.. types.Distinct()], starts.Length + more);

    [Fact]
    public async Task Recall_IsABreadthFirstWalk()
    {
        var (repo, graph) = (memory.Services.GetRequiredService<RepoStore>(), memory.Services.GetRequiredService<GraphStore>());
        foreach (var walk in Walks.Sample(200))
        {
            var caller = new Caller(MemoryFixture.New("tenant"), "ada", CallerKind.Token, Scopes.All);
            var appended = await repo.AppendAsync(caller, [.. Enumerable.Range(0, walk.Nodes).Select(i => new NewRecord(Id(i), "node", "{}"))],
                [.. walk.Edges.Select(e => new NewEdge(Id(e.From), $"t{e.Type}", Id(e.To), "{}"))], TestContext.Current.CancellationToken);
            appended.CreatedEdges.ShouldBe(walk.Edges.Length);

            var found = await graph.RecallAsync(caller,
                new([.. walk.Start.Select(Id)], walk.Depth, walk.Direction, [.. walk.Types.Select(t => $"t{t}")], walk.Limit), TestContext.Current.CancellationToken);

            var (nodes, edges, truncated) = Reference(walk);
            found.Nodes.Select(node => (node.Id, node.Depth)).ShouldBe(nodes, $"{walk}");
            found.Edges.Select(edge => (edge.From, edge.Type, edge.To)).ShouldBe(edges, $"{walk}");
            found.Truncated.ShouldBe(truncated, $"{walk}");
        }
    }

    private static string Id(int node) => $"n{node:00}";

    private static (List<(string, int)> Nodes, List<(string, string, string)> Edges, bool Truncated) Reference(Walk walk)
    {
        var steps = walk.Edges.Where(e => walk.Types is [] || walk.Types.Contains(e.Type)).ToList();
        var depths = walk.Start.ToDictionary(node => node, _ => 0);
        for (var (depth, level) = (1, walk.Start.ToHashSet()); depth <= walk.Depth && level.Count > 0; depth++)
        {
            var reached = walk.Direction switch
            {
                Direction.Out => steps.Where(e => level.Contains(e.From)).Select(e => e.To),
                Direction.In => steps.Where(e => level.Contains(e.To)).Select(e => e.From),
                _ => steps.Where(e => level.Contains(e.From)).Select(e => e.To).Concat(steps.Where(e => level.Contains(e.To)).Select(e => e.From)),
            };
            level = [.. reached.Where(node => !depths.ContainsKey(node))];
            foreach (var node in level)
                depths[node] = depth;
        }
        var nodes = depths.OrderBy(node => node.Value).ThenBy(node => node.Key).Take(walk.Limit).ToDictionary();
        return (
            [.. nodes.OrderBy(node => node.Value).ThenBy(node => node.Key).Select(node => (Id(node.Key), node.Value))],
            [.. steps.Where(e => nodes.ContainsKey(e.From) && nodes.ContainsKey(e.To)).Order().Select(e => (Id(e.From), $"t{e.Type}", Id(e.To)))],
            depths.Count > nodes.Count);
    }
}
