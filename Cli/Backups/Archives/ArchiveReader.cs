using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text.Json;
using Lyceum.Cli.Backups.Age;
using ZstdSharp;

namespace Lyceum.Cli.Backups.Archives;

/// <summary>What becomes of the parts of an archive, as they come.</summary>
internal interface IArchiveTarget
{
    /// <summary>Comes first.</summary>
    /// <exception cref="ArchiveException">Such an archive cannot be taken here.</exception>
    Task BeginAsync(ArchiveStart start, CancellationToken cancellationToken);

    /// <summary>Where a part goes to. It is completed when its last byte was written, else only disposed of.</summary>
    Task<IPartTarget> OpenAsync(string name, UnixFileMode mode, CancellationToken cancellationToken);
}

/// <summary>Takes one part.</summary>
internal interface IPartTarget : IAsyncDisposable
{
    Stream Stream { get; }

    Task CompleteAsync(CancellationToken cancellationToken);
}

/// <summary>Takes a part and forgets it.</summary>
internal sealed class NoTarget : IPartTarget
{
    public Stream Stream => Stream.Null;

    public Task CompleteAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>Reads an archive from its first byte to its last, and compares it with what it says of itself.</summary>
internal static class ArchiveReader
{
    private const long LargestJson = 64 * 1024 * 1024;

    /// <exception cref="ArchiveException">It is damaged, cut off, for another key or of a newer format; the message says which.</exception>
    public static async Task<ArchiveManifest> ReadAsync(
        Stream source, IReadOnlyCollection<AgeIdentity> identities, IArchiveTarget target, CancellationToken cancellationToken)
    {
        await using var decrypted = new AgeReader(source, identities);
        try
        {
            await using var plain = new DecompressionStream(decrypted, leaveOpen: true);
            await using var tar = new TarReader(plain, leaveOpen: true);
            var manifest = await ReadAsync(tar, target, cancellationToken);
            // To the very end: what was added or cut off there is found as well.
            var rest = new byte[4096];
            while (await plain.ReadAsync(rest, cancellationToken) > 0 || await decrypted.ReadAsync(rest, cancellationToken) > 0)
            {
            }
            return manifest;
        }
        catch (Exception e) when (e is ZstdException or InvalidDataException or EndOfStreamException or FormatException or JsonException)
        {
            throw new ArchiveException($"the archive is not one of Lyceum's, though it is for this key: {e.Message}");
        }
    }

    private static async Task<ArchiveManifest> ReadAsync(TarReader tar, IArchiveTarget target, CancellationToken cancellationToken)
    {
        var parts = new List<ArchivePart>();
        ArchiveStart? start = null;
        var entry = await tar.GetNextEntryAsync(copyData: false, cancellationToken);
        while (entry is not null)
        {
            if (start is null)
            {
                start = await BeginAsync(entry, cancellationToken);
                await target.BeginAsync(start, cancellationToken);
                entry = await tar.GetNextEntryAsync(copyData: false, cancellationToken);
                continue;
            }
            if (entry.Name == ArchiveFormat.ManifestName)
            {
                var manifest = await JsonAsync<ArchiveManifest>(entry, cancellationToken);
                if (!manifest.Parts.SequenceEqual(parts))
                    throw new ArchiveException($"the archive does not hold what its manifest says: {Difference(manifest.Parts, parts)}");
                if (await tar.GetNextEntryAsync(copyData: false, cancellationToken) is not null)
                    throw new ArchiveException("the archive holds something after its manifest");
                return manifest;
            }

            var name = entry.Name;
            await using var part = await target.OpenAsync(Checked(name), entry.Mode, cancellationToken);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var (size, number) = (0L, 0);
            var buffer = new byte[128 * 1024];
            do
            {
                while (entry.DataStream is { } data && await data.ReadAsync(buffer, cancellationToken) is var count && count > 0)
                {
                    hash.AppendData(buffer, 0, count);
                    size += count;
                    await part.Stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
                }
                number++;
                entry = await tar.GetNextEntryAsync(copyData: false, cancellationToken);
            }
            while (entry is not null && entry.Name == ArchiveFormat.Piece(name, number));
            await part.CompleteAsync(cancellationToken);
            parts.Add(new(name, size, Convert.ToHexStringLower(hash.GetHashAndReset())));
        }
        throw new ArchiveException("the archive has no manifest");
    }

    private static async Task<ArchiveStart> BeginAsync(TarEntry entry, CancellationToken cancellationToken)
    {
        if (entry.Name != ArchiveFormat.StartName)
            throw new ArchiveException($"the archive is not one of Lyceum's: it begins with {entry.Name}");
        using var json = JsonDocument.Parse(await BytesAsync(entry, cancellationToken));
        // A newer format may have other fields: its number and writer are all that is looked at.
        var (format, product) = (json.RootElement.GetProperty("format").GetInt32(), json.RootElement.GetProperty("product").GetString());
        return format <= ArchiveFormat.Newest
            ? json.RootElement.Deserialize<ArchiveStart>(ArchiveFormat.Json)!
            : throw new ArchiveException(
                $"the archive has format {format}, of version {product}; this program reads up to {ArchiveFormat.Newest}: " +
                "use that version's");
    }

    private static async Task<T> JsonAsync<T>(TarEntry entry, CancellationToken cancellationToken) =>
        JsonSerializer.Deserialize<T>(await BytesAsync(entry, cancellationToken), ArchiveFormat.Json)!;

    private static async Task<byte[]> BytesAsync(TarEntry entry, CancellationToken cancellationToken)
    {
        if (entry.Length > LargestJson)
            throw new ArchiveException($"the archive's {entry.Name} is too large");
        using var bytes = new MemoryStream();
        if (entry.DataStream is { } data)
            await data.CopyToAsync(bytes, cancellationToken);
        return bytes.ToArray();
    }

    /// <summary>Whoever has the public key can write an archive: a name must not lead out of where parts are put.</summary>
    private static string Checked(string name) =>
        !name.Contains('\0', StringComparison.Ordinal) && !name.Split('/').Any(step => step is "" or "." or "..")
            ? name
            : throw new ArchiveException($"the archive holds a name that leads elsewhere: {name}");

    private static string Difference(IReadOnlyList<ArchivePart> wanted, List<ArchivePart> found) =>
        wanted.Except(found).Select(part => $"{part.Name} is missing or different")
            .Concat(found.Except(wanted).Select(part => $"{part.Name} is not as it should be")).FirstOrDefault("the order");
}
