using Lyceum.Cli.Backups.Archives;

namespace Lyceum.Cli.Backups.Restoring;

/// <summary>A new file, on the disk when it is completed.</summary>
internal sealed class FileTarget : IPartTarget
{
    private readonly FileStream _file;

    public FileTarget(string path, UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows())
        {
            _file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
            return;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = mode & (UnixFileMode)0b111_111_111,
        });
    }

    public Stream Stream => _file;

    public async Task CompleteAsync(CancellationToken cancellationToken)
    {
        await _file.FlushAsync(cancellationToken);
        _file.Flush(flushToDisk: true);
    }

    public ValueTask DisposeAsync() => _file.DisposeAsync();
}
