using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Practice;
using Lyceum.Tests.RoadmapWorker.Tests.Models;
using Lyceum.Tests.StubModel;
using Npgsql;

namespace Lyceum.Tests.RoadmapWorker.Tests.Practice;

/// <summary>
/// A worker process is killed (SIGKILL) while it makes a practice set, and while it records an attempt: nothing is lost, and nothing
/// is there twice. Locks that the test holds keep the worker where it is to die.
/// </summary>
public sealed class KilledTests(PostgresFixture postgres)
{

    [Fact]
    public async Task Set_WhoseWorkerIsKilledBetweenStoringItAndSayingSo_IsThereOnce()
    {
        await using var place = await Place.StartAsync(postgres);
        await StoreTwiceAsync(place, await place.OrderAsync(), asked: 1);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Set_WhoseWorkersAreKilledWherever_IsThereOnce()
    {
        await using var place = await Place.StartAsync(postgres);
        var task = await place.OrderAsync();

        // The model is asked, and the worker dies before its answer.
        place.Model.Hold("the bow");
        using (var victim = place.Start())
        {
            await Eventually.TrueAsync(() => place.Model.Asked.Count == 1, "the model is asked");
            await victim.KillAsync();
        }
        place.Model.Release("the bow");

        // The set is inserted, and its items are not.
        await using (await place.LockAsync("LOCK practice_items IN EXCLUSIVE MODE"))
        {
            using var victim = place.Start();
            await place.UntilWaitingForAsync("practice_items");
            await victim.KillAsync();
        }
        await place.UntilAsync("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'", 0L);
        (await place.ScalarAsync("SELECT count(*) FROM practice_sets")).ShouldBe(0L, "all of it or nothing");
        await StoreTwiceAsync(place, task, asked: 2);
    }

    private static async Task StoreTwiceAsync(Place place, Guid task, int asked)
    {
        var items = await place.LockAsync("LOCK practice_items IN EXCLUSIVE MODE");
        NpgsqlConnection stages;
        // All is stored, but that it is stored is not.
        using (var victim = place.Start())
        {
            await place.UntilWaitingForAsync("practice_items");
            stages = await place.LockAsync("LOCK job_stages IN EXCLUSIVE MODE");
            await items.DisposeAsync();
            await place.UntilAsync("SELECT count(*) FROM practice_sets", 1L);
            await place.UntilWaitingForAsync("job_stages");
            await victim.KillAsync();
        }
        var ids = (string)(await place.ScalarAsync("SELECT string_agg(id::text, ' ' ORDER BY id) FROM practice_items"))!;
        await stages.DisposeAsync();

        using var last = place.Start();
        await place.UntilAsync($"SELECT status FROM jobs WHERE task_id = '{task}'", "completed");
        (await place.ScalarAsync("SELECT string_agg(id::text, ' ' ORDER BY id) FROM practice_items")).ShouldBe(ids);
        (await place.ScalarAsync("SELECT count(*) FROM practice_cards")).ShouldBe(3L);
        place.Model.Asked.Count.ShouldBe(asked, "its answer was stored");
    }

    [Fact]
    public async Task Attempt_WhoseWorkerIsKilledBeforeAndAfterItIsRecorded_CountsOnce()
    {
        await using var place = await Place.StartAsync(postgres);
        Guid item;
        using (var victim = place.Start())
        {
            var task = await place.OrderAsync();
            await place.UntilAsync($"SELECT status FROM jobs WHERE task_id = '{task}'", "completed");
            item = (Guid)(await place.ScalarAsync("SELECT id FROM practice_items WHERE kind = 'choice'"))!;

            // Inside of its transaction: the memory is not locked yet.
            var card = await place.LockAsync("SELECT 1 FROM practice_cards FOR UPDATE");
            var lost = place.AnswerAsync(victim, item);
            await place.UntilWaitingAsync("practice_cards");
            await victim.KillAsync();
            await Should.ThrowAsync<HttpRequestException>(lost);
            await card.DisposeAsync();
        }
        await place.UntilAsync("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()", 0L);
        (await place.ScalarAsync("SELECT count(*) FROM practice_attempts")).ShouldBe(0L);
        (await place.ScalarAsync("SELECT sum(reps) FROM practice_cards")).ShouldBe(0L);

        // Behind its commit: the answer may be lost, the attempt is not.
        string first;
        using (var victim = place.Start())
        {
            first = await (await place.AnswerAsync(victim, item)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            await victim.KillAsync();
        }
        using var last = place.Start();
        using var again = await place.AnswerAsync(last, item);
        again.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await again.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldBe(first);
        (await place.ScalarAsync("SELECT count(*) FROM practice_attempts")).ShouldBe(1L);
        (await place.ScalarAsync("SELECT sum(reps) FROM practice_cards")).ShouldBe(1L);
        (await place.ScalarAsync("SELECT attempts FROM practice_days")).ShouldBe(1);
    }

    /// <summary>A database, a model and SessionApi, which outlive the workers.</summary>
    private sealed class Place : IAsyncDisposable
    {
        private readonly IdentityFolder _identity = new("gateway", "roadmap-worker");
        private readonly HttpClient _client = new() { Timeout = Eventually.Limit };
        private string _database = "";
        private NpgsqlDataSource _source = null!;

        public RoadmapModelServer Model { get; private set; } = null!;
        private KnowledgeServer Knowledge { get; set; } = null!;

        public static async Task<Place> StartAsync(PostgresFixture postgres)
        {
            var database = await postgres.CreateDatabaseAsync();
            return new()
            {
                _database = database, _source = NpgsqlDataSource.Create($"{database};Application Name=test"),
                Model = await WithItemsAsync(), Knowledge = await KnowledgeServer.StartAsync(),
            };
        }

        private static async Task<RoadmapModelServer> WithItemsAsync()
        {
            var model = await RoadmapModelServer.StartAsync();
            model.Bends = (_, _) => WritingModel.Items();
            return model;
        }

        public WorkerProcess Start() => WorkerProcess.Start(_identity, _database, ModelWorker.Addresses(Model, Knowledge));

        public async Task<Guid> OrderAsync()
        {
            var task = Guid.CreateVersion7();
            await using var insert = _source.CreateCommand(
                """
                INSERT INTO jobs (task_id, kind, tenant, subject, status, stage, progress, priority, input, events, attempt, epoch, run_after, timeout, created_at, updated_at)
                VALUES ($1, 'practice', 'dev', 'ada', 'queued', 'gather', 0, 1, $2::json, 0, 0, 0, now(), '1 hour', now(), now())
                """);
            insert.Parameters.Add(new() { Value = task });
            insert.Parameters.Add(new() { Value = JobJson.Write(new PracticeOrder(PracticeOrder.Kb, 3, null, KbId: "bows", Topic: "the bow")) });
            await insert.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            return task;
        }

        public async Task<HttpResponseMessage> AnswerAsync(WorkerProcess worker, Guid item)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(await worker.AddressAsync(), $"/api/practice/items/{item}/attempts"));
            request.Content = JsonContent.Create(new { attempt_id = "a1", choice = 0 });
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _identity.Token(scope: "practice"));
            return await _client.SendAsync(request, TestContext.Current.CancellationToken);
        }

        /// <summary>A transaction that holds a lock until its connection is disposed of.</summary>
        public async Task<NpgsqlConnection> LockAsync(string sql)
        {
            // Not pooled: closed, it is gone, and its lock with it.
            var connection = new NpgsqlConnection($"{_database};Pooling=false;Application Name=test");
            await connection.OpenAsync(TestContext.Current.CancellationToken);
            await using var command = new NpgsqlCommand($"BEGIN; {sql}", connection);
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            return connection;
        }

        /// <summary>Until a statement of the worker waits for a table's lock.</summary>
        public Task UntilWaitingForAsync(string table) => UntilAsync(
            $"SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass", true);

        /// <summary>Until a statement of the worker waits for a row's lock.</summary>
        public Task UntilWaitingAsync(string statement) => UntilAsync(
            $"SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%{statement}%'",
            true);

        public Task UntilAsync(string sql, object value) =>
            Eventually.TrueAsync(async () => value.Equals(await ScalarAsync(sql)), sql);

        public async Task<object?> ScalarAsync(string sql)
        {
            await using var command = _source.CreateCommand(sql);
            return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
        }

        public async ValueTask DisposeAsync()
        {
            _client.Dispose();
            await Model.DisposeAsync();
            await Knowledge.DisposeAsync();
            await _source.DisposeAsync();
            _identity.Dispose();
        }
    }
}
