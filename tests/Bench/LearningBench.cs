using System.Diagnostics;
using System.Globalization;
using Lyceum.Jobs;
using Lyceum.Knowledge;
using Lyceum.RoadmapWorker.Classes;
using Lyceum.RoadmapWorker.Data;
using Lyceum.RoadmapWorker.Mastery;
using Lyceum.RoadmapWorker.Planning;
using Lyceum.RoadmapWorker.Practice;
using Lyceum.Tests.Support.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.Tests.Bench;

/// <summary>
/// What is due, and the overview of a class: the store's queries and what is computed from them, without HTTP and without
/// SessionApi. First with 1,000 students in classes of 25 who made 50 reviews each; then with ten times as many students, and with
/// ten times as many reviews of each. A server of its own.
/// </summary>
internal sealed class LearningBench(int reads)
{
    private const int ClassSize = 25;
    private const int Concepts = 25;
    private const int PerConcept = 2;
    private const int Warm = 50;
    private const int Rounds = 5;

    public async Task<bool> RunAsync(TextWriter output, CancellationToken cancel)
    {
        await using var server = new PostgresServer();
        await server.StartAsync();
        if (!server.IsAvailable)
            throw new InvalidOperationException("PostgreSQL's server binaries are not installed");
        var before = await MeasureAsync("1,000 students x 50 reviews", 1_000, 50);
        var persons = await MeasureAsync("10,000 students x 50 reviews", 10_000, 50);
        var each = await MeasureAsync("1,000 students x 500 reviews", 1_000, 500);
        var growth = new[] { persons, each }.Max(after => Math.Max(after.Due / before.Due, after.Overview / before.Overview));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[perf] learning growth_of_p99={growth:0.00} (at most 2)"));
        return growth < 2;

        async Task<(double Due, double Overview)> MeasureAsync(string what, int students, int reviews)
        {
            var name = $"learning_{students}_{reviews}";
            await PostgresServer.ExecuteAsync(server.ConnectionString("postgres", pooling: false), $"CREATE DATABASE {name}");
            await using var source = NpgsqlDataSource.Create(server.ConnectionString(name) + ";Maximum Pool Size=10;Command Timeout=600");
            var options = new DbContextOptionsBuilder<RoadmapDb>().UseNpgsql(source).Options;
            await using (var db = new RoadmapDb(options))
                await db.Database.MigrateAsync(cancel);
            await SeedAsync(source, students, reviews, cancel);
            var random = new Random(16);
            var due = await TimeAsync(async () =>
            {
                await using var db = new RoadmapDb(options);
                var sets = new SetStore(db, Options.Create(new PracticeOptions()), TimeProvider.System);
                var student = random.Next(students);
                var learner = new Learner("dev", $"s{student}", new Dictionary<Guid, string> { [SetOf(student / ClassSize)] = "teacher" });
                if ((await sets.DueAsync(learner, null, 20, cancel)).Count == 0 || await sets.CountDueAsync(learner, cancel) == 0)
                    throw new InvalidOperationException("nothing is due");
            });
            var overview = await TimeAsync(async () =>
            {
                await using var db = new RoadmapDb(options);
                var at = random.Next(students / ClassSize);
                if (ClassSummary.Overview(await WorkAsync(db, source, at, cancel)).Students.Count(student => student.Attempts > 0) != ClassSize)
                    throw new InvalidOperationException("somebody is missing");
            });
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"[perf] learning {what}: due_ms p50={due.P50:0.00} p99={due.P99:0.00}; overview_ms p50={overview.P50:0.00} p99={overview.P99:0.00}"));
            return (due.P99, overview.P99);
        }
    }

    /// <summary>Milliseconds: the medians of five rounds, as a busy machine disturbs some of them.</summary>
    private async Task<(double P50, double P99)> TimeAsync(Func<Task> read)
    {
        var rounds = new List<double[]>();
        for (var i = 0; i < Warm; i++)
            await read();
        for (var round = 0; round < Rounds; round++)
        {
            var times = new double[reads];
            for (var i = 0; i < reads; i++)
            {
                var started = Stopwatch.GetTimestamp();
                await read();
                times[i] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            }
            rounds.Add([.. times.Order()]);
        }
        return (rounds.Select(times => times.Percentile(50)).Median(), rounds.Select(times => times.Percentile(99)).Median());
    }

    private static async Task<ClassWork> WorkAsync(RoadmapDb db, NpgsqlDataSource source, int at, CancellationToken cancel)
    {
        var store = new ProgressStore(db, source, Options.Create(new JobOptions()), TimeProvider.System);
        string[] students = [.. Enumerable.Range(at * ClassSize, ClassSize).Select(student => $"s{student}")];
        var roadmap = new Roadmap(
            TaskOf(at), null, "A plan", "", "en", "beginner", 5, [], Makers.Catalogue, [], Concepts, null,
            [new("m", "All", [.. Enumerable.Range(0, Concepts).Select(n => new Concept($"c{n}", $"Concept {n}", "", 1, [], [], [], []))])], []);
        return new(
            new(Guid.Empty, "7b", [.. students.Select(student => new ClassStudent(student, student, Visibility.Progress))], []), [roadmap], [],
            await store.ReadAsync("dev", students, [TaskOf(at)], [SetOf(at)], cancel), await store.MarksAsync("dev", students, [TaskOf(at)], cancel),
            await store.DatesAsync("dev", [TaskOf(at)], cancel), DateTimeOffset.UtcNow);
    }

    private static Guid SetOf(int at) => new(at + 1, 1, 0, [0, 0, 0, 0, 0, 0, 0, 0]);

    private static Guid TaskOf(int at) => new(at + 1, 2, 0, [0, 0, 0, 0, 0, 0, 0, 0]);

    /// <summary>
    /// Each class has a set of 50 items on the concepts of its roadmap, which each student reviewed; what they reviewed beyond is in sets of
    /// their own. Half of it is due.
    /// </summary>
    private static async Task SeedAsync(NpgsqlDataSource source, int students, int reviews, CancellationToken cancel)
    {
        const string Id = "(lpad(to_hex({0}), 8, '0') || '-{1}-0000-0000-000000000000')::uuid";
        string IdOf(string number, string kind) => string.Format(CultureInfo.InvariantCulture, Id, number, kind);
        var classes = students / ClassSize;
        var own = reviews - Concepts * PerConcept;
        const string Set = "(id, tenant, subject, title, language, made_by, made_from, task_id, notes, created_at)";
        const string Item = "(id, set_id, tenant, subject, number, kind, question, answers, task_id, concept_id, created_at)";
        await using var connection = await source.OpenConnectionAsync(cancel);
        foreach (var sql in new[]
        {
            "SET synchronous_commit = off",
            $"INSERT INTO practice_sets {Set} SELECT {IdOf("n", "0001")}, 'dev', 'teacher', 'Set', 'en', 'catalogue', 'concept', {IdOf("n", "0002")}, '{{}}', now() FROM generate_series(1, {classes}) n",
            $"INSERT INTO practice_items {Item} SELECT gen_random_uuid(), {IdOf("n", "0001")}, 'dev', 'teacher', i, 'cloze', 'The ____', '{{thumb}}', {IdOf("n", "0002")}, 'c' || (i % {Concepts}), now() FROM generate_series(1, {classes}) n, generate_series(0, {Concepts * PerConcept - 1}) i",
            own == 0 ? "SELECT 1" : $"INSERT INTO practice_sets {Set} SELECT {IdOf("n", "0003")}, 'dev', 's' || n, 'Set', 'en', 'passages', 'kb', NULL, '{{}}', now() FROM generate_series(0, {students - 1}) n",
            own == 0 ? "SELECT 1" : $"INSERT INTO practice_items {Item} SELECT gen_random_uuid(), {IdOf("n", "0003")}, 'dev', 's' || n, i, 'cloze', 'The ____', '{{thumb}}', NULL, NULL, now() FROM generate_series(0, {students - 1}) n, generate_series(1, {own}) i",
            $"""
            INSERT INTO practice_cards (tenant, subject, item_id, set_id, task_id, concept_id, stability, difficulty, last_review, due, scheduled_days, reps, lapses, last_score)
            SELECT 'dev', 's' || n, i.id, i.set_id, i.task_id, i.concept_id, 1 + random() * 50, 5, now() - random() * interval '30 days',
                   now() + (random() - 0.5) * interval '30 days', 3, 1, 0, round(random())
            FROM generate_series(0, {students - 1}) n JOIN practice_items i
              ON i.set_id = {IdOf($"n / {ClassSize} + 1", "0001")} OR (i.set_id = {IdOf("n", "0003")} AND i.subject = 's' || n)
            """,
            """
            INSERT INTO practice_attempts (tenant, subject, id, idempotency_key, fingerprint, item_id, set_id, task_id, concept_id, answer, outcome, score, rating, graded_by, counted, next_due, at)
            SELECT tenant, subject, id, id::text, '\x00', item_id, set_id, task_id, concept_id, 'x', 'correct', 1, 3, 'rule', true, due, last_review
            FROM (SELECT *, gen_random_uuid() AS id FROM practice_cards) c
            """,
            "VACUUM ANALYZE",
        })
        {
            await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 600 };
            await command.ExecuteNonQueryAsync(cancel);
        }
    }
}
