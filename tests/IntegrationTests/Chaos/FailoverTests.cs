using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;

namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>
/// Rule 1 over a database failover: the primary is killed under load and a standby promoted. One round in the long
/// suite,
/// <c>./test.sh --failover N</c> for more.
/// </summary>
[Trait("Category", "Long")]
public sealed class FailoverTests(FailoverSystem system) : IClassFixture<FailoverSystem>
{
    private static readonly TimeSpan GoesOnWithin = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Primary_KilledAndAStandbyPromoted_NothingShownIsLostAndWorkGoesOn()
    {
        Assert.SkipWhen(!system.Postgres.IsAvailable, "PostgreSQL's server binaries are not installed");
        var (rounds, seed) = (FailoverSystem.Rounds ?? 1, Environment.TickCount);
        var (bytes, lost, promotions, findings) = (0L, 0L, 0, new List<string>());
        var (pause, resumed) = (TimeSpan.Zero, TimeSpan.Zero);
        for (var number = 1; number <= rounds && findings.Count == 0; number++)
        {
            var round = new FailoverRound(system, new Random(unchecked(seed * 1_000_003 + number)));
            await round.RunAsync();
            promotions++;
            (bytes, lost) = (bytes + round.BytesAudited, lost + round.BytesLost);
            pause = round.LongestPause > pause ? round.LongestPause : pause;
            resumed = round.ResumedAfter > resumed ? round.ResumedAfter : resumed;
            findings.AddRange(round.Findings);
            await SayAsync($"round {number}/{rounds} of seed {seed}: {round}");
            foreach (var finding in round.Findings)
                await SayAsync($"FOUND {finding}");
        }
        await SayAsync($"seed={seed} promotions={promotions} bytes_audited={bytes} bytes_lost={lost} " +
            $"longest_pause_ms={pause.TotalMilliseconds:f0} work_after_promotion_ms={resumed.TotalMilliseconds:f0}");
        findings.ShouldBeEmpty();
        bytes.ShouldBeGreaterThan(0);
        lost.ShouldBe(0);
        resumed.ShouldBeLessThan(GoesOnWithin);
    }

    [Fact]
    public async Task Standbys_StoppedBeyondTheTimeout_NothingNewIsShownAndItComesWhenTheyReturn()
    {
        Assert.SkipWhen(!system.Postgres.IsAvailable, "PostgreSQL's server binaries are not installed");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        using var doors = system.OpenDoors();
        var random = new Random(1);
        var questions = Enumerable.Range(0, 10).Select(_ => new Question(random)).ToList();
        var readings = await Task.WhenAll(questions.Select(question => doors.Any(random).AskAsync(question.Text)));
        var reads = readings.Select(reading => ReadAsync(reading, limit.Token)).ToArray();
        await Task.Delay(TimeSpan.FromSeconds(1), limit.Token);

        await Task.WhenAll(system.Postgres.Standbys.Select(standby => standby.PauseAsync()));
        int[] shown;
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(1), limit.Token); // what was replicated before arrives
            shown = [.. readings.Select(reading => reading.Text.Length)];
            using var refused = await doors.Any(random).Http.PostAsJsonAsync(
                "/chat", new { message = "[[stub tokens=1]]" }, limit.Token);
            refused.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            await Task.Delay(TimeSpan.FromSeconds(8), limit.Token); // two statements' time-outs
            readings.Select(reading => reading.Text.Length).ShouldBe(shown);
            foreach (var replica in system.CreateReplicaClients())
            {
                using (replica)
                {
                    for (var i = 0; i < readings.Length; i++)
                    {
                        (await ShownNowAsync(replica, readings[i].MessageId, limit.Token))
                            .ShouldBeLessThanOrEqualTo(shown[i]);
                        var messages = await replica.MessagesAsync(readings[i].ConversationId);
                        messages[1].GetProperty("content").GetString()!.Length.ShouldBeLessThanOrEqualTo(shown[i]);
                    }
                }
            }
        }
        finally
        {
            await Task.WhenAll(system.Postgres.Standbys.Select(standby => standby.ResumeAsync()));
        }
        await Task.WhenAll(reads);

        shown.Sum().ShouldBeGreaterThan(0);
        foreach (var (question, reading) in questions.Zip(readings))
        {
            var whole = await ReadAgainAsync(doors, reading.MessageId, random, limit.Token);
            whole.ShouldBe(question.Known);
            whole.ShouldStartWith(reading.Text);
            await reading.DisposeAsync();
        }
    }

    private static async Task ReadAsync(ChatReading reading, CancellationToken limit)
    {
        try
        {
            while (await reading.NextAsync(limit) is not null)
            {
            }
        }
        catch (Exception e) when (Passing.Exception(e))
        {
            // Read again from elsewhere.
        }
    }

    /// <summary>What a new reader is shown at once; 0 where it is turned away.</summary>
    private static async Task<int> ShownNowAsync(ChatClient replica, Guid message, CancellationToken limit)
    {
        using var soon = CancellationTokenSource.CreateLinkedTokenSource(limit);
        soon.CancelAfter(TimeSpan.FromSeconds(0.5));
        ChatReading? reading = null;
        try
        {
            reading = await replica.ResumeAsync(message, 0, soon.Token);
            while (await reading.NextAsync(soon.Token) is not null)
            {
            }
        }
        catch (Exception e) when (
            Passing.Exception(e) || (e is OperationCanceledException && !limit.IsCancellationRequested))
        {
            // Turned away, or there is no more.
        }
        var shown = reading?.Text.Length ?? 0;
        if (reading is not null)
            await reading.DisposeAsync();
        return shown;
    }

    private static async Task<string> ReadAgainAsync(Doors doors, Guid message, Random random, CancellationToken limit)
    {
        while (true)
        {
            try
            {
                await using var reading = await doors.Any(random).ResumeAsync(message, 0, limit);
                while (await reading.NextAsync(limit) is not null)
                {
                }
                if (reading.End is not null)
                    return reading.Text;
            }
            catch (Exception e) when (Passing.Exception(e))
            {
                await Task.Delay(200, limit);
            }
        }
    }

    private static Task SayAsync(string line) => Console.Out.WriteLineAsync($"[chaos] {line}");
}
