using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lyceum.Cli.Backups.Archives;

/// <summary>How the databases are in an archive.</summary>
internal enum BackupMethod
{
    /// <summary>The server's files, by <c>pg_basebackup</c>: every database at one and the same moment.</summary>
    Base,

    /// <summary>A <c>pg_dump</c> of each database, each at a moment of its own.</summary>
    Dump,
}

/// <summary>First in an archive: whether one can read what follows.</summary>
/// <param name="Format">The newest that this program knows is <see cref="ArchiveFormat.Newest"/>.</param>
/// <param name="Product">Version of the product that wrote it.</param>
/// <param name="CreatedAt">When it was begun: what was shown to people before is in it.</param>
/// <param name="PostgresMajor">Of the server.</param>
internal sealed record ArchiveStart(int Format, string Product, DateTimeOffset CreatedAt, BackupMethod Method, int PostgresMajor);

/// <summary>One database of an archive.</summary>
/// <param name="SnapshotAt">The moment whose state a dump holds; null: of the server's files, the end of the backup.</param>
/// <param name="Migrations">Ids, in their order.</param>
internal sealed record ArchivedDatabase(string Name, DateTimeOffset? SnapshotAt, IReadOnlyList<string> Migrations);

/// <summary>One file, or output of a program. In the archive it is in pieces of <see cref="ArchiveFormat.PieceSize"/>.</summary>
/// <param name="Sha256">In lower case.</param>
internal sealed record ArchivePart(string Name, long Size, string Sha256);

/// <summary>Last in an archive: what must have come before.</summary>
internal sealed record ArchiveManifest(
    ArchiveStart Start, DateTimeOffset CompletedAt, IReadOnlyList<ArchivedDatabase> Databases, IReadOnlyList<ArchivePart> Parts);

/// <summary>
/// An archive is a tar file, compressed by zstd, encrypted by age: <c>age -d -i KEY FILE | zstd -d | tar -x</c> reads it where
/// this program is not at hand. A part that is larger than a piece is several entries: <c>NAME</c>, <c>NAME.part000001</c>, …
/// </summary>
internal static class ArchiveFormat
{
    public const int Newest = 1;

    /// <summary>What the memory for a backup is counted in: the size of a part is unknown until it was read.</summary>
    public const int PieceSize = 4 * 1024 * 1024;

    public const string StartName = "lyceum-backup.json";
    public const string ManifestName = "manifest.json";

    /// <summary>The server's files, as the tar file that <c>pg_basebackup</c> makes.</summary>
    public const string BasePart = "postgres/base.tar";

    public const string DumpPrefix = "databases/";

    /// <summary>Of the data folder.</summary>
    public const string DataPrefix = "data/";

    /// <summary>Of anything else on this machine, by its path.</summary>
    public const string FilesPrefix = "files/";

    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public static string DumpPart(string database) => $"{DumpPrefix}{database}.dump";

    public static string Piece(string part, int number) => number == 0 ? part : $"{part}.part{number:D6}";
}
