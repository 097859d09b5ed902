using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Lyceum.ServiceDefaults.Hosting;

/// <summary>Files that hold secrets, or what people say, are their owner's alone (0600, folders 0700).</summary>
public static class PrivateFiles
{
    private const uint OthersMayNothing = 0b000_111_111; // 077
    private const UnixFileMode OwnFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnFolder = OwnFile | UnixFileMode.UserExecute;

    /// <summary>From now on what this process and its children make is so, unless they say otherwise.</summary>
    public static void SetUmask()
    {
        if (!OperatingSystem.IsWindows())
            _ = SetUmask(OthersMayNothing);
    }

    /// <summary>
    /// Makes a folder, or takes one over that was made beforehand: with the files that are in it, it is closed to others. A
    /// folder of another owner (a volume of Kubernetes) stays as it is; its files are closed all the same.
    /// </summary>
    public static void TakeOver(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }
        Directory.CreateDirectory(folder, OwnFolder);
        Close(folder, OwnFolder);
        foreach (var path in Directory.EnumerateFiles(folder))
            Close(path, OwnFile);
    }

    [UnsupportedOSPlatform("windows")]
    private static void Close(string path, UnixFileMode mode)
    {
        try
        {
            // Only takes away.
            File.SetUnixFileMode(path, File.GetUnixFileMode(path) & mode);
        }
        catch (UnauthorizedAccessException)
        {
            // Another owner's.
        }
    }

    [DllImport("libc", EntryPoint = "umask")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint SetUmask(uint mask);
}
