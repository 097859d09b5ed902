using System.Formats.Tar;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lyceum.Cli.Backups.Age;
using ZstdSharp;

namespace Lyceum.Cli.Backups.Archives;

/// <summary>Writes an archive from its first byte to its last; it needs the memory of one piece, whatever the size.</summary>
internal sealed partial class ArchiveWriter : IAsyncDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int Level = 3;

    private readonly AgeWriter _encrypted;
    private readonly CompressionStream _compressed;
    private readonly TarWriter _tar;
    private readonly byte[] _piece = new byte[ArchiveFormat.PieceSize];
    private readonly List<ArchivePart> _parts = [];
    private ArchiveStart? _start;

    /// <param name="target">Stays open.</param>
    public ArchiveWriter(Stream target, IReadOnlyCollection<AgeRecipient> recipients)
    {
        _encrypted = new(target, recipients);
        _compressed = new(_encrypted, Level, leaveOpen: true);
        _tar = new(_compressed, TarEntryFormat.Pax, leaveOpen: true);
    }

    public Task BeginAsync(ArchiveStart start, CancellationToken cancellationToken)
    {
        _start = start;
        return AddJsonAsync(ArchiveFormat.StartName, start, cancellationToken);
    }

    /// <summary>Adds all that <paramref name="content"/> gives until its end.</summary>
    public async Task AddAsync(string name, Stream content, CancellationToken cancellationToken, UnixFileMode mode = OwnerOnly)
    {
        if (LikePiece().IsMatch(name))
            throw new UsageException($"the name {name} is like that of a piece in an archive: rename the file");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var (size, number, count) = (0L, 0, 0);
        do
        {
            count = await content.ReadAtLeastAsync(_piece, _piece.Length, throwOnEndOfStream: false, cancellationToken);
            if (count == 0 && number > 0)
                break;
            hash.AppendData(_piece, 0, count);
            size += count;
            await AddEntryAsync(ArchiveFormat.Piece(name, number++), _piece.AsMemory(0, count), mode, cancellationToken);
        }
        while (count == _piece.Length);
        _parts.Add(new(name, size, Convert.ToHexStringLower(hash.GetHashAndReset())));
    }

    /// <summary>Without it, an archive is known as cut off.</summary>
    public async Task<ArchiveManifest> CompleteAsync(
        IReadOnlyList<ArchivedDatabase> databases, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var manifest = new ArchiveManifest(_start!, now, databases, _parts);
        await AddJsonAsync(ArchiveFormat.ManifestName, manifest, cancellationToken);
        await _tar.DisposeAsync(); // its end
        await _compressed.DisposeAsync(); // and that of the frame
        await _encrypted.CompleteAsync(cancellationToken);
        return manifest;
    }

    /// <summary>Gives up what is not complete.</summary>
    public async ValueTask DisposeAsync()
    {
        await _tar.DisposeAsync();
        await _compressed.DisposeAsync();
        await _encrypted.DisposeAsync();
    }

    [GeneratedRegex(@"\.part[0-9]{6}$", RegexOptions.None, 1000)]
    private static partial Regex LikePiece();

    private Task AddJsonAsync<T>(string name, T value, CancellationToken cancellationToken) =>
        AddEntryAsync(name, JsonSerializer.SerializeToUtf8Bytes(value, ArchiveFormat.Json), OwnerOnly, cancellationToken);

    private async Task AddEntryAsync(string name, ReadOnlyMemory<byte> content, UnixFileMode mode, CancellationToken cancellationToken)
    {
        MemoryMarshal.TryGetArray(content, out var array);
        using var data = new MemoryStream(array.Array!, array.Offset, array.Count, writable: false);
        await _tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { Mode = mode, DataStream = data }, cancellationToken);
    }
}
