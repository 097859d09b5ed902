namespace Lyceum.Cli.Backups.Age;

/// <summary>Decrypts an age file. No byte comes out of it that was not authenticated first.</summary>
internal sealed class AgeReader(Stream source, IReadOnlyCollection<AgeIdentity> identities) : ForwardStream
{
    // One byte more than a chunk: whether there is one says which chunk is the last.
    private readonly byte[] _sealed = new byte[AgeChunks.SealedSize + 1];
    private readonly byte[] _plain = new byte[AgeChunks.Size];
    private AgeChunks? _chunks;
    private int _ahead; // bytes in _sealed
    private int _at; // in _plain
    private int _length; // of _plain
    private long _position; // in the file, of the chunk that is next
    private bool _ended;

    public override bool CanRead => true;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_at == _length && !_ended)
            await OpenAsync(cancellationToken);
        var count = Math.Min(buffer.Length, _length - _at);
        _plain.AsMemory(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _chunks?.Dispose();
        base.Dispose(disposing);
    }

    private async Task OpenAsync(CancellationToken cancellationToken)
    {
        if (_chunks is null)
        {
            (var key, _position) = await AgeHeader.ReadAsync(source, identities, cancellationToken);
            _chunks = new(key);
        }
        _ahead += await source.ReadAtLeastAsync(
            _sealed.AsMemory(_ahead), _sealed.Length - _ahead, throwOnEndOfStream: false, cancellationToken);
        if (_ahead == 0)
            throw new ArchiveException($"the archive is cut off: it ends at byte {_position}, before its end was written");
        var last = _ahead <= AgeChunks.SealedSize;
        var count = last ? _ahead : AgeChunks.SealedSize;
        if (!_chunks.TryOpen(_sealed.AsSpan(0, count), _plain, last))
        {
            throw new ArchiveException(last
                ? $"the archive is cut off at byte {_position + count}, or damaged after byte {_position}"
                : $"the archive is damaged between bytes {_position} and {_position + count}");
        }
        _sealed.AsSpan(count, _ahead - count).CopyTo(_sealed);
        (_at, _length, _ended) = (0, count - AgeHeader.TagSize, last);
        (_ahead, _position) = (_ahead - count, _position + count);
    }
}
