using System.Buffers;

namespace Lyceum.Gateway.Auth.Hmac;

/// <summary>
/// <c>Authorization: HMAC key_id="local", nonce="…", signature="…"</c>: each parameter once, in any order, quoted or not; nothing
/// else. Strict, so that every reader of the header reads the same.
/// </summary>
internal readonly ref struct SignatureHeader
{
    public const string Scheme = "HMAC ";
    public const int MaxKeyId = 64;
    public const int MinNonce = 16;
    public const int MaxNonce = 64;
    public const int SignatureDigits = 64;

    private static readonly SearchValues<char> Names = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    public ReadOnlySpan<char> KeyId { get; private init; }

    public ReadOnlySpan<char> Nonce { get; private init; }

    /// <summary>64 lower-case hex digits.</summary>
    public ReadOnlySpan<char> Signature { get; private init; }

    /// <param name="header">With the scheme.</param>
    public static bool TryParse(ReadOnlySpan<char> header, out SignatureHeader parsed)
    {
        ReadOnlySpan<char> keyId = default, nonce = default, signature = default;
        parsed = default;
        foreach (var range in header[Scheme.Length..].Split(','))
        {
            var part = header[Scheme.Length..][range].Trim(' ');
            if (part.IndexOf('=') is not (> 0 and var equals))
                return false;
            var value = part[(equals + 1)..];
            if (value is ['"', .. var inner, '"'])
                value = inner;
            switch (part[..equals])
            {
                case "key_id" when keyId.IsEmpty:
                    keyId = value;
                    break;
                case "nonce" when nonce.IsEmpty:
                    nonce = value;
                    break;
                case "signature" when signature.IsEmpty:
                    signature = value;
                    break;
                default:
                    return false;
            }
        }

        parsed = new() { KeyId = keyId, Nonce = nonce, Signature = signature };
        return keyId.Length is > 0 and <= MaxKeyId && !keyId.ContainsAnyExcept(Names)
            && nonce.Length is >= MinNonce and <= MaxNonce && !nonce.ContainsAnyExcept(Names)
            && IsLowerHex(signature);
    }

    /// <summary>64 lower-case hex digits: a SHA-256 as it is written here.</summary>
    public static bool IsLowerHex(ReadOnlySpan<char> text) => text.Length == SignatureDigits && !text.ContainsAnyExcept(LowerHex);
}
