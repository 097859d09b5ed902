using System.Net;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Memory;

/// <summary>Two tenants, every route of repo, graph and observe: neither sees, reaches or hinders what is the other's.</summary>
[Collection(MemoryCollection.Name)]
public sealed class TenantTests(MemoryFixture memory)
{
    [Fact]
    public async Task Tenants_NeitherSeeNorReachEachOther()
    {
        var (a, b, type) = (MemoryFixture.New("a"), MemoryFixture.New("b"), MemoryFixture.New("t")[..20]);
        await MemoryFixture.OkAsync(memory.AppendAsync(new { records = new[] { new { id = a }, new { id = b } }, edges = new[] { new { from = a, to = b, type = "t" } } }));
        await MemoryFixture.OkAsync(memory.EmitAsync(new { events = new[] { new { type, id = a } } }));

        // Not seen, not started from.
        await (await memory.RecallAsync($"start={a}", "globex")).ShouldBeProblem(HttpStatusCode.NotFound, "record_not_found");
        (await MemoryFixture.OkAsync(memory.SendAsync(HttpMethod.Get, $"/api/observe/events?type={type}", tenant: "globex")))
            .GetProperty("events").GetArrayLength().ShouldBe(0);
        // Not reached by an edge.
        var problem = await (await memory.AppendAsync(new { edges = new[] { new { from = a, to = b, type = "t" } } }, "globex"))
            .ShouldBeProblem(HttpStatusCode.Conflict, "append_conflict");
        problem.GetProperty("missing").GetArrayLength().ShouldBe(2);
        // No hindrance: the same ids with other content are another tenant's own.
        var own = await MemoryFixture.OkAsync(memory.AppendAsync(new { records = new[] { new { id = a, type = "mine" } } }, "globex"));
        own.GetProperty("created").GetProperty("records").GetInt32().ShouldBe(1);
        (await MemoryFixture.OkAsync(memory.EmitAsync(new { events = new[] { new { type, id = a } } }, "globex"))).GetProperty("recorded").GetInt32().ShouldBe(1);

        // The walk of each stays its own, though the ids are the same.
        (await MemoryFixture.OkAsync(memory.RecallAsync($"start={a}&depth=6&direction=both", "globex"))).GetProperty("nodes").GetArrayLength().ShouldBe(1);
        var mine = await MemoryFixture.OkAsync(memory.RecallAsync($"start={a}&depth=6&direction=both"));
        mine.GetProperty("nodes").GetArrayLength().ShouldBe(2);
        mine.GetProperty("nodes")[0].GetProperty("type").GetString().ShouldBe("record");
    }
}
