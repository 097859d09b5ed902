using System.Text.Json;
using Lyceum.Durability.Events;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Practice;
using Lyceum.Tests.RoadmapWorker.Tests.Practice;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.RoadmapWorker.Tests;

public sealed class PersonEventTests(PostgresFixture postgres)
{
    [Fact]
    public async Task EveryStatusOfATask_IsTold_InOrder_ToItsPersonAlone()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        var task = await worker.OrderAsync();
        await worker.UntilAsync(task, JobStatus.Completed);

        var told = new List<string>();
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await foreach (var item in worker.Services.GetRequiredService<PersonEventReader>().FollowAsync("dev", "ada", 0, bound.Token))
        {
            if (item.EventType != "job.changed")
                continue;
            var data = JsonElement.Parse(item.Data);
            data.GetProperty("task_id").GetGuid().ShouldBe(task);
            told.Add($"{item.EventId} {data.GetProperty("status").GetString()} {data.GetProperty("stage").GetString()}");
            if (data.GetProperty("status").GetString() == JobStatus.Completed)
                break;
        }

        told.ShouldBe(["1 queued a", "2 running a", "3 running b", "4 running c", $"5 completed {await worker.ScalarAsync("SELECT stage FROM jobs")}"]);
        (await worker.ScalarAsync("SELECT count(*) FROM person_event_heads")).ShouldBe(1L);
    }

    [Fact]
    public async Task WhatBecomesDue_IsToldOncePerPersonAndMoment_WhoeverSweeps()
    {
        await using var school = await School.StartAsync(postgres);
        var database = school.Worker.Services.GetRequiredService<Npgsql.NpgsqlDataSource>();
        var set = await school.SetAsync(new { kind = "kb", kb_id = "bows", topic = "the bow" });
        Guid[] items = [.. set.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetGuid())];
        items.Length.ShouldBe(2);
        await SweepAsync();
        (await ToldAsync()).ShouldBeEmpty(); // what is new is no news
        foreach (var item in items)
            (await school.AnswerAsync(item, new { answer = "thumb" })).Json.GetProperty("counted").GetBoolean().ShouldBeTrue();
        await SweepAsync();
        (await ToldAsync()).ShouldBeEmpty();

        await school.LetDaysGoByAsync("ada", 5);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => SweepAsync()));
        (await ToldAsync()).ShouldBe([2]);

        // Its next due moment is another; a row that is being written is told of afterwards, and keeps nobody waiting.
        await school.AnswerAsync(items[0], new { answer = "thumb" });
        await school.LetDaysGoByAsync("ada", 100);
        await using (var connection = await database.OpenConnectionAsync(TestContext.Current.CancellationToken))
        {
            await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
            await using var hold = new Npgsql.NpgsqlCommand("SELECT 1 FROM practice_cards FOR UPDATE", connection, transaction);
            await hold.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            await SweepAsync();
        }
        await SweepAsync();
        (await ToldAsync()).Sum().ShouldBe(4); // and the other one's, whose time was moved by the test

        // What was superseded is asked no more, and its successor is.
        await school.Worker.ScalarAsync("UPDATE practice_cards SET told_due = NULL");
        await school.Worker.ScalarAsync("UPDATE practice_items SET superseded_by = id");
        await SweepAsync();
        (await ToldAsync()).Sum().ShouldBe(4);
        (await school.Worker.ScalarAsync("SELECT count(*) FROM practice_cards WHERE told_due = due")).ShouldBe(2L);

        Task SweepAsync() => school.Worker.Services.GetRequiredService<DueSweep>().SweepAsync(TestContext.Current.CancellationToken);

        async Task<List<int>> ToldAsync()
        {
            await using var command = database.CreateCommand(
                "SELECT (data ->> 'items')::int FROM person_events WHERE kind = 'practice.due' AND tenant = 'dev' AND person = 'ada' ORDER BY number");
            await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
            var told = new List<int>();
            while (await reader.ReadAsync(TestContext.Current.CancellationToken))
                told.Add(reader.GetInt32(0));
            return told;
        }
    }
}
