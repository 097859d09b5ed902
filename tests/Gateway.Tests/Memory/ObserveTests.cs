using System.Net;
using Lyceum.Gateway.Records.Observe;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.Tests.Support;
using Lyceum.Tests.Support.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.Gateway.Tests.Memory;

[Collection(MemoryCollection.Name)]
public sealed class ObserveTests(MemoryFixture memory)
{
    private readonly string _type = MemoryFixture.New("t")[..20];

    [Fact]
    public async Task Emit_RecordsEvents_AndKnowsThemById()
    {
        var id = MemoryFixture.New("id");
        var answer = await MemoryFixture.OkAsync(memory.EmitAsync(new
        {
            events = new object[]
            {
                new { type = _type, id, at = "2026-01-02T03:04:05+08:00", attributes = new { score = 1 } }, new { type = _type, id }, new { type = _type },
            },
        }));
        answer.ToString().ShouldBe("""{"recorded":2,"known":1}""");
        (await MemoryFixture.OkAsync(memory.EmitAsync(new { events = new[] { new { type = _type, id } } }))).ToString().ShouldBe("""{"recorded":0,"known":1}""");

        var listed = (await MemoryFixture.OkAsync(memory.SendAsync(HttpMethod.Get, $"/api/observe/events?type={_type}"))).GetProperty("events");
        listed.GetArrayLength().ShouldBe(2);
        var known = listed.EnumerateArray().Single(e => e.GetProperty("id").GetString() == id);
        known.GetProperty("at").GetDateTimeOffset().ShouldBe(new DateTimeOffset(2026, 1, 1, 19, 4, 5, TimeSpan.Zero));
        known.GetProperty("attributes").GetProperty("score").GetInt32().ShouldBe(1);
        known.GetProperty("subject").GetString().ShouldBe("acme-app");
    }

    [Fact]
    public async Task Emit_ByManyAtOnce_RecordsEachEventOnce_AndCountsIt()
    {
        var sent = Enumerable.Range(0, 100).Select(i => memory.EmitAsync(new
        {
            events = Enumerable.Range(0, 5).Select(k => new { type = _type, id = $"{_type}-{(i + k) % 100}" }), // each id five times
        }));
        var answers = await Task.WhenAll(sent.Select(MemoryFixture.OkAsync));
        answers.Sum(a => a.GetProperty("recorded").GetInt32()).ShouldBe(100);
        answers.Sum(a => a.GetProperty("known").GetInt32()).ShouldBe(400);

        var seen = 0;
        for (var cursor = ""; cursor is not null;)
        {
            var page = await MemoryFixture.OkAsync(memory.SendAsync(HttpMethod.Get, $"/api/observe/events?type={_type}&limit=30{cursor}"));
            seen += page.GetProperty("events").GetArrayLength();
            cursor = page.GetProperty("next_cursor").GetString() is { } next ? $"&cursor={next}" : null;
        }
        seen.ShouldBe(100);
    }

    [Fact]
    public async Task Events_AreCountedByType_ButNotByAnyNumberOfTypes()
    {
        foreach (var part in Enumerable.Range(0, 150).Chunk(50))
            await MemoryFixture.OkAsync(memory.EmitAsync(new { events = part.Select(i => new { type = $"type-{i}" }) }));
        using var response = await memory.SendAsync(HttpMethod.Get, "/metrics");
        var series = (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Split('\n')
            .Where(line => line.StartsWith("lyceum_gateway_observed_events_total{", StringComparison.Ordinal)).ToList();
        // Meters are the process's: other tests' events stand beside these.
        series.Count(line => line.Contains("type=\"type-", StringComparison.Ordinal)).ShouldBeInRange(90, 100);
        series.ShouldContain(line => line.Contains("type=\"other\""));
    }

    [Fact]
    public async Task Emit_ThatIsWrong_ReportsEveryFault()
    {
        var problem = await (await memory.EmitAsync(
            """{"events": [{"type": ""}, {"type": "a b", "at": "1970-01-01T00:00:00Z", "id": ""}, null, {"type": "t", "attributes": {"x": 1e999}}, {"type": "t", "at": "9999-01-01T00:00:00Z"}]}"""))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        problem.GetProperty("errors").EnumerateObject().Select(e => e.Name).ShouldBe(
            ["events[0].type", "events[1].at", "events[1].id", "events[1].type", "events[2].type", "events[3].attributes.x", "events[4].at"]);
        foreach (var body in (string[])["{}", """{"events": []}""", """{"events": "x"}"""])
            (await memory.EmitAsync(body)).StatusCode.ShouldBe(HttpStatusCode.BadRequest, body);
        await (await memory.EmitAsync(new { events = Enumerable.Range(0, 1001).Select(_ => new { type = "t" }) }))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
    }

    /// <summary>Requests share a commit: what the database refuses of one is that one's 400.</summary>
    [Theory]
    [InlineData("22021")]
    [InlineData("54000")]
    public async Task Emit_WhatTheDatabaseRefuses_IsThatRequests400(string sqlState)
    {
        async Task ExecuteAsync(string sql)
        {
            await using var command = memory.Database.CreateCommand(sql);
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }
        await ExecuteAsync(Refusal.Of("observed_events", "NEW.attributes::text LIKE '%refuse me%'", sqlState));
        try
        {
            var all = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => memory.EmitAsync(new
            {
                events = new[] { new { type = _type, attributes = new { note = i == 7 ? "refuse me" : "fine" } } },
            })));
            for (var i = 0; i < all.Length; i++)
                all[i].StatusCode.ShouldBe(i == 7 ? HttpStatusCode.BadRequest : HttpStatusCode.OK);
            await all[7].ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        }
        finally
        {
            await ExecuteAsync(Refusal.Lifted("observed_events"));
        }
    }

    [Fact]
    public async Task Emit_WhileMoreWaitsThanIsHeld_IsRefused()
    {
        var services = memory.Services;
        var options = Options.Create(new ObserveOptions { MaxPendingBytes = 500 });
        // Not started: nothing is taken from what waits.
        using var writer = new ObserveWriter(services.GetRequiredService<SystemDataSource>(), services.GetRequiredService<DatabaseReady>(),
            services.GetRequiredService<LoopProgress>(), services.GetRequiredService<ObserveMetrics>(), options,
            Options.Create(new ShareOptions { Token = 1 }), TimeProvider.System, NullLogger<ObserveWriter>.Instance);
        var caller = new Caller("acme", "ada", CallerKind.Token, Scopes.All);
        Task<int> RecordAsync() =>
            writer.RecordAsync(caller, [new(Guid.CreateVersion7(), null, _type, DateTimeOffset.UtcNow, "{}")], TestContext.Current.CancellationToken);

        var waiting = new[] { RecordAsync(), RecordAsync() };
        var refused = await Should.ThrowAsync<ProblemException>(RecordAsync);
        (refused.Status, refused.Code).ShouldBe((503, "overloaded"));
        refused.RetryAfter.ShouldNotBeNull();

        await writer.StartAsync(TestContext.Current.CancellationToken);
        (await Task.WhenAll(waiting)).Sum().ShouldBe(2);
        (await RecordAsync()).ShouldBe(1); // there is room again
        await writer.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Retention_DeletesWhatIsOld_InSmallStatements_AndNothingElse()
    {
        await MemoryFixture.OkAsync(memory.EmitAsync(new { events = new[] { new { type = _type } } }));
        await using (var insert = memory.Database.CreateCommand(
            """
            INSERT INTO observed_events (event_id, tenant, subject, type, at, received_at, attributes)
            SELECT id, 'acme', 'ada', $2, now(), now(), '{}' FROM unnest($1) id
            """))
        {
            insert.Parameters.Add(new() { Value = Enumerable.Range(0, 25).Select(_ => Guid.CreateVersion7(DateTimeOffset.UtcNow.AddDays(-31))).ToArray() });
            insert.Parameters.Add(new() { Value = _type });
            await insert.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        using var retention = new ObserveRetention(
            memory.Services.GetRequiredService<ObserveStore>(), memory.Services.GetRequiredService<DatabaseReady>(),
            Options.Create(new ObserveOptions { SweepBatch = 10 }), TimeProvider.System, NullLogger<ObserveRetention>.Instance);
        await retention.StartAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(async () =>
            (await MemoryFixture.OkAsync(memory.SendAsync(HttpMethod.Get, $"/api/observe/events?type={_type}"))).GetProperty("events").GetArrayLength() == 1,
            "only the new one is left");
        await retention.StopAsync(TestContext.Current.CancellationToken);
    }
}
