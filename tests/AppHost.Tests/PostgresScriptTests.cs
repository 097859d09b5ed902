using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Aspire.Hosting.ApplicationModel;
using Lyceum.AppHost.Infrastructure;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace Lyceum.Tests.AppHost;

/// <summary>AppHost/Infrastructure/postgres.sh over this machine's real server.</summary>
public sealed class PostgresScriptTests : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly TemporaryFolder folder = new();
    private readonly List<Process> started = [];
    private readonly int port = FreePort();

    private string Data => folder.PathOf("postgres");

    private NpgsqlDataSource Database { get; }

    public PostgresScriptTests()
    {
        using var check = Run("--check");
        check.WaitForExit(Limit);
        Assert.SkipUnless(check.ExitCode == 0, "no PostgreSQL server on this machine");
        Database = NpgsqlDataSource.Create($"Host=localhost;Port={port};Username=postgres;Password=secret;Pooling=false;Timeout=5");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var script in started.Where(script => !script.HasExited))
            await StopAsync(script);
        await Database.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Data_AfterStopAndStart_IsStillThere()
    {
        var script = await StartAsync();
        await ExecuteAsync("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('here')");
        (await ExecuteAsync("SHOW max_connections")).ShouldBe("300");
        (await ExecuteAsync("SHOW fsync")).ShouldBe("on");
        (await ExecuteAsync("SHOW server_encoding")).ShouldBe("UTF8");
        await StopAsync(script);

        await StartAsync();

        (await ExecuteAsync("SELECT word FROM kept")).ShouldBe("here");
    }

    [Fact]
    public async Task Sigterm_WhileAClientIsBusy_StopsAtOnce()
    {
        var script = await StartAsync();
        var busy = ExecuteAsync("SELECT pg_sleep(60)");

        await StopAsync(script);

        script.ExitCode.ShouldBe(0);
        await Should.ThrowAsync<NpgsqlException>(busy);
    }

    [Fact]
    public async Task Script_KilledOutright_TakesItsServerAlong()
    {
        var script = await StartAsync();
        await ExecuteAsync("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('committed')");
        script.Kill(); // SIGKILL, of the script alone
        await script.WaitForExitAsync();

        // A new start waits for what is left and finds everything that was committed.
        await StartAsync();
        (await ExecuteAsync("SELECT word FROM kept")).ShouldBe("committed");
    }

    [Fact]
    public async Task Server_KilledOutright_IsReportedAndStartsAgain()
    {
        var script = await StartAsync();
        await ExecuteAsync("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('committed')");
        var server = int.Parse((await File.ReadAllLinesAsync(Path.Combine(Data, "postmaster.pid")))[0]);
        using (var process = Process.GetProcessById(server))
            process.Kill();
        await script.WaitForExitAsync().WaitAsync(Limit);
        script.ExitCode.ShouldNotBe(0);

        await StartAsync();
        (await ExecuteAsync("SELECT word FROM kept")).ShouldBe("committed");
    }

    [Fact]
    public async Task FirstStart_InterruptedBefore_BeginsAgain()
    {
        Directory.CreateDirectory(folder.PathOf("postgres.new", "base"));
        await File.WriteAllTextAsync(folder.PathOf("postgres.new", "PG_VERSION"), "15");

        await StartAsync();

        (await ExecuteAsync("SELECT 1")).ShouldBe("1");
        Directory.Exists(folder.PathOf("postgres.new")).ShouldBeFalse();
    }

    [Fact]
    public async Task Folder_WithSomethingElseInIt_IsLeftAlone()
    {
        Directory.CreateDirectory(Data);
        var precious = Path.Combine(Data, "thesis.txt");
        await File.WriteAllTextAsync(precious, "years of work");

        using var script = Run();
        await script.WaitForExitAsync().WaitAsync(Limit);

        script.ExitCode.ShouldNotBe(0);
        (await File.ReadAllTextAsync(precious)).ShouldBe("years of work");
    }

    [Fact]
    public async Task Password_Wrong_IsRefused()
    {
        await StartAsync();
        await using var intruder = new NpgsqlConnection(
            $"Host=localhost;Port={port};Username=postgres;Password=guess;Pooling=false");
        (await Should.ThrowAsync<PostgresException>(intruder.OpenAsync())).SqlState.ShouldBe(PostgresErrorCodes.InvalidPassword);
    }

    /// <summary>Also of a database that an earlier version made as the administrator, with tables in it.</summary>
    [Fact]
    public async Task Databases_MadeReady_AreTheirRolesAlone_FreshOrNot()
    {
        await StartAsync();
        await ExecuteAsync("CREATE DATABASE chatdb");
        await using (var old = Connect("chatdb", "postgres", "secret"))
        {
            await ExecuteAsync(old, """
                CREATE TABLE kept (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, number serial, word text);
                INSERT INTO kept (word) VALUES ('here');
                CREATE INDEX ix_kept ON kept (word);
                CREATE SEQUENCE alone;
                CREATE VIEW words AS SELECT word FROM kept;
                CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
                """);
        }
        WantedDatabase[] wanted = [Wanted("chatdb"), Wanted("sessiondb")];
        var administrator = ReferenceExpression.Create(
            $"Host=localhost;Port={$"{port}"};Username=postgres;Password=secret");
        for (var start = 0; start < 2; start++)
        {
            var readiness = new PostgresReadiness(administrator, wanted);
            var health = await readiness.CheckHealthAsync(new HealthCheckContext());
            health.Status.ShouldBe(HealthStatus.Healthy, health.Description);
        }

        await using (var own = Connect("chatdb", "chatdb", "its own"))
        {
            await ExecuteAsync(own, """
                INSERT INTO kept (word) VALUES ('more'); ALTER TABLE kept ADD COLUMN n int; DROP INDEX ix_kept;
                ALTER SEQUENCE alone RESTART; CREATE OR REPLACE VIEW words AS SELECT word FROM kept WHERE n IS NULL;
                CREATE OR REPLACE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n + n';
                CREATE TABLE further (id int); NOTIFY anything;
                """);
            foreach (var forbidden in (string[])
                [
                    "CREATE DATABASE mine", "CREATE ROLE mine", "SELECT pg_read_file('PG_VERSION')", "COPY kept TO PROGRAM 'cat'",
                    "ALTER SYSTEM SET fsync = off", "ALTER ROLE postgres PASSWORD 'mine'", "SET ROLE sessiondb", "SET ROLE postgres",
                ])
            {
                (await Should.ThrowAsync<PostgresException>(() => ExecuteAsync(own, forbidden), forbidden))
                    .SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege, forbidden);
            }
        }
        await using (var fresh = Connect("sessiondb", "sessiondb", "its own"))
            await ExecuteAsync(fresh, "CREATE TABLE first (id int)");
        await using var others = Connect("sessiondb", "chatdb", "its own");
        (await Should.ThrowAsync<PostgresException>(others.OpenAsync())).SqlState
            .ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
    }

    private static WantedDatabase Wanted(string name) =>
        new(name, new ParameterResource($"{name}-password", _ => "its own", secret: true));

    private NpgsqlConnection Connect(string database, string role, string password) => new(
        $"Host=localhost;Port={port};Username={role};Password={password};Database={database};Pooling=false");

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        if (connection.State == System.Data.ConnectionState.Closed)
            await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private async Task<Process> StartAsync()
    {
        var script = Run();
        started.Add(script);
        var deadline = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                await ExecuteAsync("SELECT 1");
                return script;
            }
            catch (NpgsqlException) when (!script.HasExited && deadline.Elapsed < Limit)
            {
                await Task.Delay(50);
            }
        }
    }

    private Process Run(params string[] arguments)
    {
        var path = Path.Combine(Repository.Root, "AppHost", "Infrastructure", "postgres.sh");
        var script = Process.Start(new ProcessStartInfo(path, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["POSTGRES_DATA"] = Data,
                ["POSTGRES_PASSWORD"] = "secret",
                ["POSTGRES_MAX_CONNECTIONS"] = "300",
                ["PGPORT"] = $"{port}",
            },
        })!;
        script.BeginOutputReadLine();
        script.BeginErrorReadLine();
        return script;
    }

    private static async Task StopAsync(Process script)
    {
        using (var kill = Process.Start("kill", ["-TERM", $"{script.Id}"]))
            await kill.WaitForExitAsync();
        await script.WaitForExitAsync().WaitAsync(Eventually.Limit);
    }

    private async Task<string?> ExecuteAsync(string sql)
    {
        await using var command = Database.CreateCommand(sql);
        return (await command.ExecuteScalarAsync())?.ToString();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
