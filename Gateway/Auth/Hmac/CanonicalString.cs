using System.Text;

namespace Lyceum.Gateway.Auth.Hmac;

/// <summary>
/// What a signature covers (docs/hmac.md, to the byte): seven lines with a line feed between them. No part can hold a line feed,
/// so that two different requests never have the same string.
/// </summary>
/// <param name="KeyId">Which key: two keys with one secret sign differently.</param>
/// <param name="Method">As sent, upper case by convention.</param>
/// <param name="Target">The request target as sent: path and query, with their percent-encoding, not normalised in any way.</param>
/// <param name="Date"><c>x-sb-date</c> as sent.</param>
/// <param name="ContentSha256"><c>x-content-sha256</c> as sent.</param>
internal readonly ref struct CanonicalString(
    ReadOnlySpan<char> KeyId, string Method, string Target, ReadOnlySpan<char> Date, ReadOnlySpan<char> Nonce,
    ReadOnlySpan<char> ContentSha256)
{
    private const string Version = "LYCEUM-HMAC-SHA256";

    private readonly ReadOnlySpan<char> _keyId = KeyId;
    private readonly ReadOnlySpan<char> _date = Date;
    private readonly ReadOnlySpan<char> _nonce = Nonce;
    private readonly ReadOnlySpan<char> _contentSha256 = ContentSha256;

    /// <summary>Bytes that are enough for it.</summary>
    public int MaxLength => Encoding.UTF8.GetMaxByteCount(
        Version.Length + _keyId.Length + Method.Length + Target.Length + _date.Length + _nonce.Length + _contentSha256.Length + 6);

    /// <summary>Writes it in UTF-8.</summary>
    /// <returns>The bytes written.</returns>
    public int Write(Span<byte> destination)
    {
        var length = Encoding.UTF8.GetBytes(Version, destination);
        Line(_keyId, destination, ref length);
        Line(Method, destination, ref length);
        Line(Target, destination, ref length);
        Line(_date, destination, ref length);
        Line(_nonce, destination, ref length);
        Line(_contentSha256, destination, ref length);
        return length;
    }

    private static void Line(ReadOnlySpan<char> part, Span<byte> destination, ref int length)
    {
        destination[length++] = (byte)'\n';
        length += Encoding.UTF8.GetBytes(part, destination[length..]);
    }
}
