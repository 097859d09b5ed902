using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Lyceum.Cli.Backups.Age;

/// <summary>
/// The data of an age file: chunks of 64 KiB, each sealed under its number and whether it is the last (the construction
/// STREAM). So a chunk that is changed, missing, doubled or in another place is found, and so is a missing end.
/// </summary>
internal sealed class AgeChunks(byte[] payloadKey) : IDisposable
{
    public const int Size = 64 * 1024;
    public const int SealedSize = Size + AgeHeader.TagSize;

    private readonly ChaCha20Poly1305 _cipher = new(payloadKey);
    private ulong _number;

    /// <param name="seal">Has the length of <paramref name="plain"/> and a tag.</param>
    public void Seal(ReadOnlySpan<byte> plain, Span<byte> seal, bool last) =>
        _cipher.Encrypt(Next(last), plain, seal[..plain.Length], seal[plain.Length..]);

    /// <summary>False: it is not what was written as the next chunk.</summary>
    public bool TryOpen(ReadOnlySpan<byte> seal, Span<byte> plain, bool last)
    {
        if (seal.Length < AgeHeader.TagSize)
            return false;
        try
        {
            _cipher.Decrypt(Next(last), seal[..^AgeHeader.TagSize], seal[^AgeHeader.TagSize..], plain[..(seal.Length - AgeHeader.TagSize)]);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    public void Dispose() => _cipher.Dispose();

    private byte[] Next(bool last)
    {
        var nonce = new byte[12]; // eleven bytes of the number, one for the end
        BinaryPrimitives.WriteUInt64BigEndian(nonce.AsSpan(3), _number++);
        nonce[11] = (byte)(last ? 1 : 0);
        return nonce;
    }
}
