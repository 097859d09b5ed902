using Lyceum.Cli.Backups.Databases;

namespace Lyceum.Cli.Backups.Destinations;

/// <summary>Waits until something is on the disk that .NET cannot ask for: a folder's names, or everything below it.</summary>
internal static class Durable
{
    public static Task SyncAsync(string folder, CancellationToken cancellationToken) =>
        Tool.RunAsync("sync", [Path.GetFullPath(folder)], cancellationToken);

    /// <summary>All of the file system that the folder is on.</summary>
    public static Task SyncAllAsync(string folder, CancellationToken cancellationToken) =>
        Tool.RunAsync("sync", ["--file-system", Path.GetFullPath(folder)], cancellationToken);
}
