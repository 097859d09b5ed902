using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Lyceum.SessionApi.Accounts;

/// <summary>
/// <c>{sign-in}.{secret}</c>: which sign-in, and that it is the newest token of it. The secret is 16 random bytes (of a
/// successor: that follow from the token before) and their MAC by the sign-in's own key, so that a token that was spent is told from one that never was. Only the newest
/// one's hash opens anything.
/// </summary>
internal readonly record struct RefreshToken(Guid SignIn, string Secret)
{
    private const int Half = 16; // bytes of randomness, and of MAC

    public byte[] Hash => Accounts.Secret.Hash(Secret);

    public static byte[] NewKey() => RandomNumberGenerator.GetBytes(32);

    /// <param name="key">The sign-in's.</param>
    public static RefreshToken New(Guid signIn, byte[] key)
    {
        Span<byte> secret = stackalloc byte[2 * Half];
        RandomNumberGenerator.Fill(secret[..Half]);
        Mac(signIn, key, secret[..Half]).CopyTo(secret[Half..]);
        return new(signIn, Base64Url.EncodeToString(secret));
    }

    /// <summary>
    /// The token that this one is spent for: always the same, and known to nobody who lacks this one or the key.
    /// </summary>
    /// <param name="key">The sign-in's.</param>
    public RefreshToken Next(byte[] key)
    {
        Span<byte> secret = stackalloc byte[2 * Half];
        byte[] message = [.. "next"u8, .. SignIn.ToByteArray(), .. Encoding.UTF8.GetBytes(Secret)];
        HMACSHA256.HashData(key, message).AsSpan(0, Half).CopyTo(secret);
        Mac(SignIn, key, secret[..Half]).CopyTo(secret[Half..]);
        return new(SignIn, Base64Url.EncodeToString(secret));
    }

    /// <summary>Null for what is none.</summary>
    public static RefreshToken? Parse(string? text) =>
        text is { Length: > 33 and < 200 } && text[32] == '.' && Guid.TryParseExact(text[..32], "N", out var id)
            ? new(id, text[33..])
            : null;

    /// <summary>Whether this was made with the key: now in force, or spent.</summary>
    /// <param name="key">The sign-in's; null where an earlier version made it, whose tokens have no MAC.</param>
    public bool IsMadeWith(byte[]? key)
    {
        Span<byte> secret = stackalloc byte[2 * Half];
        return key is not null && Base64Url.IsValid(Secret, out var length) && length == secret.Length
            && Base64Url.TryDecodeFromChars(Secret, secret, out _)
            // Spaces, and the last two bits, would be read over: another text than the one that was issued.
            && Base64Url.EncodeToString(secret) == Secret
            && CryptographicOperations.FixedTimeEquals(secret[Half..], Mac(SignIn, key, secret[..Half]));
    }

    public override string ToString() => $"{SignIn:N}.{Secret}";

    private static ReadOnlySpan<byte> Mac(Guid signIn, byte[] key, ReadOnlySpan<byte> random)
    {
        byte[] message = [.. signIn.ToByteArray(), .. random];
        return HMACSHA256.HashData(key, message).AsSpan(0, Half);
    }
}
