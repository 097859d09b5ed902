using Lyceum.Contracts;
using Lyceum.SessionApi.Transcripts;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>What engines report is stored once, in order, whatever comes twice, late, or never.</summary>
public sealed class TranscriptTests(SessionsFixture fixture) : IClassFixture<SessionsFixture>
{
    private static readonly DateTimeOffset At = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

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
                RecordSessionTurns Message(Range range) => new(id, "acme", "ada", Records[range]);
                (await recorder.RecordAsync(Message(0..1), TestContext.Current.CancellationToken)).ShouldBe(1);
                if (first > 1)
                    (await recorder.RecordAsync(Message(first..second), TestContext.Current.CancellationToken)).ShouldBe(1); // a gap: not stored
                foreach (var range in (Range[])[0..first, 0..first, first..second, second..Records.Length, first..second, second..Records.Length])
                    await recorder.RecordAsync(Message(range), TestContext.Current.CancellationToken);

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
    public async Task Closed_EndsTheSession_AndADeletedOneStoresNothing()
    {
        var sessions = await fixture.StartedAsync();
        var recorder = sessions.Services.GetRequiredService<TranscriptRecorder>();
        var token = fixture.Identity.Token(tenant: "acme", scope: "sessions");
        var id = $"gpu-engine.{Guid.CreateVersion7()}";
        await recorder.RecordAsync(new(id, "acme", "ada", [.. Records, new(12, 3, "closed", At, FinishReason: "idle_timeout")]), TestContext.Current.CancellationToken);

        var read = await (await sessions.SendAsync(HttpMethod.Get, $"/api/sessions/{id}", token: token)).JsonAsync();
        (read.GetProperty("status").GetString(), read.GetProperty("reason").GetString()).ShouldBe(("ended", "idle_timeout"));
        (await (await sessions.SendAsync(HttpMethod.Delete, $"/api/sessions/{id}", token: token)).JsonAsync()).GetProperty("status").GetString().ShouldBe("deleted");
        await (await sessions.SendAsync(HttpMethod.Get, $"/api/sessions/{id}", token: token)).ShouldBeProblem(System.Net.HttpStatusCode.NotFound, "session_not_found");

        // What the engine had on the way is acknowledged, so that it forgets it, and not kept.
        (await recorder.RecordAsync(new(id, "acme", "ada", [new(13, 4, "user", At, "late")]), TestContext.Current.CancellationToken)).ShouldBe(13);
        await using var left = sessions.Database.CreateCommand($"SELECT count(*) FROM session_turns t JOIN sessions s ON s.number = t.session_number WHERE s.id = '{id}'");
        (await left.ExecuteScalarAsync(TestContext.Current.CancellationToken)).ShouldBe(0L);
    }

    [Theory]
    [InlineData("They breathe", 8, "They bre")]
    [InlineData("植物", 4, "植")] // to a whole character
    [InlineData("🌱", 3, "")]
    [InlineData("ab", 0, "")]
    [InlineData("ab", 9, "ab")]
    public void Cut_EndsAtAWholeCharacter(string text, int bytes, string cut) => TranscriptRecorder.Cut(text, bytes).ShouldBe(cut);
}
