using System.Diagnostics;
using Lyceum.Cli.Backups.Age;
using Lyceum.Cli.Backups.Archives;

namespace Lyceum.Tests.Cli.Tests.Backups;

/// <summary>The program as an administrator runs it.</summary>
[Collection(SourceCollection.Name)]
public sealed class CommandTests(SourceSystem system) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lyceum-command-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Commands_FromKeyToVerify_Work()
    {
        var (key, open, metrics) = (Path.Combine(_folder, "key"), Path.Combine(_folder, "key.pub"), _folder);
        (await RunAsync("backup", "init-key", key, "--public", open)).Status.ShouldBe(0);
        File.GetUnixFileMode(key).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (await RunAsync("backup", "init-key", key)).Status.ShouldBe(2);

        var made = await RunAsync("backup", "--key", open, "--to", _folder, "--data", system.DataFolder, "--method", "dump", "--metrics", metrics);
        made.Status.ShouldBe(0, made.Error);
        var archive = Directory.GetFiles(_folder, "lyceum-*.age").Single();
        File.ReadAllText(Path.Combine(metrics, "lyceum_backup.prom")).ShouldContain($"lyceum_backup_size_bytes {new FileInfo(archive).Length}\n");

        (await RunAsync("verify", archive, "--key", open)).Error.ShouldContain("takes the secret one");
        var verified = await RunAsync("verify", _folder, "--key", key, "--metrics", metrics);
        verified.Status.ShouldBe(0, verified.Error);
        verified.Output.ShouldStartWith("Whole: ");
        File.ReadAllText(Path.Combine(metrics, "lyceum_backup_verify.prom")).ShouldContain("lyceum_backup_last_verify_success_timestamp_seconds ");

        using (var file = File.OpenWrite(archive))
            file.SetLength(file.Length / 2);
        var cut = await RunAsync("verify", archive, "--key", key);
        cut.Status.ShouldBe(1);
        cut.Error.ShouldContain("cut off");
    }

    [Fact]
    public async Task Backup_WithoutDatabasesOrKey_DoesNotBegin()
    {
        var key = Path.Combine(_folder, "key");
        (await RunAsync("backup", "--key", key, "--to", _folder)).Status.ShouldBe(2);
        KeyFile.Create(key, null, DateTimeOffset.UnixEpoch);
        File.SetUnixFileMode(key, (UnixFileMode)0b110_100_000);
        (await RunAsync("backup", "--key", key, "--to", _folder)).Error.ShouldContain("chmod 600");
        File.WriteAllText(key, $"{AgeIdentity.Generate().Recipient}x\n");
        (await RunAsync("backup", "--key", key, "--to", _folder)).Error.ShouldContain("line 1");

        Directory.GetFiles(_folder).Length.ShouldBe(1);
    }

    private async Task<(int Status, string Output, string Error)> RunAsync(params string[] arguments)
    {
        // With the tests' own frameworks: what these bring is not beside the program here.
        var here = Path.Combine(AppContext.BaseDirectory, "Cli.Tests");
        var start = new ProcessStartInfo(
            "dotnet",
            ["exec", "--runtimeconfig", $"{here}.runtimeconfig.json", "--depsfile", $"{here}.deps.json",
                Path.Combine(AppContext.BaseDirectory, "lyceum.dll"), .. arguments])
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
        };
        if (system.Server.IsAvailable)
        {
            foreach (var name in Lyceum.Cli.Backups.Databases.Connections.Databases)
                start.Environment[$"ConnectionStrings__{name}"] = system.ConnectionString(name);
        }
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output, await error);
    }
}
