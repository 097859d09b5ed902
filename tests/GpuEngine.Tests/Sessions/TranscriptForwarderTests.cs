using System.Collections.Concurrent;
using Lyceum.Contracts;
using Lyceum.GpuEngine.Sessions.Transcripts;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>Transcripts arrive over a real bus (in memory), even when messages are lost.</summary>
public sealed class TranscriptForwarderTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0.3)] // of the messages, and of the answers
    public async Task Turns_WithLostMessages_ArriveOnceAndLeaveTheLog(double lost)
    {
        var store = new Store(lost);
        await using var engine = await SessionEngine.StartAsync(
            builder =>
            {
                builder.Services.AddSingleton(store);
                builder.Services.AddMassTransit(bus =>
                {
                    bus.AddConsumer<Store.RecordTurnsConsumer>();
                    bus.AddConsumer<MessagingSink.SessionTurnsRecordedConsumer>();
                    bus.UsingInMemory((context, memory) => memory.ConfigureEndpoints(context));
                });
                builder.Services.AddSingleton<ITranscriptSink, MessagingSink>();
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
            var kept = store.Of(session);
            kept.Select(r => r.Seq).ShouldBe(Enumerable.Range(1, 3 * 22).Select(n => (long)n));
            kept.Select(r => r.Kind).Distinct().ShouldBe(["user", "delta", "end"]);
        }
        Directory.GetFiles(engine.Transcripts, "*.log").Length.ShouldBeLessThanOrEqualTo(2);
    }

    /// <summary>While a turn runs there are always new records: they are gathered into messages.</summary>
    [Fact]
    public async Task Turn_Long_IsForwardedInFewMessages()
    {
        var sink = new Counting();
        await using var engine = await SessionEngine.StartAsync(
            builder =>
            {
                builder.Services.AddSingleton<ITranscriptSink>(sink);
                builder.AddForwarder();
            },
            ("Engine:Transcripts:Gather", "00:00:00.1"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());

        await client.SayAsync("[[stub tokens=2000 rate=4000]]");
        await client.UntilAsync("latency_report");

        await Eventually.TrueAsync(() => Task.FromResult(sink.Records == 2002), "all of it is sent", seconds: 10);
        sink.Messages.ShouldBeLessThan(20);
    }

    private sealed class Counting : ITranscriptSink
    {
        public int Messages { get; private set; }
        public long Records { get; private set; }

        public Task SendAsync(RecordSessionTurns turns, CancellationToken cancel)
        {
            Messages++;
            Records += turns.Sessions.Sum(session => session.Records.Sum(record => record.ThroughSeq - record.Seq + 1));
            return Task.Delay(5, cancel); // as long as a broker takes; meanwhile there are more records
        }
    }

    /// <summary>What SessionApi does with its database: in order, each record once, and the highest is the answer.</summary>
    private sealed class Store(double lost)
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

        public sealed class RecordTurnsConsumer(Store store) : IConsumer<RecordSessionTurns>
        {
            public async Task Consume(ConsumeContext<RecordSessionTurns> context)
            {
                if (store.IsLost())
                {
                    return;
                }
                var recorded = new List<RecordedSession>();
                foreach (var session in context.Message.Sessions)
                {
                    var kept = store._kept.GetOrAdd(session.SessionId, _ => []);
                    lock (kept)
                    {
                        kept.AddRange(session.Records.SelectMany(Apart).SkipWhile(r => r.Seq <= kept.Count)
                            .TakeWhile((r, i) => r.Seq == kept.Count + i + 1).ToList());
                        recorded.Add(new(session.SessionId, kept.Count));
                    }
                }
                if (!store.IsLost())
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
