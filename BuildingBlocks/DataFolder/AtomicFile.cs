using System.Runtime.Versioning;
using System.Text;

namespace Lyceum.DataFolder;

/// <summary>
/// Files that only their owner may read, and that a reader or a crash never sees half-written: a temporary file beside
/// the target, flushed to disk, then renamed over it.
/// </summary>
public static class AtomicFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute |
        UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    public static void Write(string path, string content)
    {
        ArgumentNullException.ThrowIfNull(content);
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        // A leftover of a crashed process may carry other permissions: always a new file.
        File.Delete(temporary);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        using (var file = new FileStream(temporary, options))
        {
            file.Write(Encoding.UTF8.GetBytes(content));
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>
    /// A folder only its owner may enter. One that was made beforehand is closed to others where it is empty, or holds
    /// <paramref name="sign"/>; any other folder may be somebody's, and is refused.
    /// </summary>
    /// <exception cref="DataFolderException">Others may enter the folder, and it is not ours to close.</exception>
    public static void CreateFolder(string path, string? sign = null)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }
        Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
        if ((File.GetUnixFileMode(path) & Others) == UnixFileMode.None)
            return;
        var isOurs = sign is null || File.Exists(Path.Combine(path, sign)) || !Directory.EnumerateFileSystemEntries(path).Any();
        if (!isOurs || !TryClose(path))
        {
            throw new DataFolderException(
                $"Others may enter the data folder '{path}', and secrets are kept there: chmod 700 it, or choose another.");
        }
    }

    /// <summary>Closes to others what an earlier version left open to them: the files of a folder and of those in it.</summary>
    public static void Close(string folder)
    {
        if (OperatingSystem.IsWindows() || !Directory.Exists(folder))
            return;
        foreach (var path in Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Append(folder))
            TryClose(path);
    }

    [UnsupportedOSPlatform("windows")]
    private static bool TryClose(string path)
    {
        try
        {
            File.SetUnixFileMode(path, File.GetUnixFileMode(path) & ~Others);
            return true;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            return false; // another owner's, or gone meanwhile
        }
    }
}
