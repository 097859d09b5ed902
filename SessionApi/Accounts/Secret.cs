using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Lyceum.SessionApi.Accounts;

/// <summary>
/// Random secrets that are handed out once and kept as hashes. (A fast hash is enough: 160 random bits cannot be
/// guessed.)
/// </summary>
internal static class Secret
{
    /// <summary>256 bits, base64url.</summary>
    public static string New() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>160 bits in letters that are read out and typed without mistakes: <c>k7vq-…</c>, eight groups of four.</summary>
    public static string NewCode() => NewShortCode(8);

    /// <summary>The same with fewer groups, 20 bits each: for what ends soon, and where guesses are counted.</summary>
    public static string NewShortCode(int groups)
    {
        var letters = RandomNumberGenerator.GetItems<char>("abcdefghjkmnpqrstuvwxyz23456789", 4 * groups);
        return string.Join('-', letters.Chunk(4).Select(group => new string(group)));
    }

    /// <summary>SHA-256. Dashes, spaces and case of a code do not matter.</summary>
    public static byte[] HashCode(string code) => Hash(
        code.Replace("-", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal).ToLowerInvariant());

    public static byte[] Hash(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));
}
