using System.Collections.Concurrent;
using Lyceum.Contracts;
using Lyceum.GpuEngine.Sessions.Transcripts;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>Transcripts reach their keeper over a real bus (in memory), whatever becomes of single messages.</summary>
public sealed class TranscriptForwarderTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0.3)] // of the messages, and of the answers
    public async Task Turns_ReachTheirKeeperOnceEach_AndTheLogForgetsThem(double lost)
    {
        var keeper = new Keeper(lost);
        await using var engine = await SessionEngine.StartAsync(
            builder =>
            {
                builder.Services.AddSingleton(keeper);
                builder.Services.AddMassTransit(bus =>
                {
                    bus.AddConsumer<Keeper.RecordTurnsConsumer>();
                    bus.AddConsumer<MessagingKeeper.SessionTurnsRecordedConsumer>();
                    bus.UsingInMemory((context, memory) => memory.ConfigureEndpoints(context));
                });
                builder.Services.AddSingleton<ITranscriptKeeper, MessagingKeeper>();
                builder.AddForwarder();
            },
            ("Engine:Transcripts:ResendAfter", "00:00:00.2"), ("Engine:Transcripts:Gather", "00:00:00.01"), ("Engine:Transcripts:SegmentBytes", "4096"));
        var log = engine.Services.GetRequiredService<TranscriptLog>();

        var sessions = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            var made = await engine.CreateAsync();
            sessions.Add(made.SessionId);
            await using var client = await engine.ConnectAsync(made);
            for (var turn = 0; turn < 3; turn++)
            {
                await client.SayAsync("[[stub tokens=20 rate=500 unicode=1]]");
                await client.UntilAsync("latency_report");
            }
        }

        await Eventually.TrueAsync(() => Task.FromResult(!log.HasUnacknowledged), "everything is answered", seconds: 30);
        foreach (var session in sessions)
        {
            var kept = keeper.Of(session);
            kept.Select(r => r.Seq).ShouldBe(Enumerable.Range(1, 3 * 22).Select(n => (long)n));
            kept.Select(r => r.Kind).Distinct().ShouldBe(["user", "delta", "end"]);
        }
        Directory.GetFiles(engine.Transcripts, "*.log").Length.ShouldBeLessThanOrEqualTo(2);
    }

    /// <summary>Something new is always there while a session speaks: it waits for what comes with it, all the same.</summary>
    [Fact]
    public async Task SessionThatSpeaksOn_IsForwardedInFewMessages()
    {
        var keeper = new Counting();
        await using var engine = await SessionEngine.StartAsync(
            builder =>
            {
                builder.Services.AddSingleton<ITranscriptKeeper>(keeper);
                builder.AddForwarder();
            },
            ("Engine:Transcripts:Gather", "00:00:00.1"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());

        await client.SayAsync("[[stub tokens=2000 rate=4000]]");
        await client.UntilAsync("latency_report");

        await Eventually.TrueAsync(() => Task.FromResult(keeper.Records == 2002), "all of it is sent", seconds: 10);
        keeper.Messages.ShouldBeLessThan(20);
    }

    private sealed class Counting : ITranscriptKeeper
    {
        public int Messages { get; private set; }
        public long Records { get; private set; }

        public Task KeepAsync(RecordSessionTurns turns, CancellationToken cancel)
        {
            Messages++;
            Records += turns.Sessions.Sum(session => session.Records.Sum(record => record.ThroughSeq - record.Seq + 1));
            return Task.Delay(5, cancel); // a broker's; meanwhile the session says more
        }
    }

    /// <summary>What SessionApi does with its database: in order, each record once, and the highest is the answer.</summary>
    private sealed class Keeper(double lost)
    {
        private readonly ConcurrentDictionary<string, List<SessionTurnRecord>> _kept = [];
        private readonly Random _luck = new(11);
        private int _lostInARow;

        public List<SessionTurnRecord> Of(string session)
        {
            var kept = _kept[session];
            lock (kept)
            {
                return [.. kept];
            }
        }

        public sealed class RecordTurnsConsumer(Keeper keeper) : IConsumer<RecordSessionTurns>
        {
            public async Task Consume(ConsumeContext<RecordSessionTurns> context)
            {
                if (keeper.IsLost())
                {
                    return;
                }
                var recorded = new List<RecordedSession>();
                foreach (var session in context.Message.Sessions)
                {
                    var kept = keeper._kept.GetOrAdd(session.SessionId, _ => []);
                    lock (kept)
                    {
                        kept.AddRange(session.Records.SelectMany(Apart).SkipWhile(r => r.Seq <= kept.Count)
                            .TakeWhile((r, i) => r.Seq == kept.Count + i + 1).ToList());
                        recorded.Add(new(session.SessionId, kept.Count));
                    }
                }
                if (!keeper.IsLost())
                {
                    await context.Publish(new SessionTurnsRecorded(recorded));
                }
            }
        }

        private static IEnumerable<SessionTurnRecord> Apart(SessionTurnRecord record) =>
            [record with { Then = null }, .. (record.Then ?? []).Select((text, i) => record with { Seq = record.Seq + i + 1, Text = text, Then = null })];

        private bool IsLost()
        {
            lock (_luck)
            {
                // Never so many in a row that waiting for the next try, twice as long each time, outlasts the test.
                _lostInARow = _luck.NextDouble() < lost && _lostInARow < 3 ? _lostInARow + 1 : 0;
                return _lostInARow > 0;
            }
        }
    }
}
