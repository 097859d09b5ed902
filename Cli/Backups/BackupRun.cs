using System.Reflection;
using Lyceum.Cli.Backups.Archives;
using Lyceum.Cli.Backups.Databases;
using Lyceum.Cli.Backups.Destinations;

namespace Lyceum.Cli.Backups;

/// <summary>What a backup is made of.</summary>
/// <param name="DataFolder">Keys, passwords and transcripts are there; null: there is none.</param>
/// <param name="Included">Other files, and folders with all that is in them.</param>
internal sealed record BackupContents(
    Connections Connections, BackupMethod? Method, string? DataFolder, IReadOnlyList<string> Included);

/// <summary>Makes one archive of a system that may be running.</summary>
internal sealed class BackupRun(BackupContents contents, KeyFile keys, TimeProvider time, Action<string> say)
{
    /// <summary>Of a data folder. Its servers' data comes from the servers; logs and states are of the run that is going on.</summary>
    private static readonly string[] DataFiles = ["secrets.json", "dev-token"];
    private static readonly string[] DataFolders = ["keys", "transcripts"];

    /// <summary>What a running engine holds so that no other uses its folder: empty, and of no use elsewhere.</summary>
    private const string LockFile = "lock";

    public static string Product { get; } =
        typeof(BackupRun).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>Writes it all. The destination has the whole archive when this returns.</summary>
    /// <returns>Where it is, and its size in bytes.</returns>
    public async Task<(string Where, long Size)> RunAsync(
        Func<DateTimeOffset, IDestination> open, CancellationToken cancellationToken)
    {
        foreach (var path in contents.Included.Where(path => !Path.Exists(path)))
            throw new UsageException($"{path} is not there");
        await using var databases = await DatabaseSource.OpenAsync(contents.Connections, contents.Method, say, cancellationToken);
        var now = time.GetUtcNow();
        await using var destination = open(now);
        var counted = new CountedStream(destination.Stream);
        try
        {
            await using var archive = new ArchiveWriter(counted, keys.Recipients);
            await archive.BeginAsync(new(ArchiveFormat.Newest, Product, now, databases.Method, databases.PostgresMajor), cancellationToken);
            // Files first. A transcript that goes from its file into the database meanwhile is then in both, which is the same as in
            // one; the other way round it would be in none.
            await AddFilesAsync(archive, cancellationToken);
            var archived = await databases.AddToAsync(archive, cancellationToken);
            await archive.CompleteAsync(archived, time.GetUtcNow(), cancellationToken);
            return (await destination.CompleteAsync(cancellationToken), counted.Count);
        }
        catch (IOException e) when (counted.Failed)
        {
            throw await destination.ExplainAsync(e, cancellationToken);
        }
    }

    private async Task AddFilesAsync(ArchiveWriter archive, CancellationToken cancellationToken)
    {
        if (contents.DataFolder is { } data)
        {
            foreach (var name in DataFiles.Where(name => File.Exists(Path.Combine(data, name))))
                await AddFileAsync(archive, Path.Combine(data, name), ArchiveFormat.DataPrefix + name, cancellationToken);
            foreach (var name in DataFolders.Where(name => Directory.Exists(Path.Combine(data, name))))
                await AddFolderAsync(archive, Path.Combine(data, name), ArchiveFormat.DataPrefix + name, cancellationToken);
        }
        foreach (var path in contents.Included.Select(Path.GetFullPath))
        {
            var name = ArchiveFormat.FilesPrefix + path.TrimStart('/');
            if (Directory.Exists(path))
                await AddFolderAsync(archive, path, name.TrimEnd('/'), cancellationToken);
            else
                await AddFileAsync(archive, path, name, cancellationToken);
        }
    }

    private static async Task AddFolderAsync(ArchiveWriter archive, string folder, string name, CancellationToken cancellationToken)
    {
        // In the order of names, which is that in which transcripts were begun.
        foreach (var path in Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal))
        {
            if (Path.GetFileName(path) == LockFile)
                continue;
            var entry = $"{name}/{Path.GetFileName(path)}";
            if (Directory.Exists(path))
                await AddFolderAsync(archive, path, entry, cancellationToken);
            else
                await AddFileAsync(archive, path, entry, cancellationToken);
        }
    }

    private static async Task AddFileAsync(ArchiveWriter archive, string path, string name, CancellationToken cancellationToken)
    {
        FileStream file;
        try
        {
            // It may be written to, and deleted, while it is read.
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            return; // deleted since: a transcript that is in the database by now
        }
        await using (file)
        {
            var mode = OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(file.SafeFileHandle);
            await archive.AddAsync(name, file, cancellationToken, mode);
        }
    }

    /// <summary>Counts what goes to the destination, and remembers that it was the destination that failed.</summary>
    private sealed class CountedStream(Stream target) : Age.ForwardStream
    {
        public long Count { get; private set; }

        public bool Failed { get; private set; }

        public override bool CanWrite => true;

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                await target.WriteAsync(buffer, cancellationToken);
                Count += buffer.Length;
            }
            catch (IOException)
            {
                Failed = true;
                throw;
            }
        }
    }
}
