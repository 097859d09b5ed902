using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Data;
using Lyceum.Durability.Events;
using Lyceum.Durability.Postgres;
using Npgsql;

namespace Lyceum.Tests.ChatApi;

/// <summary>What changes in chatdb is told to its person, in the change's own transaction, whatever statement makes it.</summary>
public sealed class PersonEventTests(PostgresFixture postgres)
{
    [Fact]
    public async Task AnswersAndConversations_AreTold_OnceInOrder()
    {
        await using var machinery = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var asked = await machinery.RecordAsync(new Question(null, "Why?", false, null), machinery.Lease.OwnerId);
        await machinery.Rows.CloseAsync(
            asked.MessageId, machinery.Lease.OwnerId, 1, new AnswerEnd(AnswerStatus.Stopped, FinishReasons.Stopped), default);
        await machinery.WithStoreAsync(store => store.ChangeAsync(
            ChatMachinery.Caller, asked.ConversationId, new("Because", null, null, null), TestContext.Current.CancellationToken));
        await machinery.WithStoreAsync(store => store.DeleteAsync(
            ChatMachinery.Caller, asked.ConversationId, TestContext.Current.CancellationToken));

        var told = await ReadAsync(machinery, after: 0, count: 5);

        told.Select(one => (one.Id, one.Kind)).ShouldBe(
        [
            ("1", "conversation.created"), ("2", "answer.started"), ("3", "answer.ended"), ("4", "conversation.renamed"),
            ("5", "conversation.deleted"),
        ]);
        told[2].Data.GetProperty("message_id").GetGuid().ShouldBe(asked.MessageId);
        told[2].Data.GetProperty("status").GetString().ShouldBe("stopped");
        told[3].Data.GetProperty("title").GetString().ShouldBe("Because");
    }

    [Fact]
    public async Task WhatIsRolledBack_WasNeverTold()
    {
        await using var machinery = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        await using (var connection = await machinery.Database.OpenConnectionAsync(TestContext.Current.CancellationToken))
        await using (await connection.BeginTransactionAsync(TestContext.Current.CancellationToken))
        await using (var insert = new NpgsqlCommand(
            $"INSERT INTO conversations VALUES ('{Guid.CreateVersion7()}', 't', 'o', 'no', now(), now())", connection))
            await insert.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await machinery.ExecuteAsync(
            "INSERT INTO conversations VALUES ($1, 't', 'o', 'yes', now(), now())", Guid.CreateVersion7());

        var told = await ReadAsync(machinery, after: 0, count: 1);

        (told[0].Id, told[0].Data.GetProperty("title").GetString()).ShouldBe(("1", "yes"));
    }

    /// <summary>Statements that change things of many persons at once take their locks in one order.</summary>
    [Fact]
    public async Task ManyPersonsAtOnce_AreNumberedWithoutAGap_AndNobodyWaitsInACircle()
    {
        await using var machinery = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());

        await Task.WhenAll(Enumerable.Range(0, 8).Select(async writer =>
        {
            for (var i = 0; i < 20; i++)
            {
                await machinery.ExecuteAsync(
                    """
                    INSERT INTO conversations
                    SELECT gen_random_uuid(), 't', 'p' || n, '', now(), now() FROM generate_series(1, 20) n ORDER BY random()
                    """);
            }
        }));

        (await machinery.ScalarAsync(
            "SELECT count(*) FROM person_event_heads h WHERE number = 160 AND number = (SELECT count(*) FROM person_events e WHERE e.person = h.person)"))
            .ShouldBe(20L);
    }

    [Fact]
    public async Task ReaderWhoseEventsAreNotKept_IsToldToReadAnew()
    {
        await using var machinery = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        for (var i = 0; i < 3; i++)
            await machinery.ExecuteAsync("INSERT INTO conversations VALUES ($1, 't', 'o', '', now(), now())", Guid.CreateVersion7());
        await machinery.ExecuteAsync("DELETE FROM person_events WHERE number < 3");

        (await ReadAsync(machinery, after: 0, count: 2)).Select(one => (one.Id, one.Kind))
            .ShouldBe([("2", "reset"), ("3", "conversation.created")]);
        await machinery.ExecuteAsync("DELETE FROM person_events");
        (await ReadAsync(machinery, after: 1, count: 1)).Select(one => (one.Id, one.Kind)).ShouldBe([("3", "reset")]);
        (await ReadAsync(machinery, after: 99, count: 0)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Sweep_KeepsTheLastOfAPerson_AndTheLastWeek()
    {
        await using var machinery = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        await machinery.ExecuteAsync(
            $"""
            INSERT INTO person_events SELECT 't', 'many', n, 'k', '{"{}"}', now() FROM generate_series(1, {PersonEventRetention.MaxOfPerson + 2500}) n;
            """);
        await machinery.ExecuteAsync($"INSERT INTO person_event_heads VALUES ('t', 'many', {PersonEventRetention.MaxOfPerson + 2500})");
        await machinery.ExecuteAsync(
            "INSERT INTO person_events VALUES ('t', 'old', 1, 'k', '{}', now() - interval '8 days'), ('t', 'old', 2, 'k', '{}', now())");

        await machinery.Retention.SweepAsync(TestContext.Current.CancellationToken);

        (await machinery.ScalarAsync("SELECT count(*) FROM person_events WHERE person = 'many'")).ShouldBe((long)PersonEventRetention.MaxOfPerson);
        (await machinery.ScalarAsync("SELECT min(number) FROM person_events WHERE person = 'old'")).ShouldBe(2L);
    }

    private static async Task<List<(string? Id, string Kind, JsonElement Data)>> ReadAsync(
        ChatMachinery machinery, long after, int count)
    {
        var told = new List<(string?, string, JsonElement)>();
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var isFirst = true;
        await foreach (var item in machinery.Events.FollowAsync("t", "o", after, bound.Token))
        {
            if (!isFirst)
                told.Add((item.EventId, item.EventType, JsonElement.Parse(item.Data)));
            else
                item.EventType.ShouldBeOneOf("cursor", "reset");
            isFirst = false;
            if (told.Count == count)
                break;
        }
        return told;
    }
}
