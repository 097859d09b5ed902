namespace Lyceum.Cli.Backups.Age;

/// <summary>
/// Encrypts what is written to it. Only <see cref="CompleteAsync"/> writes the last chunk: what is given up before
/// that can never be taken for a whole archive.
/// </summary>
internal sealed class AgeWriter(Stream target, IReadOnlyCollection<AgeRecipient> recipients) : ForwardStream
{
    private readonly byte[] _plain = new byte[AgeChunks.Size];
    private readonly byte[] _sealed = new byte[AgeChunks.SealedSize];
    private AgeChunks? _chunks;
    private int _length;

    public override bool CanWrite => true;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            if (_length == AgeChunks.Size) // and there is more: it is not the last
                await SealAsync(last: false, cancellationToken);
            var count = Math.Min(buffer.Length, AgeChunks.Size - _length);
            buffer[..count].CopyTo(_plain.AsMemory(_length));
            _length += count;
            buffer = buffer[count..];
        }
    }

    /// <summary>Ends the data. The target stays open.</summary>
    public Task CompleteAsync(CancellationToken cancellationToken) => SealAsync(last: true, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _chunks?.Dispose();
        base.Dispose(disposing);
    }

    private async Task SealAsync(bool last, CancellationToken cancellationToken)
    {
        if (_chunks is null)
        {
            var (header, key) = AgeHeader.Make(recipients);
            _chunks = new(key);
            await target.WriteAsync(header, cancellationToken);
        }
        var count = _length + AgeHeader.TagSize;
        _chunks.Seal(_plain.AsSpan(0, _length), _sealed.AsSpan(0, count), last);
        await target.WriteAsync(_sealed.AsMemory(0, count), cancellationToken);
        _length = 0;
    }
}
