using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Lyceum.Cli.Backups.Databases;

/// <summary>PostgreSQL's own programs, of which this machine may have several versions.</summary>
internal static partial class ServerTools
{
    // As AppHost/Infrastructure/postgres.sh looks for the server.
    private static readonly string[] Folders =
        ["/usr/lib/postgresql/{0}/bin", "/usr/pgsql-{0}/bin", "/opt/homebrew/opt/postgresql@{0}/bin", "/usr/local/pgsql/bin"];

    /// <summary>The path of a program of this major version.</summary>
    /// <exception cref="UsageException">It is not on this machine.</exception>
    public static string Find(string program, int major)
    {
        var folders = Folders.Select(folder => string.Format(folder, major))
            .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries));
        return folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(path => File.Exists(path) && MajorOf(path) == major)
            ?? throw new UsageException(
                $"{program} of PostgreSQL {major} is not on this machine (Debian, Ubuntu: apt-get install " +
                $"{(program is "pg_dump" or "pg_restore" or "pg_basebackup" ? $"postgresql-client-{major}" : $"postgresql-{major}")})");
    }

    private static int? MajorOf(string path)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(path, ["--version"]) 
            {
                UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            var text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return Number().Match(text) is { Success: true } match ? int.Parse(match.Value) : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // not for this machine, or not executable
        }
    }

    [GeneratedRegex("[0-9]+", RegexOptions.None, 1000)]
    private static partial Regex Number();
}
