using System.Diagnostics;
using Lyceum.Tests.Support.Postgres;
using Npgsql;

namespace Lyceum.Tests.Gateway.Tests;

/// <summary><c>Gateway --migrate</c>, as the Job of deploy/kubernetes runs it.</summary>
public sealed class MigrateCommandTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Migrate_BringsADatabaseToThisRelease_HoweverManyDoItAtOnce()
    {
        var empty = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync()) { Database = $"empty_{Guid.NewGuid():N}" };
        var server = new NpgsqlConnectionStringBuilder(empty.ConnectionString) { Database = "postgres", Pooling = false };
        await PostgresServer.ExecuteAsync(server.ConnectionString, $"CREATE DATABASE {empty.Database}");
        var database = empty.ConnectionString;

        var both = await Task.WhenAll(RunAsync(database), RunAsync(database));

        both.Select(run => run.ExitCode).ShouldBe([0, 0], string.Join('\n', both.Select(run => run.Output)));
        (await RunAsync(database)).ShouldBe((0, "The database is this release's already\n"));
    }

    [Fact]
    public async Task Migrate_WithoutADatabase_SaysSo_AndFails()
    {
        var (exitCode, output) = await RunAsync("Host=127.0.0.1;Port=9;Timeout=1;Username=nobody;Database=none");

        exitCode.ShouldBe(1);
        output.ShouldContain("The database was not migrated: ");
    }

    /// <summary>As Kubernetes mounts a Secret for a user who does not own it; whatever connects next reads it anew.</summary>
    [Fact]
    public async Task Password_IsReadFromAFileThatItsGroupMayRead_WheneverAConnectionIsMade()
    {
        var given = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync());
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, $"*:*:{given.Database}:{given.Username}:wrong\n", TestContext.Current.CancellationToken);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
            await using var source = NpgsqlDataSource.Create(
                new NpgsqlConnectionStringBuilder(given.ConnectionString) { Password = null, Passfile = file, Pooling = false }.ConnectionString);
            (await Should.ThrowAsync<PostgresException>(async () => await source.OpenConnectionAsync(TestContext.Current.CancellationToken)))
                .SqlState.ShouldBe(PostgresErrorCodes.InvalidPassword);

            await File.WriteAllTextAsync(file, $"*:*:{given.Database}:{given.Username}:{given.Password}\n", TestContext.Current.CancellationToken);
            await using var connection = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>A service whose files are not there yet can be migrated all the same.</summary>
    private static async Task<(int ExitCode, string Output)> RunAsync(string database)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Gateway.dll"), "--migrate"])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["ConnectionStrings__gatewaydb"] = database;
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
        start.Environment["Logging__LogLevel__Default"] = "Warning";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output + await error);
    }
}
