using Lyceum.RoadmapWorker.Data;
using Lyceum.RoadmapWorker.Practice;
using Lyceum.RoadmapWorker.Reviews;
using Lyceum.Durability.Work;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.RoadmapWorker.Tests.Practice;

/// <summary>
/// A student of 90 days: most days, once to three times, they answer what is due, forget as people do, and now and then send an
/// answer twice or practise ahead of time.
/// </summary>
public sealed class SimulatedStudentTests(PostgresFixture postgres)
{
    private const int Days = 90;
    private const int Items = 30;
    private static readonly DateTimeOffset Start = new(2026, 9, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(90)]
    public Task Student_IsShownNothingBeforeItIsDue_NorTwiceADay(int seed) => SimulateAsync(seed);

    [Theory]
    [Trait("Category", "Long")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public Task Students_AreShownNothingBeforeItIsDue_NorTwiceADay(int seed) => SimulateAsync(seed);

    private async Task SimulateAsync(int seed)
    {
        var random = new Random(seed);
        var clock = new Clock(Start);
        var database = await postgres.CreateDatabaseAsync();
        var options = new DbContextOptionsBuilder<RoadmapDb>().UseNpgsql(database).Options;
        await using (var db = new RoadmapDb(options))
            await db.Database.MigrateAsync(TestContext.Current.CancellationToken);
        var learner = new Learner("dev", "bea", new Dictionary<Guid, string>());
        var shadow = new Dictionary<Guid, MemoryState>();
        var shown = new Dictionary<(Guid Item, DateOnly Day), int>();
        var failed = new HashSet<(Guid Item, DateOnly Day)>();
        var (sets, answered, counted) = (0, 0, 0);

        for (var day = 0; day < Days; day++)
        {
            if (day % 30 == 0)
                await MakeSetAsync(sets++);
            if (random.NextDouble() > 0.85)
                continue;
            var hours = Enumerable.Range(0, random.Next(1, 4)).Select(_ => random.NextDouble() * 24).Order().ToList();
            foreach (var hour in hours)
            {
                clock.Now = Later(clock.Now, Start.AddDays(day).AddHours(hour));
                while (await DueAsync() is { Count: > 0 } due)
                {
                    foreach (var (item, dueAt, _) in due)
                        await AnswerShownAsync(item, dueAt);
                }
                if (shadow.Count > 0 && random.Next(3) == 0)
                    await AnswerAheadAsync();
            }
        }

        answered.ShouldBeGreaterThan(3 * Items, "the student practised");
        failed.ShouldNotBeEmpty("and forgot");
        await using var end = new RoadmapDb(options);
        var cards = await end.PracticeCards.AsNoTracking().ToListAsync(TestContext.Current.CancellationToken);
        cards.Count.ShouldBe(3 * Items);
        cards.Sum(card => card.Reps).ShouldBe(counted);
        foreach (var card in cards.Where(card => card.Reps > 0))
        {
            var expected = shadow[card.ItemId];
            (card.Reps, card.Lapses, card.ScheduledDays, card.Due).ShouldBe((expected.Reps, expected.Lapses, expected.ScheduledDays, expected.Due));
            card.Stability.ShouldBe(expected.Stability, 1e-9);
        }

        async Task AnswerShownAsync(PracticeItemRow item, DateTimeOffset dueAt)
        {
            var today = DateOnly.FromDateTime(clock.Now.UtcDateTime);
            dueAt.ShouldBeLessThanOrEqualTo(clock.Now);
            if (shadow.TryGetValue(item.Id, out var memory))
                memory.Due.ShouldBeLessThanOrEqualTo(clock.Now, "shown before it is due");
            if (shown.GetValueOrDefault((item.Id, today)) > 0)
                failed.ShouldContain((item.Id, today), "shown twice a day without failing it");
            shown[(item.Id, today)] = shown.GetValueOrDefault((item.Id, today)) + 1;

            var recalls = random.NextDouble() < (memory is null ? 0.5 : Fsrs.Retrievability(memory, clock.Now));
            var key = Guid.NewGuid().ToString();
            var grade = Grade.Of(recalls ? Grade.Correct : Grade.Wrong, "rule");
            var attempt = await AttemptAsync(item, grade, key);
            attempt.Counted.ShouldBeTrue();
            if (random.Next(5) == 0)
                (await AttemptAsync(item, grade, key)).Id.ShouldBe(attempt.Id, "sent twice");
            shadow[item.Id] = Fsrs.Review(memory ?? MemoryState.New(clock.Now), grade.Rating, attempt.At);
            attempt.NextDue.ShouldBe(shadow[item.Id].Due);
            (answered, counted) = (answered + 1, counted + 1);
            if (!recalls)
                failed.Add((item.Id, today));
            clock.Now = clock.Now.AddSeconds(random.Next(5, 60));
        }

        async Task AnswerAheadAsync()
        {
            var ahead = shadow.Where(entry => entry.Value.Due > clock.Now).Select(entry => entry.Key).FirstOrDefault();
            if (ahead == Guid.Empty)
                return;
            await using var db = new RoadmapDb(options);
            var item = await db.PracticeItems.AsNoTracking().SingleAsync(known => known.Id == ahead, TestContext.Current.CancellationToken);
            (await AttemptAsync(item, Grade.Of(Grade.Correct, "rule"), null)).Counted.ShouldBeFalse("ahead of time");
        }

        async Task MakeSetAsync(int number)
        {
            await using var db = new RoadmapDb(options);
            var id = Guid.CreateVersion7();
            await Sets(db).AddAsync(id, "dev", "bea", new(PracticeOrder.Kb, Items, "en", KbId: "k", Topic: "t"), new(
                $"Set {number}", "en", SetMakers.Passages, [],
                [.. Enumerable.Range(0, Items).Select(n => new MadeItem(
                    Guid.CreateVersion7(), ItemKinds.Cloze, $"{n} ____", null, [$"{n}"], null, null, null, null))]),
                TestContext.Current.CancellationToken);
        }

        async Task<List<DueItem>> DueAsync()
        {
            await using var db = new RoadmapDb(options);
            return await Sets(db).DueAsync(learner, null, 20, TestContext.Current.CancellationToken);
        }

        async Task<PracticeAttemptRow> AttemptAsync(PracticeItemRow item, Grade grade, string? key)
        {
            await using var db = new RoadmapDb(options);
            return await new AttemptStore(db, Options.Create(new PracticeOptions()), clock).AddAsync(
                "dev", "bea", key, IdempotencyKeys.Fingerprint($"{item.Id}"), item, "x", grade, TestContext.Current.CancellationToken);
        }

        SetStore Sets(RoadmapDb db) => new(db, Options.Create(new PracticeOptions()), clock);
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
