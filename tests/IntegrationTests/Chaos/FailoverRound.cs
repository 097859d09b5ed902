using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>
/// 50 streams, 20 sessions and 10 jobs; the primary killed in the middle, a standby promoted; then the audit.
/// </summary>
public sealed class FailoverRound(FailoverSystem system, Random random)
{
    private const int Streams = 50;
    private const int Sessions = 20;
    private const int Jobs = 10;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private readonly List<Question> _questions = [.. Enumerable.Range(0, Streams).Select(_ => new Question(random))];
    private readonly ConcurrentDictionary<Guid, List<(string Status, int Progress)>> _jobs = new();
    private readonly List<(string Id, SessionSocket Socket, Task Talk)> _sessions = [];

    public long BytesAudited { get; private set; }

    public long BytesLost { get; private set; }

    /// <summary>The longest wait of a reader for the next text.</summary>
    public TimeSpan LongestPause { get; private set; }

    /// <summary>From the promotion until a new question was answered.</summary>
    public TimeSpan ResumedAfter { get; private set; }

    public ConcurrentBag<string> Findings { get; } = [];

    public async Task RunAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
        using var doors = system.OpenDoors();
        using var http = system.CreateGatewayClient();
        try
        {
            await UntilAnsweredAsync(limit.Token);
            await OpenSessionsAsync(new SessionClient(system.CreateGatewayClient()), stop.Token);
            var jobs = await Task.WhenAll(Enumerable.Range(0, Jobs).Select(_ => GenerateAsync(http, limit.Token)));
            var load = _questions.SelectMany(question => Read(question, doors, limit.Token))
                .Concat(jobs.Select(job => FollowAsync(http, job, limit.Token))).ToList();
            await Task.Delay(random.Next(1500, 3500), limit.Token);

            var promoted = await system.Postgres.FailOverAsync();
            await UntilAnsweredAsync(limit.Token);
            ResumedAfter = Stopwatch.GetElapsedTime(promoted);
            await system.Postgres.RebuildAsync();
            await Task.WhenAll(load);
            await stop.CancelAsync();
            await Task.WhenAll(_sessions.Select(session => session.Talk));
            await AuditAsync(doors, http, limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            Findings.Add($"not over within {Limit}");
        }
    }

    public override string ToString() =>
        $"streams={Streams} sessions={Sessions} jobs={Jobs} bytes_audited={BytesAudited} bytes_lost={BytesLost} " +
        $"longest_pause_ms={LongestPause.TotalMilliseconds:f0} " +
        $"work_after_promotion_ms={ResumedAfter.TotalMilliseconds:f0}";

    private IEnumerable<Task> Read(Question question, Doors doors, CancellationToken limit)
    {
        question.Tabs.Add(new Tab(question, asks: true, new Random(random.Next())));
        return question.Tabs.Select(tab => tab.ReadAsync(doors, limit));
    }

    private async Task OpenSessionsAsync(SessionClient student, CancellationToken stop)
    {
        var tutor = await student.TutorAsync();
        for (var i = 0; i < Sessions; i++)
        {
            var made = await student.CreateAsync(tutor, new { student_id = i });
            var socket = await SessionSocket.OpenAsync(made.EngineUrl, cancellationToken: stop);
            _sessions.Add((made.SessionId, socket, TalkAsync(socket, i, stop)));
        }
    }

    private static async Task TalkAsync(SessionSocket socket, int seed, CancellationToken stop)
    {
        try
        {
            for (var turn = 0; !stop.IsCancellationRequested; turn++)
            {
                await socket.SayAsync($"[[stub tokens=30 rate=30 seed={seed + (100 * turn)} unicode=1]]", stop);
                if (await socket.UntilAsync("latency_report", stop) is null)
                    return;
                await Task.Delay(300, stop);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            // The round is over.
        }
    }

    private static async Task<Guid> GenerateAsync(HttpClient http, CancellationToken limit)
    {
        using var response = await http.PostAsJsonAsync("/api/v1/roadmaps/generate", new
        {
            user_id = "u", user_query = $"violin {Guid.NewGuid():N}",
            preferences = new
            {
                weekly_commitment_hours = 10, learning_style = new[] { "visual" }, primary_language = "en",
            },
        }, limit);
        response.StatusCode.ShouldBe(HttpStatusCode.Accepted, await response.Content.ReadAsStringAsync(limit));
        return (await response.Content.ReadFromJsonAsync<JsonElement>(limit)).GetProperty("task_id").GetGuid();
    }

    /// <summary>
    /// What a client is told of a task until its end: never that there is no such task, never less than before.
    /// </summary>
    private async Task FollowAsync(HttpClient http, Guid task, CancellationToken limit)
    {
        var told = _jobs[task] = [];
        while (true)
        {
            try
            {
                using var response = await http.GetAsync($"/api/v1/roadmaps/{task}/status", limit);
                if (response.IsSuccessStatusCode)
                {
                    var view = await response.Content.ReadFromJsonAsync<JsonElement>(limit);
                    var now = (
                        Status: view.GetProperty("status").GetString()!,
                        Progress: view.GetProperty("progress").GetInt32());
                    if (told.Count > 0 && now.Progress < told[^1].Progress)
                        Findings.Add($"task {task}: {told[^1]} was shown, then {now}");
                    told.Add(now);
                    if (now.Status is "completed" or "failed" or "cancelled")
                        return;
                }
                else if (!Passing.Status(response.StatusCode))
                {
                    Findings.Add($"task {task}: {(int)response.StatusCode}");
                }
            }
            catch (HttpRequestException)
            {
                // Asked again.
            }
            await Task.Delay(100, limit);
        }
    }

    private async Task UntilAnsweredAsync(CancellationToken limit)
    {
        while (true)
        {
            using var chat = new ChatClient(system.CreateGatewayClient(), TimeSpan.FromSeconds(5));
            try
            {
                await using var answer = await chat.AskAsync("[[stub tokens=1 rate=0]]", cancellationToken: limit);
                while (await answer.NextAsync(limit) is not null)
                {
                }
                if (answer.End?.Data.GetProperty("status").GetString() == "complete")
                    return;
            }
            catch (Exception e) when (
                Passing.Exception(e) || (e is OperationCanceledException && !limit.IsCancellationRequested))
            {
                await Task.Delay(50, limit);
            }
        }
    }

    private async Task AuditAsync(Doors doors, HttpClient http, CancellationToken limit)
    {
        foreach (var question in _questions)
        {
            var stored = await StoredAsync(doors, question.MessageId, limit);
            foreach (var tab in question.Tabs)
            {
                LongestPause = tab.WorstPause > LongestPause ? tab.WorstPause : LongestPause;
                Audit($"answer {question.MessageId}", tab.Seen, stored);
                if (tab.End is "complete" && stored != question.Known)
                    Findings.Add($"answer {question.MessageId}: complete, and not whole");
            }
            foreach (var finding in question.Findings)
                Findings.Add(finding);
        }
        var student = new SessionClient(system.CreateGatewayClient());
        foreach (var (id, socket, _) in _sessions)
        {
            var turns = await TurnsAsync(student, id, socket, limit);
            foreach (var (turn, text) in socket.Shown)
                Audit($"session {id}, turn {turn}", text, turns.GetValueOrDefault(turn, ""));
            socket.Dispose();
            using var deleted = await student.Http.DeleteAsync($"/api/sessions/{id}", limit); // its place is free again
        }
        foreach (var (task, told) in _jobs)
        {
            BytesAudited += told.Count;
            var view = await http.GetFromJsonAsync<JsonElement>($"/api/v1/roadmaps/{task}/status", limit);
            var end = view.GetProperty("status").GetString();
            if (end != told[^1].Status || end != "completed")
                Findings.Add($"task {task}: {told[^1].Status} was shown, now {end}");
        }
    }

    private void Audit(string what, string seen, string stored)
    {
        BytesAudited += Encoding.UTF8.GetByteCount(seen);
        var lost = Encoding.UTF8.GetByteCount(seen.AsSpan(seen.AsSpan().CommonPrefixLength(stored)));
        BytesLost += lost;
        if (lost > 0)
        {
            var same = seen.AsSpan().CommonPrefixLength(stored);
            Findings.Add($"{what}: {lost} bytes shown are not stored: of {seen.Length} characters shown and " +
                $"{stored.Length} stored {same} are the same; shown then '{Next(seen)}', stored '{Next(stored)}'");

            string Next(string text) => text[same..Math.Min(text.Length, same + 60)];
        }
    }

    private async Task<string> StoredAsync(Doors doors, Guid message, CancellationToken limit)
    {
        while (true)
        {
            await using (var reading = await doors.Any(random).ResumeAsync(message, 0, limit))
            {
                while (await reading.NextAsync(limit) is not null)
                {
                }
                if (reading.End is not null)
                    return reading.Text;
            }
            await Task.Delay(100, limit);
        }
    }

    /// <summary>Turns as they are stored, when everything that was shown has come, or 20 s after.</summary>
    private static async Task<Dictionary<int, string>> TurnsAsync(
        SessionClient student, string session, SessionSocket shown, CancellationToken limit)
    {
        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(200, limit))
        {
            var turns = (await student.ReadAsync(session)).GetProperty("turns").EnumerateArray()
                .ToDictionary(
                    turn => turn.GetProperty("turn").GetInt32(), turn => turn.GetProperty("answer").GetString()!);
            if (Stopwatch.GetElapsedTime(started) > TimeSpan.FromSeconds(20)
                || shown.Shown.All(
                    turn => turns.GetValueOrDefault(turn.Key, "").StartsWith(turn.Value, StringComparison.Ordinal)))
                return turns;
        }
    }
}
