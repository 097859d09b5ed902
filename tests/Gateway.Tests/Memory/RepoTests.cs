using System.Net;
using System.Text.Json;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Memory;

[Collection(MemoryCollection.Name)]
public sealed class RepoTests(MemoryFixture memory)
{
    [Fact]
    public async Task Append_SentAgain_IsAnsweredWithTheSame()
    {
        var (lesson, concept) = (MemoryFixture.New("lesson"), MemoryFixture.New("概念"));
        object body = new
        {
            records = new object[] { new { id = lesson, type = "lesson", properties = new { title = "Recursion", hours = 1.5, tags = new[] { "a", "b" } } }, new { id = concept } },
            edges = new[] { new { from = lesson, to = concept, type = "teaches", properties = new { weight = 1 } } },
        };
        var first = await MemoryFixture.OkAsync(memory.AppendAsync(body));
        first.GetProperty("created").ToString().ShouldBe("""{"records":2,"edges":1}""");
        first.GetProperty("records").EnumerateArray().Select(r => r.GetProperty("id").GetString()).ShouldBe([lesson, concept]);

        var again = await MemoryFixture.OkAsync(memory.AppendAsync(body));
        again.GetProperty("created").ToString().ShouldBe("""{"records":0,"edges":0}""");
        again.GetProperty("known").ToString().ShouldBe("""{"records":2,"edges":1}""");
        again.GetProperty("records").ToString().ShouldBe(first.GetProperty("records").ToString());
        again.GetProperty("edges").ToString().ShouldBe(first.GetProperty("edges").ToString());

        // The members in another order, written otherwise: the same to JSON.
        var reordered = await MemoryFixture.OkAsync(memory.AppendAsync(
            $$"""{"records":[{"properties":{"tags":["a","b"], "hours":1.50,"title":"Recurs\u0069on"},"type":"lesson","id":"{{lesson}}"}]}"""));
        reordered.GetProperty("known").ToString().ShouldBe("""{"records":1,"edges":0}""");
    }

    [Fact]
    public async Task Append_ThatMeetsOtherContentOrNothing_NamesAllOfIt_AndRecordsNothing()
    {
        var (kept, fresh, gone) = (MemoryFixture.New("kept"), MemoryFixture.New("fresh"), MemoryFixture.New("gone"));
        await MemoryFixture.OkAsync(memory.AppendAsync(new
        {
            records = new[] { new { id = kept, properties = new { v = 1 } } },
            edges = new[] { new { from = kept, to = kept, type = "is", properties = new { v = 1 } } },
        }));
        var problem = await (await memory.AppendAsync(new
        {
            records = new[] { new { id = kept, properties = new { v = 2 } }, new { id = fresh, properties = new { v = 1 } } },
            edges = new object[]
            {
                new { from = kept, to = kept, type = "is" }, new { from = fresh, to = gone, type = "is" }, new { from = kept, to = fresh, type = "is" },
            },
        })).ShouldBeProblem(HttpStatusCode.Conflict, "append_conflict");
        Texts(problem, "records").ShouldBe([kept]);
        problem.GetProperty("edges").EnumerateArray().Single().GetProperty("from").GetString().ShouldBe(kept);
        Texts(problem, "missing").ShouldBe([gone]);

        await (await memory.RecallAsync($"start={fresh}")).ShouldBeProblem(HttpStatusCode.NotFound, "record_not_found");
        var recalled = await MemoryFixture.OkAsync(memory.RecallAsync($"start={kept}"));
        recalled.GetProperty("nodes")[0].GetProperty("properties").ToString().ShouldBe("""{"v":1}""");
        recalled.GetProperty("edges").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task Append_ThatIsWrong_ReportsEveryFaultWithItsPath()
    {
        var problem = await (await memory.AppendAsync(
            """
            {"records": [{"id": ""}, null, {"id": "a", "type": "", "properties": []}, {"id": "a", "properties": {"x": {"y": [1, "\u0000"]}}}],
             "edges": [{"from": "a", "type": "t\n"}, {"from": "a", "to": "b", "type": "t", "properties": {"n": 1e999}}, {"from": "a", "to": "b", "type": "t"}]}
            """)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        problem.GetProperty("errors").EnumerateObject().Select(e => e.Name).ShouldBe(
        [
            "edges[0].to", "edges[0].type", "edges[1].properties.n", "edges[2]", "records[0].id", "records[1].id",
            "records[2].properties", "records[2].type", "records[3].id", "records[3].properties.x.y[1]",
        ], ignoreOrder: true);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"records": []}""")]
    [InlineData("""{"records": 5}""")]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("""{"records": [{"id": "\ud800"}]}""")]
    [InlineData("""{"records": [{"id": "a", "properties": {"\ud800": 1}}]}""")]
    [InlineData("""{"records": [{"id": "a", "properties": {"a\u0000": 1}}]}""")]
    [InlineData("""{"records": [{"id": "a", "properties": {"x": "\udc00"}}]}""")]
    [InlineData("""{"records": [{"id": "a", "properties": {"x": 1e-400}}]}""")]
    [InlineData("""{"records": [{"id": "a", "properties": {"x": 0e99999999999}}]}""")]
    [InlineData("""{"records": [{"id": "a", "properties": {"x": 0.00000000000000000000000000000000000000000000000000000000000000000000001}}]}""")]
    public async Task Append_OfWhatCannotBeStored_Is400(string body)
    {
        using var response = await memory.AppendAsync(body);
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Append_AtItsBounds()
    {
        using var full = await memory.AppendAsync(new { records = Enumerable.Range(0, 1000).Select(i => new { id = $"{i}-{Guid.NewGuid()}" }) });
        full.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var tooMany = await memory.AppendAsync(new { records = Enumerable.Range(0, 1001).Select(i => new { id = $"{i}" }) });
        await tooMany.ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        using var tooLarge = await memory.AppendAsync($$$"""{"records": [{"id": "a", "properties": {"x": "{{{new string('x', 1024 * 1024)}}}"}}]}""");
        await tooLarge.ShouldBeProblem(HttpStatusCode.RequestEntityTooLarge, "payload_too_large");

        static string Nested(int levels) => string.Concat(Enumerable.Repeat("{\"a\":", levels - 1)) + "{}" + new string('}', levels - 1);
        await MemoryFixture.OkAsync(memory.AppendAsync($$"""{"records": [{"id": "{{MemoryFixture.New("deep")}}", "properties": {{Nested(32)}}}]}"""));
        using var tooDeep = await memory.AppendAsync($$"""{"records": [{"id": "deeper", "properties": {{Nested(33)}}}]}""");
        await tooDeep.ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        foreach (var number in (string[])["1e308", "-1e-308", "123456789012345678901234567890", "4.5"])
            await MemoryFixture.OkAsync(memory.AppendAsync($$$"""{"records": [{"id": "{{{MemoryFixture.New("number")}}}", "properties": {"n": {{{number}}}}}]}"""));
    }

    [Fact]
    public async Task Appends_ThatOverlap_EachRecordIsCreatedOnce()
    {
        var ids = Enumerable.Range(0, 40).Select(i => MemoryFixture.New($"{i}")).ToArray();
        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(seed =>
        {
            var mine = ids.ToArray();
            new Random(seed).Shuffle(mine);
            return MemoryFixture.OkAsync(memory.AppendAsync(new
            {
                records = mine.Select(id => new { id }), edges = mine.Zip(mine.Order(StringComparer.Ordinal).Reverse(), (id, to) => new { from = id, to, type = "t" }),
            }));
        }));
        results.Sum(result => result.GetProperty("created").GetProperty("records").GetInt32()).ShouldBe(ids.Length);
        results.ShouldAllBe(result => result.GetProperty("records").GetArrayLength() == ids.Length);
        // Whoever created it, everybody was told the same of it.
        results.SelectMany(result => result.GetProperty("records").EnumerateArray())
            .Select(record => (record.GetProperty("id").GetString(), record.GetProperty("seq").GetInt64())).Distinct().Count().ShouldBe(ids.Length);
    }

    private static IEnumerable<string?> Texts(JsonElement problem, string member) =>
        problem.GetProperty(member).EnumerateArray().Select(item => item.GetString());
}
