using Lyceum.Cli.Backups.Age;
using Lyceum.Cli.Backups.Archives;
using Lyceum.Cli.Backups.Databases;

namespace Lyceum.Cli.Backups.Restoring;

/// <summary>
/// Reads a whole archive: every chunk is authenticated, every part compared with its checksum, and the databases are read by
/// PostgreSQL's own programs, dumps by <c>pg_restore</c>, the server's files by <c>pg_verifybackup</c>, which needs them unpacked.
/// </summary>
/// <param name="workFolder">For the server's files; null: they are not unpacked, and only their checksums are compared.</param>
internal sealed class VerifyRun(KeyFile keys, string? workFolder)
{
    /// <exception cref="ArchiveException">What is wrong with it.</exception>
    public async Task<ArchiveManifest> RunAsync(string path, CancellationToken cancellationToken)
    {
        var scratch = workFolder is null ? null : Path.Combine(workFolder, $"lyceum-verify-{Guid.NewGuid():N}");
        try
        {
            await using var file = OpenArchive(path);
            var target = new Target(scratch);
            var manifest = await ArchiveReader.ReadAsync(file, keys.Identities, target, cancellationToken);
            var missing = manifest.Start.Method == BackupMethod.Base
                ? [ArchiveFormat.BasePart]
                : manifest.Databases.Select(database => ArchiveFormat.DumpPart(database.Name));
            if (missing.Except(manifest.Parts.Select(part => part.Name)).FirstOrDefault() is { } part)
                throw new ArchiveException($"the archive has no {part}");
            if (scratch is not null && manifest.Start.Method == BackupMethod.Base)
            {
                try
                {
                    await CheckBaseAsync(scratch, manifest.Start.PostgresMajor, cancellationToken);
                }
                catch (ToolException e)
                {
                    throw new ArchiveException($"the server's files are not whole: {e.Message}");
                }
            }
            return manifest;
        }
        finally
        {
            if (Directory.Exists(scratch))
                Directory.Delete(scratch, recursive: true);
        }
    }

    public static FileStream OpenArchive(string path)
    {
        try
        {
            return new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.Read, Options = FileOptions.SequentialScan,
                BufferSize = 128 * 1024,
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"the archive cannot be read: {e.Message}");
        }
    }

    public static Task CheckBaseAsync(string folder, int major, CancellationToken cancellationToken) =>
        Tool.RunAsync(ServerTools.Find("pg_verifybackup", major), ["--quiet", folder], cancellationToken);

    /// <summary>A program that unpacks the server's files as they come.</summary>
    public static Tool Unpack(string folder)
    {
        CreateClosed(folder);
        return Tool.Start(
            "tar", ["--extract", "--file=-", $"--directory={folder}", "--no-same-owner", "--preserve-permissions"], reads: true);
    }

    /// <summary>A folder that only its owner may enter, as PostgreSQL wants its data folder to be.</summary>
    public static void CreateClosed(string folder)
    {
        Directory.CreateDirectory(folder);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private sealed class Target(string? scratch) : IArchiveTarget
    {
        private string? _restore;

        public Task BeginAsync(ArchiveStart start, CancellationToken cancellationToken)
        {
            if (start.Method == BackupMethod.Dump)
                _restore = ServerTools.Find("pg_restore", start.PostgresMajor);
            else if (scratch is not null)
                ServerTools.Find("pg_verifybackup", start.PostgresMajor); // said before the hours of reading
            return Task.CompletedTask;
        }

        public Task<IPartTarget> OpenAsync(string name, UnixFileMode mode, CancellationToken cancellationToken)
        {
            IPartTarget target = name == ArchiveFormat.BasePart && scratch is not null
                ? Unpack(scratch)
                : name.StartsWith(ArchiveFormat.DumpPrefix, StringComparison.Ordinal) && _restore is not null
                    ? Tool.Start(_restore, ["--file=/dev/null"], reads: true)
                    : new NoTarget();
            return Task.FromResult(target);
        }
    }
}
