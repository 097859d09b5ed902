using System.Globalization;
using System.Text;

namespace Aspire.Hosting.Processes;

/// <summary>The kernel's process table, read from <c>/proc</c>.</summary>
internal static class ProcessTable
{
    /// <summary>
    /// When the process was started, in clock ticks since boot; null if there is none. A pid and its start time
    /// together name one process for ever, a pid alone is given away again.
    /// </summary>
    public static long? StartTime(int pid)
        => Stat(pid) is { } stat ? long.Parse(stat[19], CultureInfo.InvariantCulture) : null;

    /// <summary>
    /// The processes that belong to a child: those in its session, and those that left the session (as daemons do)
    /// but still carry its marker in their environment.
    /// </summary>
    public static List<int> Find(int session, string marker)
    {
        var text = Encoding.UTF8.GetBytes(marker);
        var sessionText = session.ToString(CultureInfo.InvariantCulture);
        List<int> found = [];
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory.AsSpan()), CultureInfo.InvariantCulture, out var pid)
                && Stat(pid) is { } stat && stat[0] is not ("Z" or "X")
                && (stat[3] == sessionText || Environment(pid).IndexOf(text) >= 0))
            {
                found.Add(pid);
            }
        }

        return found;
    }

    /// <summary>The fields of <c>/proc/pid/stat</c> from the third on: state, parent, group, session, … start time.</summary>
    private static string[]? Stat(int pid)
    {
        // The second field is the program's name in parentheses, which may contain anything.
        var line = Encoding.UTF8.GetString(Read($"/proc/{pid}/stat"));
        return line.Length == 0 ? null : line[(line.LastIndexOf(')') + 2)..].Split(' ');
    }

    private static ReadOnlySpan<byte> Environment(int pid) => Read($"/proc/{pid}/environ");

    /// <summary>Empty if the process is gone or somebody else's.</summary>
    private static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
