using System.CommandLine;
using Lyceum.Cli.Backups.Age;
using Lyceum.Cli.Backups.Archives;
using Lyceum.Cli.Backups.Databases;
using Lyceum.Cli.Backups.Destinations;
using Lyceum.Cli.Backups.Rehearsal;
using Lyceum.Cli.Backups.Restoring;
using Npgsql;

namespace Lyceum.Cli.Backups;

/// <summary><c>lyceum backup</c>, <c>lyceum verify</c>, <c>lyceum restore</c>. Exit status: 0 done, 1 failed, 2 could not begin.</summary>
internal static class BackupCommands
{
    private const int Failed = 1;
    private const int NotBegun = 2;

    public static void AddBackups(this RootCommand root)
    {
        root.Subcommands.Add(BackupCommand());
        root.Subcommands.Add(VerifyCommand());
        root.Subcommands.Add(RestoreCommand());
    }

    private static Command BackupCommand()
    {
        var key = new Option<string>("--key") { Description = "File of keys; public ones suffice.", Required = true };
        var to = new Option<string?>("--to") { Description = "Folder that gets lyceum-TIME.tar.zst.age." };
        var toCommand = new Option<string?>("--to-command")
        {
            Description = "Shell command that reads the archive, as 'rclone rcat school:lyceum.age'.",
        };
        var keep = new Option<int>("--keep")
        {
            Description = "In the folder: keep the newest N. Without any --keep, all.",
        };
        var keepDays = new Option<int>("--keep-days")
        {
            Description = "In the folder: keep the newest of each of N days.",
        };
        var keepWeeks = new Option<int>("--keep-weeks")
        {
            Description = "In the folder: keep the newest of each of N weeks.",
        };
        var method = new Option<string>("--method")
        {
            Description = "'base': the server's files; 'dump': a dump of each database; 'auto': base where the server is ours.",
            DefaultValueFactory = _ => "auto",
        };
        method.AcceptOnlyFromAmong("auto", "base", "dump");
        var include = new Option<string[]>("--include")
        {
            Description = "Another file or folder, such as the gateway's configuration. May be repeated.",
        };
        var (data, settings, server, metrics) = (DataOption(), SettingsOption(), ServerOption(), MetricsOption());
        var command = new Command("backup", "Makes one encrypted archive of a running system.")
        {
            key, to, toCommand, keep, keepDays, keepWeeks, method, include, data, settings, server, metrics,
        };
        command.SetAction((parsed, cancellationToken) => GuardAsync(async () =>
        {
            var (folder, shell) = (parsed.GetValue(to), parsed.GetValue(toCommand));
            if (folder is null == shell is null)
                throw new UsageException("where to? Give either --to FOLDER or --to-command COMMAND");
            var retention = new Retention(parsed.GetValue(keep), parsed.GetValue(keepDays), parsed.GetValue(keepWeeks));
            if (retention.Newest < 0 || retention.Days < 0 || retention.Weeks < 0)
                throw new UsageException("--keep, --keep-days and --keep-weeks are numbers of archives, not below 0");
            var contents = new BackupContents(
                Connections.Read(parsed.GetValue(settings), parsed.GetValue(data), parsed.GetValue(server)!), parsed.GetValue(method) switch
                {
                    "base" => BackupMethod.Base,
                    "dump" => BackupMethod.Dump,
                    _ => null,
                },
                RequireFolder(parsed.GetValue(data)), parsed.GetValue(include) ?? []);
            var run = new BackupRun(contents, KeyFile.Read(parsed.GetValue(key)!), TimeProvider.System, Console.WriteLine);
            var (where, size) = await run.RunAsync(
                now => folder is not null ? new FolderDestination(folder, now, retention) : new CommandDestination(shell!),
                cancellationToken);
            TextMetrics.Write(
                parsed.GetValue(metrics), "lyceum_backup",
                ("lyceum_backup_last_success_timestamp_seconds", "When the last backup was complete.", Now()),
                ("lyceum_backup_size_bytes", "Size of the last backup's archive.", size));
            Console.WriteLine($"Backed up: {size} bytes in {where}");
        }));
        command.Subcommands.Add(InitKeyCommand());
        command.Subcommands.Add(RehearseCommand());
        return command;
    }

    private static Command InitKeyCommand()
    {
        var file = new Argument<string>("file") { Description = "For the secret key, mode 0600." };
        var open = new Option<string?>("--public")
        {
            Description = "A second file, for the public key alone: it suffices to back up.",
        };
        var command = new Command("init-key", "Makes a key for archives.") { file, open };
        command.SetAction((parsed, _) => GuardAsync(() =>
        {
            var path = parsed.GetValue(file)!;
            Console.WriteLine($"Public key: {KeyFile.Create(path, parsed.GetValue(open), TimeProvider.System.GetUtcNow())}");
            Console.WriteLine($"Keep {path} in a second place, away from this machine: without it no archive can be read, by nobody.");
            return Task.CompletedTask;
        }));
        return command;
    }

    private static Command RehearseCommand()
    {
        var file = new Argument<string>("archive") { Description = "Or a folder: the newest in it." };
        var key = new Option<string>("--key") { Description = "File of the secret key." };
        var services = new Option<string?>("--services")
        {
            Description = "Folder of a release, or of a checkout that was built; default: that of this program.",
        };
        var work = new Option<string?>("--work")
        {
            Description = "Where the scratch system is for that time; default: the temporary folder.",
        };
        var command = new Command("rehearse", "Restores an archive into a scratch system and asks it a question.")
        {
            file, key, services, work,
        };
        command.SetAction((parsed, cancellationToken) => GuardAsync(async () =>
        {
            var keys = KeyFile.Read(parsed.GetValue(key) ?? throw new UsageException("--key FILE is missing")).RequireSecret();
            var run = new RehearsalRun(
                keys, parsed.GetValue(services) is { } folder ? Path.GetFullPath(folder) : ScratchServices.FindFolder(),
                Path.GetFullPath(parsed.GetValue(work) ?? Path.GetTempPath()), Console.WriteLine);
            await run.RunAsync(FolderDestination.Newest(parsed.GetValue(file)!), cancellationToken);
            Console.WriteLine("Rehearsed: the archive can be restored.");
        }));
        return command;
    }

    private static Command VerifyCommand()
    {
        var file = new Argument<string>("archive") { Description = "Or a folder: the newest in it." };
        var key = new Option<string>("--key") { Description = "File of the secret key.", Required = true };
        var work = new Option<string?>("--work")
        {
            Description = "Where the server's files are unpacked for pg_verifybackup; default: the temporary folder.",
        };
        var quick = new Option<bool>("--quick") { Description = "Compare checksums only, and unpack nothing." };
        var metrics = MetricsOption();
        var command = new Command("verify", "Reads an archive to its end and says whether it is whole.")
        {
            file, key, work, quick, metrics,
        };
        command.SetAction((parsed, cancellationToken) => GuardAsync(async () =>
        {
            var keys = KeyFile.Read(parsed.GetValue(key)!).RequireSecret();
            var folder = parsed.GetValue(quick) ? null : parsed.GetValue(work) ?? Path.GetTempPath();
            var manifest = await new VerifyRun(keys, folder).RunAsync(FolderDestination.Newest(parsed.GetValue(file)!), cancellationToken);
            TextMetrics.Write(
                parsed.GetValue(metrics), "lyceum_backup_verify",
                ("lyceum_backup_last_verify_success_timestamp_seconds", "When an archive was last found to be whole.", Now()));
            var start = manifest.Start;
            Console.WriteLine(
                $"Whole: {manifest.Parts.Count} parts, {manifest.Parts.Sum(part => part.Size)} bytes, of {start.CreatedAt:u}, " +
                $"version {start.Product}, PostgreSQL {start.PostgresMajor} ({(start.Method == BackupMethod.Base ? "the server's files" : "dumps")})");
        }));
        return command;
    }

    private static Command RestoreCommand()
    {
        var file = new Argument<string>("archive");
        var key = new Option<string>("--key") { Description = "File of the secret key.", Required = true };
        var data = new Option<string>("--data")
        {
            Description = "The data folder of the system: keys, passwords, transcripts.",
            Required = true,
        };
        var postgres = new Option<string?>("--postgres-data")
        {
            Description = "Data folder of the PostgreSQL server, which does not run; default: 'postgres' in the data folder.",
        };
        var files = new Option<string?>("--files")
        {
            Description = "Where to put the archive's other files, each below this folder with its old path; '/': where they were.",
        };
        var replace = new Option<bool>("--replace")
        {
            Description = "Files that are there are put aside; what is in the databases is deleted.",
        };
        var (settings, server) = (SettingsOption(), ServerOption());
        var command = new Command("restore", "Puts an archive into an empty system that does not run.")
        {
            file, key, data, postgres, files, replace, settings, server,
        };
        command.SetAction((parsed, cancellationToken) => GuardAsync(async () =>
        {
            var folder = Path.GetFullPath(parsed.GetValue(data)!);
            var plan = new RestorePlan(
                Connections.Read(parsed.GetValue(settings), folder, parsed.GetValue(server)!), folder,
                Path.GetFullPath(parsed.GetValue(postgres) ?? Path.Combine(folder, "postgres")),
                parsed.GetValue(files) is { } put ? Path.GetFullPath(put) : null, parsed.GetValue(replace));
            await new RestoreRun(plan, KeyFile.Read(parsed.GetValue(key)!).RequireSecret(), TimeProvider.System, Console.WriteLine)
                .RunAsync(parsed.GetValue(file)!, cancellationToken);
        }));
        return command;
    }

    private static Option<string?> DataOption() =>
        new("--data") { Description = "The data folder of the system: keys, passwords, transcripts." };

    private static Option<string?> SettingsOption() => new("--settings")
    {
        Description = "File of lines NAME=VALUE with ConnectionStrings__chatdb and the others, beside the environment's.",
    };

    private static Option<string> ServerOption() => new("--server")
    {
        Description = "HOST:PORT of PostgreSQL, where only secrets.json of the data folder says how to connect.",
        DefaultValueFactory = _ => "127.0.0.1:5432",
    };

    private static Option<string?> MetricsOption() =>
        new("--metrics") { Description = "Folder that Prometheus' node exporter reads (--collector.textfile.directory)." };

    private static string? RequireFolder(string? folder) =>
        folder is null || Directory.Exists(folder) ? folder : throw new UsageException($"the data folder {folder} is not there");

    private static long Now() => TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>Tells failures in one line, by their status and cause.</summary>
    private static async Task<int> GuardAsync(Func<Task> action)
    {
        try
        {
            await action();
            return 0;
        }
        catch (UsageException e)
        {
            return Tell(e.Message, NotBegun);
        }
        catch (OperationCanceledException)
        {
            return Tell("stopped; nothing is left of it", Failed);
        }
        catch (Exception e) when (e is ArchiveException or ToolException or IOException or UnauthorizedAccessException or NpgsqlException)
        {
            return Tell(e.Message, Failed);
        }

        static int Tell(string message, int status)
        {
            Console.Error.WriteLine($"lyceum: {message}");
            return status;
        }
    }
}
