using System.Diagnostics;
using System.Diagnostics.Metrics;
using Lyceum.Durability.Commits;
using Lyceum.Durability.Postgres;
using Lyceum.Tests.Support.Postgres;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Lyceum.Tests.Durability.Tests;

/// <summary>
/// Durable means replicated: a primary that waits for its standby, and a standby that does not answer.
/// </summary>
public sealed class ReplicationTests(ReplicationTests.Cluster cluster)
    : IClassFixture<ReplicationTests.Cluster>, IAsyncLifetime
{
    // Long enough for what is given up to be at the server by then, on a machine that is busy.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(3);

    /// <summary>Every way in which a piece of work stops waiting for its commit of the row <c>id</c>.</summary>
    private static readonly Dictionary<string, Func<Service, int, CancellationToken, Task>> WaysToGiveUp = new()
    {
        ["time-out of a command"] = async (service, id, _) =>
        {
            await using var command = service.Requests.CreateCommand(Insert(id));
            command.CommandTimeout = 1;
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        },
        ["time-out of a batch"] = async (service, id, _) =>
        {
            await using var connection = await service.Requests.OpenConnectionAsync(CancellationToken.None);
            await using var batch = new NpgsqlBatch(connection) { Timeout = 1, BatchCommands = { new(Insert(id)) } };
            await batch.ExecuteNonQueryAsync(CancellationToken.None);
        },
        ["time-out of a reader"] = async (service, id, _) =>
        {
            await using var command = service.Requests.CreateCommand($"{Insert(id)} RETURNING id");
            command.CommandTimeout = 1;
            await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
            while (await reader.ReadAsync(CancellationToken.None))
            {
            }
        },
        ["token of a command"] = async (service, id, soon) =>
        {
            await using var command = service.Requests.CreateCommand(Insert(id));
            await command.ExecuteScalarAsync(soon);
        },
        ["token of a prepared command of the machinery"] = async (service, id, soon) =>
        {
            await using var connection = await service.System.OpenConnectionAsync(soon);
            await using var command = new NpgsqlCommand(Insert(id), connection);
            await command.PrepareAsync(soon);
            await command.ExecuteNonQueryAsync(soon);
        },
        ["token of a transaction"] = async (service, id, soon) =>
        {
            await using var connection = await service.Requests.OpenConnectionAsync(soon);
            await using var transaction = await connection.BeginTransactionAsync(soon);
            await using var command = new NpgsqlCommand(Insert(id), connection);
            await command.ExecuteNonQueryAsync(soon);
            await transaction.CommitAsync(soon);
        },
        ["cancel of a command"] = async (service, id, _) =>
        {
            await using var connection = await service.Requests.OpenConnectionAsync(CancellationToken.None);
            await using var command = new NpgsqlCommand(Insert(id), connection);
            using var timer = new Timer(_ => command.Cancel(), null, Soon, Timeout.InfiniteTimeSpan);
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        },
        ["token of EF's SaveChanges"] = async (service, id, soon) =>
        {
            await using var scope = service.Provider.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<ItemsDb>();
            db.Add(new Row { Id = id });
            await db.SaveChangesAsync(soon);
        },
        ["token of EF's transaction"] = async (service, id, soon) =>
        {
            await using var scope = service.Provider.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<ItemsDb>();
            await using var transaction = await db.Database.BeginTransactionAsync(soon);
            db.Add(new Row { Id = id });
            await db.SaveChangesAsync(soon);
            await transaction.CommitAsync(soon);
        },
        ["token of EF's plain SQL"] = async (service, id, soon) =>
        {
            await using var scope = service.Provider.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<ItemsDb>();
            await db.Database.ExecuteSqlAsync($"INSERT INTO items VALUES ({id}, '')", soon);
        },
        ["stop of a group commit"] = async (service, id, soon) =>
        {
            using var writer = new Writer(service.System);
            await writer.StartAsync(soon);
            var written = writer.WriteAsync(id);
            await Task.Delay(Soon, CancellationToken.None);
            await writer.StopAsync(CancellationToken.None);
            (await written).ShouldBe("abandoned");
            throw new OperationCanceledException();
        },
    };

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(!cluster.IsAvailable, "PostgreSQL's server binaries are not installed");
        await cluster.ExecuteAsync("TRUNCATE items");
    }

    public async ValueTask DisposeAsync()
    {
        if (cluster.IsAvailable)
            await cluster.Standby.ResumeAsync();
    }

    /// <summary>What everything here is about, as Npgsql and Postgres do it of themselves.</summary>
    [Fact]
    public async Task Commit_CancelledByNpgsqlItself_SucceedsVisibleAndNotReplicated()
    {
        await using var source = NpgsqlDataSource.Create($"{cluster.ConnectionString};Command Timeout=1");
        await using var connection = await source.OpenConnectionAsync(CancellationToken.None);
        var notices = new List<PostgresNotice>();
        connection.Notice += (_, e) => notices.Add(e.Notice);
        await cluster.Standby.PauseAsync();

        await using (var command = new NpgsqlCommand(Insert(1), connection))
            (await command.ExecuteNonQueryAsync(CancellationToken.None)).ShouldBe(1);

        notices.ShouldHaveSingleItem().SqlState.ShouldBe("01000");
        (await VisibleAsync()).ShouldBe([1]);
    }

    [Fact]
    public async Task Commit_GivenUp_StaysInvisible_UntilTheStandbyReturns()
    {
        await using var service = new Service(cluster.ConnectionString);
        await using var replica = new Service(cluster.ConnectionString);
        await service.WarmUpAsync(connections: WaysToGiveUp.Count);
        await replica.WarmUpAsync(connections: 1);
        await cluster.Standby.PauseAsync();
        var started = Stopwatch.GetTimestamp();
        using var soon = new CancellationTokenSource(Soon);

        var given = await Task.WhenAll(
            WaysToGiveUp.Values.Select((way, id) => OutcomeAsync(() => way(service, id, soon.Token))));

        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(30));
        foreach (var (way, outcome) in WaysToGiveUp.Keys.Zip(given))
            outcome.ShouldNotBe("committed", way);
        // Longer than a cancellation takes to arrive, and than a closed socket to be noticed.
        await Task.Delay(TimeSpan.FromSeconds(1.2), CancellationToken.None);
        (await replica.VisibleAsync()).Select(id => WaysToGiveUp.Keys.ElementAt(id)).ShouldBeEmpty();

        await cluster.Standby.ResumeAsync();
        await Eventually.TrueAsync(
            async () => (await replica.VisibleAsync()).Count == WaysToGiveUp.Count, "what came late is there");
    }

    /// <summary>
    /// An operator's <c>pg_cancel_backend</c>: nobody who wrote says so before a later commit is replicated.
    /// </summary>
    [Fact]
    public async Task Commit_CancelledByAnother_ShownOnlyWhenReplicated()
    {
        await using var service = new Service(cluster.ConnectionString);
        await service.WarmUpAsync(connections: 4);
        using var writer = new Writer(service.System);
        await writer.StartAsync(CancellationToken.None);
        (await writer.WriteAsync(100)).ShouldBe("written");
        await cluster.Standby.PauseAsync();

        Task[] shown =
        [
            writer.WriteAsync(0), service.SaveAsync(1), service.SaveInTransactionAsync(2),
            service.ExecuteWatchedAsync(3),
        ];
        await Eventually.TrueAsync(
            async () => await cluster.CancelWaitingAsync() >= shown.Length, "the commits wait, and are cancelled");
        await Eventually.TrueAsync(
            async () => (await VisibleAsync()).Count == 1 + shown.Length, "the rows are visible");
        await Task.Delay(Soon, CancellationToken.None);
        shown.Where(task => task.IsCompleted).ShouldBeEmpty();

        await cluster.Standby.ResumeAsync();
        await Task.WhenAll(shown).WaitAsync(Eventually.Limit, CancellationToken.None);
        await writer.StopAsync(CancellationToken.None);
    }

    /// <summary>A server that starts again shows what it had committed alone.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task Server_StartedAgainWithoutItsStandby_ReadOnlyWhenReplicated()
    {
        await using var service = new Service(cluster.ConnectionString);
        await service.WarmUpAsync(connections: 2);
        await cluster.Standby.PauseAsync();
        using (var soon = new CancellationTokenSource(Soon))
            await OutcomeAsync(() => service.SaveAsync(1, soon.Token));
        await cluster.Primary.KillAsync();
        await cluster.Primary.RestartAsync();
        (await VisibleAsync()).ShouldBe([1]); // to whoever does not ask

        await OutcomeAsync(service.VisibleAsync); // what was in the pool is broken
        await Should.ThrowAsync<NpgsqlException>(service.VisibleAsync);

        await cluster.Standby.ResumeAsync();
        await Eventually.TrueAsync(
            async () => await OutcomeAsync(service.VisibleAsync) == "committed", "the server is read again");
        (await service.VisibleAsync()).ShouldBe([1]);
    }

    /// <summary>
    /// Giving up again and again leaves a bounded number of processes at the server that wait for its standby.
    /// </summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task Commits_GivenUpWithoutEnd_LeaveFewWaitingAtTheServer()
    {
        await using var service = new Service(cluster.ConnectionString);
        await service.WarmUpAsync(connections: 1);
        await cluster.Standby.PauseAsync();
        var refused = 0;
        for (var id = 0; id < 60 && refused == 0; id++)
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(id < 20 ? 30 : 300));
            refused += await OutcomeAsync(() => service.SaveAsync(id, soon.Token)) == NotReplicated ? 1 : 0;
        }

        refused.ShouldBe(1);
    }

    /// <summary>A loop that retries for ever leaves one commit behind, not one at each attempt.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task Commit_WaitingLong_KeepsLoopsFromNewConnections_AndRequestsCanRead()
    {
        await using var service = new Service(cluster.ConnectionString);
        await service.WarmUpAsync(connections: 1);
        await using var held = await service.System.OpenConnectionAsync(CancellationToken.None);
        await cluster.Standby.PauseAsync();
        using (var soon = new CancellationTokenSource(Soon))
            await OutcomeAsync(() => service.SaveAsync(1, soon.Token));
        await Task.Delay(TimeSpan.FromSeconds(3), CancellationToken.None);

        await Should.ThrowAsync<NpgsqlException>(() => service.System.OpenConnectionAsync(default).AsTask());
        (await service.VisibleAsync()).ShouldBeEmpty();

        await cluster.Standby.ResumeAsync();
        await using var opened = await service.System.OpenConnectionAsync(CancellationToken.None);
        (await service.VisibleAsync()).ShouldBe([1]);
    }

    [Fact]
    public async Task Watch_ShowsTheStandby_AndThatCommitsWaitForIt()
    {
        await using (var service = new Service(cluster.ConnectionString))
            (await service.WatchAsync()).ShouldBe((1, 1, 0));

        await cluster.Standby.PauseAsync();

        // One that has just started, and opens no connection while its commits are not replicated.
        await using var late = new Service(cluster.ConnectionString);
        (await late.WatchAsync()).ShouldBe((1, 0, 1));
    }

    /// <summary>No service opens a connection by another way than the one that all of the above is about.</summary>
    [Fact]
    public void Connections_OfEveryService_OpenedByAddPostgresAlone()
    {
        string[] projects = ["BuildingBlocks", "ServiceDefaults", "ChatApi", "SessionApi", "Gateway", "RoadmapWorker"];
        string[] ways = ["new NpgsqlConnection(", "NpgsqlDataSource.Create", "new NpgsqlDataSourceBuilder", "UseNpgsql("];

        var found = projects
            .SelectMany(project => Directory.GetFiles(
                Path.Combine(Repository.Root, project), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
            // The doctor looks at servers as they are, and stores nothing that anybody is shown.
            .Where(file => !file.Contains("/BuildingBlocks/Doctor/", StringComparison.Ordinal))
            .Where(file => ways.Any(way => File.ReadAllText(file).Contains(way, StringComparison.Ordinal)))
            .Select(file => Path.GetFileName(file));

        found.ShouldBe(["PostgresRegistration.cs"]);
    }

    [Theory]
    [InlineData("Host=a", null, 10)]
    [InlineData("Host=a,b", "primary", 1)]
    [InlineData("Host=a:5433,b:5434;Target Session Attributes=primary", "primary", 1)]
    [InlineData("Host=a,b;Target Session Attributes=read-write;Host Recheck Seconds=4", "read-write", 4)]
    public async Task Hosts_Several_ThePrimaryIsUsedAndSoonFound(string hosts, string? target, int recheckSeconds)
    {
        await using var service = new Service(hosts);

        var requests = new NpgsqlConnectionStringBuilder(service.Requests.ConnectionString);

        (requests.TargetSessionAttributes, requests.HostRecheckSeconds).ShouldBe((target, recheckSeconds));
    }

    private static string Insert(int id) => $"INSERT INTO items VALUES ({id}, '')";

    private const string NotReplicated = "Commits are not replicated";

    private static async Task<string> OutcomeAsync(Func<Task> work)
    {
        try
        {
            await work();
            return "committed";
        }
        catch (Exception e) when (
            e is NpgsqlException or OperationCanceledException or DbUpdateException or InvalidOperationException)
        {
            return e.ToString().Contains(NotReplicated, StringComparison.Ordinal) ? NotReplicated : e.Message;
        }
    }

    /// <summary>As anybody sees it who connects anew.</summary>
    private async Task<List<int>> VisibleAsync()
    {
        await using var source = NpgsqlDataSource.Create($"{cluster.ConnectionString};Pooling=false");
        return await VisibleAsync(source);
    }

    private static async Task<List<int>> VisibleAsync(NpgsqlDataSource source)
    {
        await using var command = source.CreateCommand("SELECT id FROM items ORDER BY id");
        await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
        var ids = new List<int>();
        while (await reader.ReadAsync(CancellationToken.None))
            ids.Add(reader.GetInt32(0));
        return ids;
    }

    /// <summary>A primary that waits until its one standby has replayed a commit.</summary>
    public sealed class Cluster : IAsyncLifetime
    {
        public PostgresServer Primary { get; } = new();

        public PostgresServer Standby { get; private set; } = null!;

        public bool IsAvailable => Primary.IsAvailable;

        public string ConnectionString => Primary.ConnectionString("postgres");

        public async ValueTask InitializeAsync()
        {
            await Primary.StartAsync();
            if (!IsAvailable)
                return;
            await Primary.SetAsync(("fsync", "off"), ("wal_retrieve_retry_interval", "100ms"));
            Standby = await Primary.StartStandbyAsync("standby");
            await ExecuteAsync("CREATE TABLE items (id int PRIMARY KEY, body text NOT NULL)");
            await Primary.SetAsync(
                ("synchronous_commit", "remote_apply"), ("synchronous_standby_names", "ANY 1 (standby)"));
        }

        public Task ExecuteAsync(string sql) => Primary.ExecuteAsync(sql);

        /// <summary>Cancels every commit that waits for the standby.</summary>
        /// <returns>How many waited, if they were enough to be all of a test.</returns>
        public async Task<long> CancelWaitingAsync()
        {
            await using var source = NpgsqlDataSource.Create($"{ConnectionString};Pooling=false");
            const string waits = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
            await using var count = source.CreateCommand($"SELECT count(*) {waits}");
            var waiting = (long)(await count.ExecuteScalarAsync())!;
            if (waiting < 4)
                return waiting;
            await using var cancel = source.CreateCommand($"SELECT pg_cancel_backend(pid) {waits}");
            await cancel.ExecuteNonQueryAsync();
            return waiting;
        }

        public async ValueTask DisposeAsync()
        {
            if (Standby is not null)
                await Standby.DisposeAsync();
            await Primary.DisposeAsync();
        }
    }

    /// <summary>A service's database, as every service registers it.</summary>
    public sealed class Service : IAsyncDisposable
    {
        private readonly WebApplication _app;

        public Service(string connectionString)
        {
            var builder = WebApplication.CreateBuilder();
            builder.Configuration["ConnectionStrings:items"] = $"{connectionString};Timeout=5;Application Name=items";
            builder.Logging.ClearProviders();
            builder.AddPostgres<ItemsDb>("items");
            _app = builder.Build(); // not started: its machinery is not needed
        }

        public IServiceProvider Provider => _app.Services;

        public NpgsqlDataSource Requests => Provider.GetRequiredService<NpgsqlDataSource>();

        public SystemDataSource System => Provider.GetRequiredService<SystemDataSource>();

        /// <summary>The metrics of replication, once they are there.</summary>
        public async Task<(long Required, long Standbys, long Waiting)> WatchAsync()
        {
            var seen = new Dictionary<string, long>(StringComparer.Ordinal);
            using var listener = new MeterListener();
            listener.InstrumentPublished = (instrument, to) =>
            {
                if (instrument.Meter.Scope == Provider.GetRequiredService<IMeterFactory>()
                    && instrument.Name.StartsWith("lyceum.replication.", StringComparison.Ordinal))
                    to.EnableMeasurementEvents(instrument);
            };
            listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => seen[instrument.Name.Split('.')[^1]] = value);
            listener.Start();
            Provider.GetRequiredService<DatabaseReady>().Set();
            using var watch = ActivatorUtilities.CreateInstance<ReplicationWatch>(Provider, TimeProvider.System);
            await watch.StartAsync(TestContext.Current.CancellationToken);
            await Eventually.TrueAsync(() =>
            {
                listener.RecordObservableInstruments();
                return seen.Count == 3;
            }, "replication was looked at");
            await watch.StopAsync(TestContext.Current.CancellationToken);
            return (seen["required"], seen["standbys"], seen["waiting"]);
        }

        public Task<List<int>> VisibleAsync() => ReplicationTests.VisibleAsync(Requests);

        /// <summary>As a service that has been running for a while.</summary>
        public async Task WarmUpAsync(int connections)
        {
            var open = await Task.WhenAll(
                Enumerable.Range(0, connections).Select(_ => Requests.OpenConnectionAsync().AsTask()));
            await using (await System.OpenConnectionAsync(CancellationToken.None))
            {
                foreach (var connection in open)
                    await connection.DisposeAsync();
            }
        }

        public async Task SaveAsync(int id, CancellationToken cancellationToken = default)
        {
            await using var scope = Provider.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<ItemsDb>();
            db.Add(new Row { Id = id });
            await db.SaveChangesAsync(cancellationToken);
        }

        public async Task SaveInTransactionAsync(int id)
        {
            await using var scope = Provider.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<ItemsDb>();
            await using var transaction = await db.Database.BeginTransactionAsync();
            db.Add(new Row { Id = id });
            await db.SaveChangesAsync();
            await transaction.CommitAsync();
        }

        public async Task ExecuteWatchedAsync(int id)
        {
            await using var connection = await Requests.OpenConnectionAsync();
            using var watch = new CommitWatch(connection);
            await using (var command = new NpgsqlCommand(Insert(id), connection))
                await command.ExecuteNonQueryAsync();
            await watch.ConfirmAsync(CancellationToken.None);
        }

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }

    public sealed class ItemsDb(DbContextOptions<ItemsDb> options) : DbContext(options)
    {
        protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.Entity<Row>(row =>
        {
            row.ToTable("items");
            row.Property(r => r.Id).HasColumnName("id").ValueGeneratedNever();
            row.Property(r => r.Body).HasColumnName("body");
        });
    }

    public sealed class Row
    {
        public int Id { get; init; }
        public string Body { get; init; } = "";
    }

    private sealed class Writer(SystemDataSource source)
        : GroupCommit<Writer.Item>(
            source, TestDatabase.Ready(), TestDatabase.Progress(TimeProvider.System), TimeProvider.System, NullLogger.Instance)
    {
        protected override int MaxBatch => 100;

        public Task<string> WriteAsync(int id)
        {
            var item = new Item(id, new(TaskCreationOptions.RunContinuationsAsynchronously));
            return TryEnqueue(item) ? item.Result.Task : Task.FromResult("refused");
        }

        protected override async Task WriteAsync(
            NpgsqlConnection connection, bool again, CancellationToken cancellationToken)
        {
            await using var command = new NpgsqlCommand(
                "INSERT INTO items SELECT id, '' FROM unnest($1) AS id ON CONFLICT DO NOTHING", connection);
            command.Parameters.Add(new() { Value = Batch.Select(item => item.Id).ToArray() });
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        protected override void Release()
        {
            Batch.ForEach(item => item.Result.SetResult("written"));
            Batch.Clear();
        }

        protected override void Reject(Item item, Exception reason) => item.Result.TrySetException(reason);

        protected override void Abandon(Item item) => item.Result.TrySetResult("abandoned");

        internal sealed record Item(int Id, TaskCompletionSource<string> Result);
    }
}
