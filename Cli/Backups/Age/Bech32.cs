using System.Text;

namespace Lyceum.Cli.Backups.Age;

/// <summary>Bech32 as age writes its keys: a name, data, and a checksum that finds typing errors (BIP 173, of any length).</summary>
internal static class Bech32
{
    private const string Alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    private const int ChecksumLength = 6;

    private static readonly uint[] Generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

    /// <param name="name">In lower case, as the result is.</param>
    public static string Encode(string name, ReadOnlySpan<byte> data)
    {
        var values = Regroup(data, 8, 5, pad: true)!;
        var checksum = Checksum(name, [.. values, 0, 0, 0, 0, 0, 0]) ^ 1;
        var text = new StringBuilder(name).Append('1');
        foreach (var value in values)
            text.Append(Alphabet[value]);
        for (var i = ChecksumLength - 1; i >= 0; i--)
            text.Append(Alphabet[(int)(checksum >> (5 * i)) & 31]);
        return text.ToString();
    }

    /// <summary>Null: it is something else, or mistyped.</summary>
    public static byte[]? Decode(string name, string text)
    {
        // Either case, but not both in one.
        if (text.Any(char.IsAsciiLetterLower) && text.Any(char.IsAsciiLetterUpper))
            return null;
        text = text.ToLowerInvariant();
        if (!text.StartsWith(name + "1", StringComparison.Ordinal) || text.Length < name.Length + 1 + ChecksumLength)
            return null;
        var values = new List<byte>();
        foreach (var letter in text.AsSpan(name.Length + 1))
        {
            if (Alphabet.IndexOf(letter, StringComparison.Ordinal) is var value && value < 0)
                return null;
            values.Add((byte)value);
        }
        return Checksum(name, values) == 1 ? Regroup([.. values.SkipLast(ChecksumLength)], 5, 8, pad: false) : null;
    }

    private static uint Checksum(string name, IEnumerable<byte> values)
    {
        var checksum = 1u;
        foreach (var value in name.Select(c => (byte)(c >> 5)).Append((byte)0).Concat(name.Select(c => (byte)(c & 31))).Concat(values))
        {
            var top = checksum >> 25;
            checksum = ((checksum & 0x1ffffff) << 5) ^ value;
            for (var i = 0; i < Generator.Length; i++)
                checksum ^= ((top >> i) & 1) == 1 ? Generator[i] : 0;
        }
        return checksum;
    }

    private static byte[]? Regroup(ReadOnlySpan<byte> data, int from, int to, bool pad)
    {
        var (result, bits, held) = (new List<byte>(), 0, 0u);
        foreach (var value in data)
        {
            held = (held << from) | value;
            for (bits += from; bits >= to; bits -= to)
                result.Add((byte)((held >> (bits - to)) & ((1u << to) - 1)));
        }
        if (pad && bits > 0)
            result.Add((byte)((held << (to - bits)) & ((1u << to) - 1)));
        return !pad && (bits >= from || (held & ((1u << bits) - 1)) != 0) ? null : [.. result];
    }
}
