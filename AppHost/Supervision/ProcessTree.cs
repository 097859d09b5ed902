using System.Globalization;

namespace Lyceum.AppHost.Supervision;

/// <summary>Who is whose child, read from /proc. Empty answers where there is none.</summary>
internal static class ProcessTree
{
    /// <summary>
    /// The process and its direct children, in this order: the script that runs a server and the server, or the service
    /// and what it started. Grandchildren (a database's workers) come and go and belong to their parents.
    /// </summary>
    public static IReadOnlyList<int> WithChildren(int pid)
    {
        if (!Directory.Exists($"/proc/{pid}"))
            return [];
        List<int> pids = [pid];
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var candidate)
                && Status(candidate) is ({ } parent, not 'Z') && parent == pid)
            {
                pids.Add(candidate);
            }
        }
        return pids;
    }

    /// <summary>The command line is that of <c>dotnet run</c>, which real Aspire puts between itself and a service.</summary>
    public static bool IsDotnetRun(int pid)
    {
        var arguments = (ReadOrNull($"/proc/{pid}/cmdline") ?? "").Split('\0');
        return Path.GetFileName(arguments[0]) == "dotnet" && arguments.ElementAtOrDefault(1) == "run";
    }

    /// <summary>
    /// When the process started, in clock ticks since boot: with its pid, who it is, even after pids have been reused.
    /// </summary>
    public static string? StartTime(int pid) => Fields(pid)?.ElementAtOrDefault(19);

    private static (int Parent, char State)? Status(int pid) =>
        Fields(pid) is { Length: > 1 } fields ? (int.Parse(fields[1], CultureInfo.InvariantCulture), fields[0][0]) : null;

    // After the command's name, which stands in parentheses and may hold anything: state, parent, …, start time.
    private static string[]? Fields(int pid)
    {
        var stat = ReadOrNull($"/proc/{pid}/stat");
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
