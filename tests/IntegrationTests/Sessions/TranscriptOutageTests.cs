using System.Diagnostics;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;

namespace Lyceum.Tests.IntegrationTests.Sessions;

/// <summary>Rule 1 for lessons: whatever a student was shown when the engine died is in Postgres, once.</summary>
[Collection(ChatCollection.Name)]
public sealed class TranscriptOutageTests(SharedSystem system)
{
    private const int Students = 50;
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public Task Engine_KilledUnderFiftySpeakingSessions_NothingShownIsLost() => KillAsync(TimeSpan.Zero);

    [Fact]
    [Trait("Category", "Long")]
    public Task Engine_KilledWhileTheBrokerIsAwayForAMinute_NothingShownIsLost() => KillAsync(TimeSpan.FromMinutes(1));

    [Fact]
    public async Task Session_OfADeadEngine_GoesOnWithItsHistory()
    {
        _ = system.App;
        var student = new SessionClient(system.CreateGatewayClient());
        var made = await student.CreateAsync(await student.TutorAsync());
        using (var socket = await SessionSocket.OpenAsync(made.EngineUrl, cancellationToken: Cancel))
        {
            await socket.SayAsync("[[stub tokens=4 rate=0 seed=77]] remember the heron", Cancel);
            (await socket.UntilAsync("text", Cancel)).ShouldNotBeNull();
        }
        await TalkTests.TurnsAsync(student, made.SessionId, 1);
        await KillEngineAsync();

        // Twice at once, as two tabs would: one session goes on, and both are told of it.
        var both = await Task.WhenAll(ContinueAsync(student, made.SessionId), ContinueAsync(student, made.SessionId));
        both[0].SessionId.ShouldNotBe(made.SessionId);
        both[1].SessionId.ShouldBe(both[0].SessionId);
        using var next = await SessionSocket.OpenAsync(both[0].EngineUrl, cancellationToken: Cancel);
        await next.SayAsync("[[stub tokens=1 rate=0]] what was I to remember?", Cancel);
        (await next.UntilAsync("text", Cancel)).ShouldNotBeNull();
        system.Stub.Log.Requests[^1].Body.ShouldContain("remember the heron"); // the model was shown what was said before

        var old = await student.ReadAsync(made.SessionId);
        old.GetProperty("status").GetString().ShouldBe("lost");
        old.GetProperty("continued_by").GetString().ShouldBe(both[0].SessionId);
        (await student.ReadAsync(both[0].SessionId)).GetProperty("continues").GetString().ShouldBe(made.SessionId);
    }

    private async Task KillAsync(TimeSpan brokerAway)
    {
        _ = system.App;
        Assert.SkipUnless(system.Servers.Contains("messaging"), "there is no broker here");
        var student = new SessionClient(system.CreateGatewayClient());
        var tutor = await student.TutorAsync();
        var sessions = new List<(string Id, SessionSocket Socket, Task Talk)>();
        if (brokerAway > TimeSpan.Zero)
            await system.CommandAsync("messaging", KnownResourceCommands.StopCommand, Cancel);
        try
        {
            for (var i = 0; i < Students; i++)
            {
                var made = await student.CreateAsync(tutor, new { student_id = i });
                var socket = await SessionSocket.OpenAsync(made.EngineUrl, cancellationToken: Cancel);
                sessions.Add((made.SessionId, socket, TalkAsync(socket, i)));
            }
            await Task.Delay(brokerAway + TimeSpan.FromSeconds(2), Cancel); // in the middle of turns, whichever
            await KillEngineAsync();
            await Task.WhenAll(sessions.Select(session => session.Talk));
        }
        finally
        {
            if (brokerAway > TimeSpan.Zero)
                await system.CommandAsync("messaging", KnownResourceCommands.StartCommand, Cancel);
        }

        sessions.Sum(session => session.Socket.Shown.Values.Sum(text => text.Length)).ShouldBeGreaterThan(Students * 50);
        foreach (var (id, socket, _) in sessions)
        {
            await ShouldHoldAsync(student, id, socket);
            socket.Dispose();
        }
    }

    /// <summary>Asks and listens, until the socket is gone.</summary>
    private static async Task TalkAsync(SessionSocket socket, int seed)
    {
        for (var turn = 0; ; turn++)
        {
            try
            {
                await socket.SayAsync($"[[stub tokens=30 rate=30 seed={seed + (100 * turn)} unicode=1]]", Cancel);
            }
            catch (System.Net.WebSockets.WebSocketException)
            {
                return;
            }
            if (await socket.UntilAsync("latency_report", Cancel) is null)
                return;
        }
    }

    /// <summary>When all of it has come: every turn that was shown is there, once, with at least what was shown of it.</summary>
    private static async Task ShouldHoldAsync(SessionClient student, string session, SessionSocket shown)
    {
        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(100, Cancel))
        {
            var turns = (await student.ReadAsync(session)).GetProperty("turns").EnumerateArray()
                .ToDictionary(turn => turn.GetProperty("turn").GetInt32(), turn => turn.GetProperty("answer").GetString()!); // throws on a double
            var missing = shown.Shown.Where(turn => !(turns.TryGetValue(turn.Key, out var kept) && (shown.Whole.Contains(turn.Key) ? kept == turn.Value : kept.StartsWith(turn.Value, StringComparison.Ordinal)))).ToList();
            if (missing.Count == 0)
            {
                turns.Keys.Order().ShouldBe(Enumerable.Range(1, turns.Count));
                turns.Count.ShouldBeInRange(shown.Shown.Count, shown.Shown.Count + 1); // one may have been recorded and not shown yet
                return;
            }
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(60),
                $"{session}: turn {missing[0].Key} was shown '{missing[0].Value}' and is '{turns.GetValueOrDefault(missing[0].Key)}'");
        }
    }

    /// <summary>Until there is an engine again, a lesson cannot go on: 503, and the client asks again, as it is told.</summary>
    private static async Task<SessionAddress> ContinueAsync(SessionClient student, string session)
    {
        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(200, Cancel))
        {
            try
            {
                return await student.ConnectAsync(session);
            }
            catch (HttpRequestException e) when (e.StatusCode == System.Net.HttpStatusCode.ServiceUnavailable)
            {
                Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(60), e.Message);
            }
        }
    }

    private async Task KillEngineAsync()
    {
        var before = system.State("gpu-engine");
        system.Signal("gpu-engine", "KILL");
        await system.StateAsync("gpu-engine", state => state.IsUp && state.Pid != before.Pid, Cancel);
    }
}
