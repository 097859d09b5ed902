using System.Diagnostics.Metrics;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support.Postgres;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.ChatApi;

/// <summary>What objectives and alerts are counted from.</summary>
public sealed class ChatMetricsTests(PostgresFixture<ChatDb> postgres) : IClassFixture<PostgresFixture<ChatDb>>
{
    public static TheoryData<AnswerEnd, int, int> Ends => new()
    {
        { AnswerEnd.TimedOut(FinishReasons.FirstTokenTimeout, null), 0, 1 },
        { AnswerEnd.Failed(new EngineError(503, ErrorCodes.EngineUnavailable, "away"), empty: true, null), 0, 1 },
        { AnswerEnd.Failed(new EngineError(429, "upstream_busy", "busy"), empty: true, null), 0, 1 },
        { AnswerEnd.Interrupted(FinishReasons.EngineLost, null, "gone"), 0, 1 },
        // It had words.
        { AnswerEnd.Interrupted(FinishReasons.EngineLost, null, "gone"), 5, 0 },
        // Nothing here failed.
        { new AnswerEnd(AnswerStatus.Complete, FinishReasons.Stop), 0, 0 },
        { AnswerEnd.Stopped(FinishReasons.Stopped, null), 0, 0 },
        { AnswerEnd.Stopped(FinishReasons.ClientGone, null), 0, 0 },
        { AnswerEnd.Refused(), 0, 0 },
        { AnswerEnd.Failed(new EngineError(429, ErrorCodes.BudgetExhausted, "spent"), empty: true, null), 0, 0 },
        { AnswerEnd.Failed(new EngineError(400, ErrorCodes.InvalidRequest, "too long"), empty: true, null), 0, 0 },
    };

    [Theory, MemberData(nameof(Ends), DisableDiscoveryEnumeration = true)]
    public void Unanswered_CountsWhatFailedHereBeforeItsFirstWord(AnswerEnd end, int length, int expected)
    {
        using var provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
        using var watched = new Watched(provider);
        new ChatMetrics(provider.GetRequiredService<IMeterFactory>()).Ended(end, length);

        watched.Read("lyceum.chat.unanswered").ShouldBe(expected);
    }

    [Fact]
    public void Lost_IsWhatWasShownAndIsNotStored_AndIsThereBeforeAnythingIsLost()
    {
        using var provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
        using var watched = new Watched(provider);
        var metrics = new ChatMetrics(provider.GetRequiredService<IMeterFactory>());

        watched.Read("lyceum.chat.lost").ShouldBe(0);
        metrics.Stored(shown: 10, stored: 10);
        metrics.Stored(shown: 8, stored: 10);
        watched.Read("lyceum.chat.lost").ShouldBe(0);
        metrics.Stored(shown: 10, stored: 7);
        watched.Read("lyceum.chat.lost").ShouldBe(3);
    }

    [Fact]
    public async Task Lateness_IsMeasuredForEachCommittedPiece()
    {
        await using var machinery = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        using var watched = new Watched(machinery.Services);
        var generation = await machinery.BeginAsync();

        await machinery.WriteAsync(generation, "one");
        await machinery.WriteAsync(generation, " two");

        var late = watched.Measured("lyceum.chat.lateness");
        late.Count.ShouldBe(2);
        late.ShouldAllBe(seconds => seconds >= 0 && seconds < Eventually.Limit.TotalSeconds);
    }

    /// <summary>The meters of one service.</summary>
    private sealed class Watched : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Lock _lock = new();
        private readonly List<(string Name, double Value)> _measured = []; // under _lock

        public Watched(IServiceProvider services)
        {
            var own = services.GetRequiredService<IMeterFactory>();
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Scope == own)
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => Add(instrument.Name, value));
            _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => Add(instrument.Name, value));
            _listener.Start();
        }

        public double Read(string name)
        {
            lock (_lock)
                _measured.Clear();
            _listener.RecordObservableInstruments();
            return Measured(name).ShouldHaveSingleItem();
        }

        public List<double> Measured(string name)
        {
            lock (_lock)
                return [.. _measured.Where(measured => measured.Name == name).Select(measured => measured.Value)];
        }

        private void Add(string name, double value)
        {
            lock (_lock)
                _measured.Add((name, value));
        }

        public void Dispose() => _listener.Dispose();
    }
}
