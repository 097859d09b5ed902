using Lyceum.Contracts;
using Lyceum.SessionApi.Transcripts;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>What engines report is stored once, in order, whatever comes twice, late, or never.</summary>
public sealed class TranscriptTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    // Today: the sweep ends sessions whose engine says nothing of them for a day.
    private static readonly DateTimeOffset At = new(DateTime.UtcNow.Date, TimeSpan.Zero);

    /// <summary>Three turns: one complete, one broken off within its second piece, one whose end never came.</summary>
    private static readonly SessionTurnRecord[] Records =
    [
        new(1, 1, "user", At, "什么是光合作用？"),
        new(2, 1, "delta", At, "植物用光"),
        new(3, 1, "delta", At, "造糖。🌱"),
        new(4, 1, "end", At, Status: "complete", FinishReason: "stop", Length: 25, Citations: """[{"number":1,"id":"a#0","title":"光","source":"b.md"}]"""),
        new(5, 2, "user", At, "And\0at night?"),
        new(6, 2, "delta", At, "They "),
        new(7, 2, "delta", At, "breathe"),
        new(8, 2, "end", At, Status: "interrupted", FinishReason: "barge_in", Length: 8),
        new(9, 3, "user", At, "Why?"),
        new(10, 3, "delta", At, "Because"),
        new(11, 3, "delta", At, FinishReason: "stop", Citations: """[{"number":2,"id":"c#0","title":"why","source":"w.md"}]"""), // spoken, and not played yet
    ];

    [Fact]
    public async Task Records_InAnyCut_DoubledAndOutOfOrder_AreStoredOnceInOrder()
    {
        var sessions = await fixture.StartedAsync();
        var recorder = sessions.Services.GetRequiredService<TranscriptRecorder>();
        // Every way to cut ten records into three messages, each message sent twice, the second before the first.
        for (var first = 1; first < Records.Length - 1; first++)
        {
            for (var second = first + 1; second < Records.Length; second++)
            {
                var id = $"gpu-engine.{Guid.CreateVersion7()}";
                SessionTurns Message(Range range) => new(id, "acme", "ada", Records[range]);
                (await RecordAsync(recorder, Message(0..1))).ShouldBe([1]);
                if (first > 1)
                    (await RecordAsync(recorder, Message(first..second))).ShouldBe([1]); // a gap: not stored
                foreach (var range in (Range[])[0..first, 0..first, first..second, second..Records.Length, first..second, second..Records.Length])
                    await RecordAsync(recorder, Message(range));

                var token = fixture.Identity.Token(tenant: "acme", scope: "sessions");
                var read = await (await sessions.SendAsync(HttpMethod.Get, $"/api/sessions/{id}", token: token)).JsonAsync();
                read.GetProperty("status").GetString().ShouldBe("active");
                var turns = read.GetProperty("turns");
                turns.EnumerateArray().Select(turn => turn.GetProperty("answer").GetString()).ShouldBe(["植物用光造糖。🌱", "They bre", "Because"]);
                turns.EnumerateArray().Select(turn => turn.GetProperty("status").GetString()).ShouldBe(["complete", "interrupted", null]);
                turns[0].GetProperty("question").GetString().ShouldBe("什么是光合作用？");
                turns[0].GetProperty("citations")[0].GetProperty("source").GetString().ShouldBe("b.md");
                turns[2].GetProperty("citations")[0].GetProperty("source").GetString().ShouldBe("w.md");
                turns[1].GetProperty("question").GetString().ShouldBe("And\u001Aat night?"); // what Postgres cannot store is marked
            }
        }
        await using var pieces = sessions.Database.CreateCommand(
            "SELECT count(*) FROM session_deltas d JOIN session_turns t USING (session_number, turn) WHERE t.status IS NOT NULL");
        (await pieces.ExecuteScalarAsync(TestContext.Current.CancellationToken)).ShouldBe(0L); // gone with their turns' ends
    }

    [Fact]
    public async Task Reasoning_IsKeptBesideTheAnswer_OnceAndApart()
    {
        var sessions = await fixture.StartedAsync();
        var recorder = sessions.Services.GetRequiredService<TranscriptRecorder>();
        SessionTurnRecord[] records =
        [
            new(1, 1, "user", At, "Why?"), new(2, 1, "thinking", At, "Let me "), new(3, 1, "thinking", At, "see\0"),
            new(4, 1, "delta", At, "Be"), new(5, 1, "thinking", At, "!"), new(6, 1, "delta", At, "cause"),
            new(7, 1, "end", At, Status: "complete", FinishReason: "stop", Length: 7),
        ];
        for (var cut = 1; cut < records.Length; cut++)
        {
            var id = $"gpu-engine.{Guid.CreateVersion7()}";
            foreach (var range in (Range[])[0..cut, 0..cut, cut.., cut..])
                await RecordAsync(recorder, new SessionTurns(id, "acme", "ada", records[range]));

            var token = fixture.Identity.Token(tenant: "acme", scope: "sessions");
            var read = await (await sessions.SendAsync(HttpMethod.Get, $"/api/sessions/{id}", token: token)).JsonAsync();
            var turn = read.GetProperty("turns")[0];
            turn.GetProperty("answer").GetString().ShouldBe("Because");
            turn.GetProperty("thinking").GetString()!.Replace('\u001A', '\uFFFD').ShouldBe("Let me see\uFFFD!");
        }
    }

    /// <summary>An engine that was not told of the first pieces sends them again, together with the next ones.</summary>
    [Fact]
    public async Task Pieces_InOneRecord_StoredInPart_AreStoredOnceEach()
    {
        var sessions = await fixture.StartedAsync();
        var recorder = sessions.Services.GetRequiredService<TranscriptRecorder>();
        string[] pieces = ["植物", "用", "光", "造", "糖", "。🌱"];
        for (var stored = 0; stored <= pieces.Length; stored++)
        {
            var id = $"gpu-engine.{Guid.CreateVersion7()}";
            SessionTurns Message(params SessionTurnRecord[] records) => new(id, "acme", "ada", records);
            var all = new SessionTurnRecord(2, 1, "delta", At, pieces[0], Then: pieces[1..]);
            await RecordAsync(recorder, Message(new SessionTurnRecord(1, 1, "user", At, "什么是光合作用？")));
            if (stored > 0)
                (await RecordAsync(recorder, Message(all with { Then = pieces[1..stored] }))).ShouldBe([1 + stored]);
            (await RecordAsync(recorder, Message(all with { Seq = 9 }))).ShouldBe([1 + stored]); // a gap
            (await RecordAsync(recorder, Message(all, new(8, 1, "delta", At, "!", Then: ["?"]), new(10, 1, "end", At, Status: "complete", FinishReason: "stop"))))
                .ShouldBe([10]);

            var token = fixture.Identity.Token(tenant: "acme", scope: "sessions");
            var read = await (await sessions.SendAsync(HttpMethod.Get, $"/api/sessions/{id}", token: token)).JsonAsync();
            read.GetProperty("turns")[0].GetProperty("answer").GetString().ShouldBe("植物用光造糖。🌱!?");
        }
    }

    [Fact]
    public async Task Closed_EndsTheSession_AndADeletedOneStoresNothing()
    {
        var sessions = await fixture.StartedAsync();
        var recorder = sessions.Services.GetRequiredService<TranscriptRecorder>();
        var token = fixture.Identity.Token(tenant: "acme", scope: "sessions");
        var id = $"gpu-engine.{Guid.CreateVersion7()}";
        await RecordAsync(recorder, new SessionTurns(id, "acme", "ada", [.. Records, new(12, 3, "closed", At, FinishReason: "idle_timeout")]));

        var read = await (await sessions.SendAsync(HttpMethod.Get, $"/api/sessions/{id}", token: token)).JsonAsync();
        (read.GetProperty("status").GetString(), read.GetProperty("reason").GetString()).ShouldBe(("ended", "idle_timeout"));
        (await (await sessions.SendAsync(HttpMethod.Delete, $"/api/sessions/{id}", token: token)).JsonAsync()).GetProperty("status").GetString().ShouldBe("deleted");
        await (await sessions.SendAsync(HttpMethod.Get, $"/api/sessions/{id}", token: token)).ShouldBeProblem(System.Net.HttpStatusCode.NotFound, "session_not_found");

        // What the engine had on the way is acknowledged, so that it forgets it, and not kept.
        (await RecordAsync(recorder, new SessionTurns(id, "acme", "ada", [new(13, 4, "user", At, "late")]))).ShouldBe([13]);
        await using var left = sessions.Database.CreateCommand($"SELECT count(*) FROM session_turns t JOIN sessions s ON s.number = t.session_number WHERE s.id = '{id}'");
        (await left.ExecuteScalarAsync(TestContext.Current.CancellationToken)).ShouldBe(0L);
    }

    /// <summary>One message of many sessions, some of which are new, one behind a gap, one known: each gets its own answer.</summary>
    [Fact]
    public async Task Sessions_OfOneMessage_AreStoredEachForItself()
    {
        var sessions = await fixture.StartedAsync();
        var recorder = sessions.Services.GetRequiredService<TranscriptRecorder>();
        string[] ids = [.. Enumerable.Range(0, 5).Select(_ => $"gpu-engine.{Guid.CreateVersion7()}")];
        (await RecordAsync(recorder, Of(1, ..2), Of(2, ..2), Of(3, ..8))).ShouldBe([2, 2, 8]);
        (await RecordAsync(recorder, Of(4, ..4), Of(3, ..8), Of(2, 4..8), Of(1, 1..11), Of(0, 4..8))).ShouldBe([4, 8, 2, 11, 8]);

        var token = fixture.Identity.Token(tenant: "acme", scope: "sessions");
        string[][] expected = [["They bre"], ["植物用光造糖。🌱", "They bre", "Because"], ["植物用光"], ["植物用光造糖。🌱", "They bre"], ["植物用光造糖。🌱"]];
        foreach (var (id, answers) in ids.Zip(expected))
        {
            var read = await (await sessions.SendAsync(HttpMethod.Get, $"/api/sessions/{id}", token: token)).JsonAsync();
            read.GetProperty("turns").EnumerateArray().Select(turn => turn.GetProperty("answer").GetString()).ShouldBe(answers);
        }

        SessionTurns Of(int session, Range range) => new(ids[session], "acme", "ada", Records[range]);
    }

    /// <summary>Two replicas with the same sessions in their hands, in other orders, over and over: none waits for the other in a circle.</summary>
    [Fact]
    public async Task Messages_OfTheSameSessions_AtOnce_AllGoThrough()
    {
        var sessions = await fixture.StartedAsync();
        var recorder = sessions.Services.GetRequiredService<TranscriptRecorder>();
        for (var round = 0; round < 5; round++)
        {
            string[] ids = [.. Enumerable.Range(0, 20).Select(_ => $"gpu-engine.{Guid.CreateVersion7()}")];
            var through = await Task.WhenAll(Enumerable.Range(0, 6).Select(number =>
                RecordAsync(recorder, [.. (number % 2 == 0 ? ids : ids.Reverse()).Select(id => new SessionTurns(id, "acme", "ada", Records))])));
            through.ShouldAllBe(one => one.All(seq => seq == Records.Length));
        }
    }

    private static async Task<IEnumerable<long>> RecordAsync(TranscriptRecorder recorder, params SessionTurns[] sessions) =>
        (await recorder.RecordAsync(sessions, TestContext.Current.CancellationToken)).Select(recorded => recorded.ThroughSeq);
}
