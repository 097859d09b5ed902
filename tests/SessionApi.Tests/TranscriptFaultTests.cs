using Lyceum.Contracts;
using Lyceum.SessionApi.Transcripts;
using Lyceum.Tests.Support;
using Lyceum.Tests.Support.Postgres;
using Lyceum.Text;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>A record that the database refuses is put aside; what it cannot take now is sent again by the engine.</summary>
public sealed class TranscriptFaultTests(PostgresFixture postgres)
{
    private static readonly DateTimeOffset At = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("22021")]
    [InlineData("22P05")]
    [InlineData("23514")]
    [InlineData("54000")]
    public async Task Record_RefusedForItsData_IsPutAside_AndTheOthersAreStored(string sqlState)
    {
        using var identity = new IdentityFolder("gateway", "session-api");
        await using var sessions = await TestSessions.StartAsync(identity, await postgres.CreateDatabaseAsync());
        var recorder = sessions.Services.GetRequiredService<TranscriptRecorder>();
        await ExecuteAsync(sessions, Refusal.Of("session_turns", "NEW.question LIKE '%marked%' OR NEW.finish_reason = 'marked'", sqlState));

        var all = Enumerable.Range(0, 7)
            .Select(i => Of($"gpu-engine.{i}", i == 3 ? "marked" : "what?", i == 5 ? "marked" : "stop")).ToArray();
        for (var twice = 0; twice < 2; twice++)
        {
            (await recorder.RecordAsync(all, TestContext.Current.CancellationToken))
                .ShouldBe(all.Select(session => new RecordedSession(session.SessionId, 7)));
        }

        (await ScalarAsync(sessions, "SELECT count(*) FROM session_turns WHERE status = 'complete'")).ShouldBe(2L * 7 - 2);
        (await ScalarAsync(sessions,
            """
            SELECT string_agg(s.id || ' ' || r.seq || ' ' || r.reason, ', ' ORDER BY s.id)
            FROM session_rejected_records r JOIN sessions s ON s.number = r.session_number
            """))
            .ShouldBe($"gpu-engine.3 1 {sqlState}, gpu-engine.5 4 {sqlState}");
        ((string)(await ScalarAsync(
            sessions, "SELECT convert_from(record, 'UTF8') FROM session_rejected_records WHERE seq = 1"))!).ShouldContain("marked");
        sessions.Log.Lines.ShouldContain(line => line.Message.Contains("put aside") && !line.Message.Contains("what?"));
    }

    /// <summary>Nothing of it can be kept; the engine's other sessions are not to wait for it.</summary>
    [Fact]
    public async Task Session_RefusedForItsData_HoldsUpNoOther()
    {
        using var identity = new IdentityFolder("gateway", "session-api");
        await using var sessions = await TestSessions.StartAsync(identity, await postgres.CreateDatabaseAsync());
        var recorder = sessions.Services.GetRequiredService<TranscriptRecorder>();
        await ExecuteAsync(sessions, Refusal.Of("sessions", "NEW.id = 'gpu-engine.1'", "54000"));

        var all = Enumerable.Range(0, 3).Select(i => Of($"gpu-engine.{i}", "what?", "stop")).ToArray();
        for (var twice = 0; twice < 2; twice++)
        {
            (await recorder.RecordAsync(all, TestContext.Current.CancellationToken))
                .ShouldBe(all.Select(session => new RecordedSession(session.SessionId, 7)));
        }
        (await ScalarAsync(sessions, "SELECT count(*) FROM session_turns WHERE status = 'complete'")).ShouldBe(4L);
    }

    [Theory]
    [InlineData("42P01")]
    [InlineData("57P03")]
    [InlineData("XX000")]
    public async Task Message_RefusedForAnotherReason_IsKeptByTheEngine(string sqlState)
    {
        using var identity = new IdentityFolder("gateway", "session-api");
        await using var sessions = await TestSessions.StartAsync(identity, await postgres.CreateDatabaseAsync());
        var recorder = sessions.Services.GetRequiredService<TranscriptRecorder>();
        await ExecuteAsync(sessions, Refusal.Of("session_turns", "NEW.question LIKE '%marked%'", sqlState));

        var message = new[] { Of("gpu-engine.1", "marked", "stop") };
        await Should.ThrowAsync<PostgresException>(() => recorder.RecordAsync(message, TestContext.Current.CancellationToken));
        (await ScalarAsync(sessions, "SELECT count(*) FROM session_rejected_records")).ShouldBe(0L);
        await ExecuteAsync(sessions, Refusal.Lifted("session_turns"));
        (await recorder.RecordAsync(message, TestContext.Current.CancellationToken)).ShouldBe([new RecordedSession("gpu-engine.1", 7)]);
        (await ScalarAsync(sessions, "SELECT count(*) FROM session_turns WHERE status = 'complete'")).ShouldBe(2L);
    }

    [Fact]
    public Task Records_WithAnyText_AreStoredAsWhatTheTextIsMadeOf() => FuzzAsync(400);

    [Fact]
    [Trait("Category", "Long")]
    public Task Records_WithAnyText_AreStoredAsWhatTheTextIsMadeOf_Often() => FuzzAsync(40_000);

    private async Task FuzzAsync(int count)
    {
        using var identity = new IdentityFolder("gateway", "session-api");
        await using var sessions = await TestSessions.StartAsync(identity, await postgres.CreateDatabaseAsync());
        var recorder = sessions.Services.GetRequiredService<TranscriptRecorder>();
        var nasty = new NastyText(20260301);
        for (var done = 0; done < count; done += 100)
        {
            var batch = Enumerable.Range(done, 100).Select(i => new SessionTurns($"fuzz.{i:D6}", nasty.Text(), nasty.Text(),
            [
                new(1, 1, "user", At, nasty.Text()),
                new(2, 1, "delta", At, nasty.Text(), Then: [nasty.Text(), nasty.Text()]),
                new(5, 1, "end", At, Status: nasty.Text(40), FinishReason: nasty.Text(40), Citations: $"[{nasty.Json()}]"),
                new(6, 1, "closed", At, FinishReason: nasty.Text()),
            ])).ToList();
            (await recorder.RecordAsync(batch, TestContext.Current.CancellationToken)).ShouldAllBe(recorded => recorded.ThroughSeq == 6);

            await using var read = sessions.Database.CreateCommand(
                """
                SELECT t.question, t.answer, t.status, t.finish_reason, s.reason, s.tenant, s.owner
                FROM sessions s JOIN session_turns t ON t.session_number = s.number WHERE s.id = ANY ($1) ORDER BY s.id
                """);
            read.Parameters.Add(new() { Value = batch.Select(session => session.SessionId).ToArray() });
            await using var reader = await read.ExecuteReaderAsync(TestContext.Current.CancellationToken);
            foreach (var session in batch)
            {
                (await reader.ReadAsync(TestContext.Current.CancellationToken)).ShouldBeTrue();
                var records = session.Records;
                var said = string.Concat(records[1].Then!.Prepend(records[1].Text));
                string[] expected =
                [
                    StorableText.Of(records[0].Text, '\u001A'), StorableText.Of(said, '\u001A'), StorableText.Of(records[2].Status!),
                    StorableText.Of(records[2].FinishReason!), StorableText.Of(records[3].FinishReason!), StorableText.Of(session.Tenant),
                    StorableText.Of(session.Owner),
                ];
                for (var i = 0; i < expected.Length; i++)
                    reader.GetString(i).ShouldBe(expected[i]);
            }
        }
        (await ScalarAsync(sessions, "SELECT count(*) FROM session_rejected_records")).ShouldBe(0L);
    }

    private static SessionTurns Of(string id, string question, string finish) => new(id, "acme", "ada",
    [
        new(1, 1, "user", At, question), new(2, 1, "delta", At, "so "), new(3, 1, "delta", At, "it is"),
        new(4, 1, "end", At, Status: "complete", FinishReason: finish),
        new(5, 2, "user", At, "and?"), new(6, 2, "delta", At, "yes"), new(7, 2, "end", At, Status: "complete", FinishReason: "stop"),
    ]);

    private static async Task<object?> ScalarAsync(TestSessions sessions, string sql)
    {
        await using var command = sessions.Database.CreateCommand(sql);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }

    private static Task<object?> ExecuteAsync(TestSessions sessions, string sql) => ScalarAsync(sessions, sql);
}
