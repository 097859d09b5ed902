using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Chat;

/// <summary>
/// Random harm under streams, with a seed that is printed: <c>./test.sh --chaos N</c>, N rounds. Each round asks twenty
/// questions through the gateway, harms one process, and reads on as a stubborn client would; then it audits that what
/// was seen is stored, is the known text, has no gap and no double, and that every answer has ended.
/// </summary>
[Trait("Category", "Chaos")]
[Collection(ReplicaHouseCollection.Name)]
public sealed class ChaosTests(ReplicaHouse house)
{
    private const int Streams = 20;
    private const int Tokens = 100;

    private static readonly (string Resource, string Signal)[] Harms =
    [
        ("chat-api", "KILL"), ("chat-api-2", "KILL"), ("chat-api", "TERM"), ("chat-api-2", "STOP"), ("gateway", "KILL"),
        ("gpu-engine", "KILL"), ("postgres", "KILL"), ("messaging", "KILL"),
    ];

    [Fact]
    public async Task Answers_UnderRandomHarm_LoseNothingSeen()
    {
        _ = house.App;
        var rounds = int.TryParse(Environment.GetEnvironmentVariable("LYCEUM_CHAOS_ROUNDS"), out var n) ? n : 3;
        var seed = int.TryParse(Environment.GetEnvironmentVariable("LYCEUM_CHAOS_SEED"), out var s) ? s : Environment.TickCount;
        var random = new Random(seed);
        var (bytes, whole, worst) = (0L, 0, TimeSpan.Zero);
        for (var round = 0; round < rounds; round++)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(150));
            foreach (var resource in house.Servers)
                await house.StateAsync(resource, state => state.IsUp, limit.Token);

            var answers = Enumerable.Range(0, Streams).Select(_ => FollowAsync(random.Next(1, int.MaxValue), limit.Token)).ToList();
            await Task.Delay(random.Next(500, 3000), limit.Token);
            var (target, signal) = Harms[random.Next(Harms.Length)];
            TestContext.Current.TestOutputHelper?.WriteLine($"round {round} of seed {seed}: {signal} {target}");
            house.Signal(target, signal);
            if (signal == "STOP")
            {
                await Task.Delay(6000, limit.Token); // twice the lease
                house.Signal(target, "CONT");
            }

            foreach (var answer in await Task.WhenAll(answers))
            {
                bytes += Encoding.UTF8.GetByteCount(answer.Seen);
                whole += answer.Status == "complete" ? 1 : 0;
                worst = answer.WorstPause > worst ? answer.WorstPause : worst;
            }
            await house.Stub.UntilAsync(log => log.Running == 0, TimeSpan.FromSeconds(20));
        }
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"[chaos] seed={seed} harms={rounds} streams={rounds * Streams} whole={whole} bytes_audited={bytes} worst_pause_ms={worst.TotalMilliseconds:f0}");
    }

    private sealed record Followed(string Seen, string Status, TimeSpan WorstPause);

    /// <summary>Asks, reads, and comes back with its cursor whenever it is cut off, until the answer's end.</summary>
    private async Task<Followed> FollowAsync(int seed, CancellationToken limit)
    {
        using var chat = house.CreateChatClient();
        var (seen, cursor, message, conversation) = (new StringBuilder(), 0, Guid.Empty, Guid.Empty);
        var (worst, last) = (TimeSpan.Zero, Stopwatch.GetTimestamp());
        var key = Guid.NewGuid().ToString();
        while (true)
        {
            try
            {
                // Sent again under the same key if it was cut off before it began: asked once all the same.
                await using var reading = message == Guid.Empty
                    ? await chat.AskAsync($"[[stub tokens={Tokens} rate=20 seed={seed} unicode=1]]", idempotencyKey: key)
                    : await chat.ResumeAsync(message, cursor);
                while (await reading.NextAsync(limit) is { } item)
                {
                    (message, conversation) = (reading.MessageId, reading.ConversationId);
                    if (item.Type != "delta")
                        continue;
                    worst = Stopwatch.GetElapsedTime(last) > worst ? Stopwatch.GetElapsedTime(last) : worst;
                    last = Stopwatch.GetTimestamp();
                    seen.Append(item.Data.GetProperty("text").GetString());
                    cursor = reading.Cursor;
                }
                if (reading.End is { } end)
                {
                    var status = end.Data.TryGetProperty("status", out var s) && s.ValueKind == System.Text.Json.JsonValueKind.String ? s.GetString()! : "failed";
                    await AuditAsync(chat, conversation, seen.ToString(), cursor, seed, status, limit);
                    return new(seen.ToString(), status, worst);
                }
            }
            catch (Exception e) when (IsPassing(e) && !limit.IsCancellationRequested)
            {
                await Task.Delay(200, limit); // cut off, or refused for the moment: come back
            }
        }
    }

    /// <summary>Cut off, or a 5xx of <see cref="ChatClient"/>: anything else is a finding.</summary>
    private static bool IsPassing(Exception exception) => exception switch
    {
        IOException or HttpRequestException => true,
        ShouldAssertException refused => refused.Message.Contains("HttpStatusCode.ServiceUnavailable", StringComparison.Ordinal)
            || refused.Message.Contains("HttpStatusCode.BadGateway", StringComparison.Ordinal)
            || refused.Message.Contains("HttpStatusCode.GatewayTimeout", StringComparison.Ordinal),
        _ => false,
    };

    private static async Task AuditAsync(
        ChatClient chat, Guid conversation, string seen, int cursor, int seed, string status, CancellationToken limit)
    {
        var known = StubText.Text(seed, Tokens, unicode: true);
        known.ShouldStartWith(seen);
        cursor.ShouldBe(Encoding.UTF8.GetByteCount(seen));
        if (status == "complete")
            seen.ShouldBe(known);
        while (true)
        {
            using var response = await chat.Http.GetAsync($"/api/conversations/{conversation}/messages", limit);
            if (response.IsSuccessStatusCode)
            {
                var stored = (await response.Content.ReadFromJsonAsync<System.Text.Json.JsonElement>(limit)).GetProperty("messages")[1];
                stored.GetProperty("content").GetString().ShouldBe(seen);
                stored.GetProperty("status").GetString().ShouldBe(status);
                return;
            }
            ((int)response.StatusCode).ShouldBeGreaterThanOrEqualTo(500);
            await Task.Delay(200, limit);
        }
    }
}
