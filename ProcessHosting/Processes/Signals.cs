using System.Runtime.InteropServices;

namespace Aspire.Hosting.Processes;

/// <summary>POSIX signals, to one process or to a whole process group.</summary>
internal static partial class Signals
{
    public const int Kill = 9;
    public const int Terminate = 15;

    /// <summary>False if there is no such process (any more).</summary>
    public static bool Send(int pid, int signal) => kill(pid, signal) == 0;

    /// <inheritdoc cref="Send"/>
    public static bool SendToGroup(int leader, int signal) => kill(-leader, signal) == 0;

    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int kill(int pid, int signal);
}
