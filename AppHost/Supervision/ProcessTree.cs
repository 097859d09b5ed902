using System.Globalization;

namespace Lyceum.AppHost.Supervision;

/// <summary>Who is whose child, read from /proc. Empty answers where there is none.</summary>
internal static class ProcessTree
{
    private const string Root = "/proc";

    /// <summary>Whether the process is still there; where there is no /proc, it is taken for granted.</summary>
    public static bool Exists(int pid) => !Directory.Exists(Root) || Directory.Exists($"{Root}/{pid}");

    /// <summary>Every running process by its parent: one look at all of them.</summary>
    public static ILookup<int, int> ByParent() =>
        (Directory.Exists(Root) ? Directory.EnumerateDirectories(Root) : [])
            .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid > 0)
            .Select(pid => (Pid: pid, Status: Status(pid)))
            .Where(process => process.Status is not (null or { State: 'Z' }))
            .ToLookup(process => process.Status!.Value.Parent, process => process.Pid);

    /// <summary>Null for a process that is gone.</summary>
    public static int? Parent(int pid) => Status(pid)?.Parent;

    /// <summary>The name of the program that the process runs; null for a process that is gone.</summary>
    public static string? Program(int pid) => ReadOrNull($"{Root}/{pid}/cmdline")?.Split('\0')[0] is { } path ? Path.GetFileName(path) : null;

    /// <summary>The command line is that of <c>dotnet run</c>, which Aspire puts before a service under <c>dotnet watch</c>.</summary>
    public static bool IsDotnetRun(int pid)
    {
        var arguments = (ReadOrNull($"{Root}/{pid}/cmdline") ?? "").Split('\0');
        return Path.GetFileName(arguments[0]) == "dotnet" && arguments.ElementAtOrDefault(1) == "run";
    }

    /// <summary>
    /// When the process started, in clock ticks since boot: with its pid, who it is, even after pids have been reused.
    /// </summary>
    public static string? StartTime(int pid) =>
        Fields(pid) is { Length: > 19 } fields && fields[0] is not ("Z" or "X") ? fields[19] : null;

    private static (int Parent, char State)? Status(int pid) =>
        Fields(pid) is { Length: > 1 } fields ? (int.Parse(fields[1], CultureInfo.InvariantCulture), fields[0][0]) : null;

    // After the command's name, which stands in parentheses and may hold anything: state, parent, …, start time.
    private static string[]? Fields(int pid)
    {
        var stat = ReadOrNull($"{Root}/{pid}/stat");
        return stat?[(stat.LastIndexOf(')') + 2)..].Split(' ');
    }

    private static string? ReadOrNull(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return null; // gone meanwhile
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }
}
