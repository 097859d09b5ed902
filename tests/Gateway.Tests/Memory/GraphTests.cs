using System.Net;
using Lyceum.Gateway.Data;
using Lyceum.Gateway.Records.Graph;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.Gateway.Tests.Memory;

[Collection(MemoryCollection.Name)]
public sealed class GraphTests(MemoryFixture memory)
{
    private static readonly (string From, string Type, string To)[] Circle =
        [("a", "next", "b"), ("b", "next", "c"), ("c", "next", "a"), ("a", "likes", "d"), ("e", "next", "a")];

    private readonly string _name = MemoryFixture.New("");

    /// <summary>a → b → c → a by <c>next</c>, a → d by <c>likes</c>, e → a by <c>next</c>.</summary>
    private async Task AppendCircleAsync() => await MemoryFixture.OkAsync(memory.AppendAsync(new
    {
        records = "abcde".Select(letter => new { id = letter + _name, type = "letter", properties = new { letter } }),
        edges = Circle.Select(edge => new { from = edge.From + _name, type = edge.Type, to = edge.To + _name }),
    }));

    [Theory]
    [InlineData("depth=0", "a0", "")]
    [InlineData("", "a0 b1 d1", "a-likes-d a-next-b")]
    [InlineData("depth=6", "a0 b1 d1 c2", "a-likes-d a-next-b b-next-c c-next-a")]
    [InlineData("depth=6&edge_type=next", "a0 b1 c2", "a-next-b b-next-c c-next-a")]
    [InlineData("depth=6&edge_type=none", "a0", "")]
    [InlineData("depth=1&direction=in", "a0 c1 e1", "c-next-a e-next-a")]
    [InlineData("depth=1&direction=both&edge_type=likes&edge_type=next", "a0 b1 c1 d1 e1", "a-likes-d a-next-b b-next-c c-next-a e-next-a")]
    [InlineData("depth=6&limit=3", "a0 b1 d1", "a-likes-d a-next-b", true)]
    [InlineData("depth=6&limit=4", "a0 b1 d1 c2", "a-likes-d a-next-b b-next-c c-next-a")]
    public async Task Recall_WalksTheCircle(string query, string nodes, string edges, bool truncated = false)
    {
        await AppendCircleAsync();
        var recalled = await MemoryFixture.OkAsync(memory.RecallAsync($"start=a{_name}&{query}"));
        string.Join(' ', recalled.GetProperty("nodes").EnumerateArray().Select(
            node => $"{node.GetProperty("properties").GetProperty("letter")}{node.GetProperty("depth")}")).ShouldBe(nodes);
        string.Join(' ', recalled.GetProperty("edges").EnumerateArray().Select(
            edge => $"{edge.GetProperty("from")}-{edge.GetProperty("type")}-{edge.GetProperty("to")}".Replace(_name, "", StringComparison.Ordinal))).ShouldBe(edges);
        recalled.GetProperty("truncated").GetBoolean().ShouldBe(truncated);
    }

    [Fact]
    public async Task Recall_FromUnknownRecords_Is404_NamingThem()
    {
        await AppendCircleAsync();
        var problem = await (await memory.RecallAsync($"start=a{_name}&start=x{_name}&start=y{_name}")).ShouldBeProblem(HttpStatusCode.NotFound, "record_not_found");
        problem.GetProperty("missing").EnumerateArray().Select(id => id.GetString()).ShouldBe([$"x{_name}", $"y{_name}"]);
    }

    [Theory]
    [InlineData("", "start")]
    [InlineData("start=&depth=7&limit=0&direction=up&edge_type=%00", "depth", "direction", "edge_type", "limit", "start")]
    [InlineData("start=a&start=b&limit=1", "limit")]
    [InlineData("start=a&depth=-1&depth=2&limit=1e3&direction=in&direction=out", "depth", "direction", "limit")]
    public async Task Recall_ThatIsWrong_ReportsEveryFault(string query, params string[] fields)
    {
        var problem = await (await memory.RecallAsync(query)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        problem.GetProperty("errors").EnumerateObject().Select(e => e.Name).ShouldBe(fields);
    }

    [Fact]
    public async Task Recall_ThatTakesTooLong_IsRefusedByTheStatementsTimeout()
    {
        await AppendCircleAsync();
        await using var holding = await memory.Database.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await holding.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var command = holding.CreateCommand();
        command.CommandText = "LOCK TABLE repo_edges IN ACCESS EXCLUSIVE MODE"; // as long as a walk may take
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        var graph = new GraphStore(memory.Services.GetRequiredService<Database>(), Options.Create(new GraphOptions { Timeout = TimeSpan.FromMilliseconds(50) }));
        var caller = new Caller("acme", "ada", CallerKind.Token, Scopes.All);
        var refused = await Should.ThrowAsync<ProblemException>(
            () => graph.RecallAsync(caller, new([$"a{_name}"], 2, Direction.Out, [], 100), TestContext.Current.CancellationToken));
        (refused.Status, refused.Code).ShouldBe((422, "recall_too_large"));
    }

    [Fact]
    public async Task Recall_OfMoreThanAnAnswerHolds_Is422()
    {
        var ids = Enumerable.Range(0, 150).Select(i => $"{i}{_name}").ToArray();
        foreach (var part in ids.Chunk(15))
            await MemoryFixture.OkAsync(memory.AppendAsync(new { records = part.Select(id => new { id, properties = new { text = new string('x', 60_000) } }) }));
        await MemoryFixture.OkAsync(memory.AppendAsync(new { edges = ids.Skip(1).Select(to => new { from = ids[0], to, type = "t" }) }));
        await (await memory.RecallAsync($"start={ids[0]}&limit=200")).ShouldBeProblem(HttpStatusCode.UnprocessableEntity, "recall_too_large");
        var fewer = await MemoryFixture.OkAsync(memory.RecallAsync($"start={ids[0]}&limit=20"));
        fewer.GetProperty("nodes").GetArrayLength().ShouldBe(20);
    }
}
