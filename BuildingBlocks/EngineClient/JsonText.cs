using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Lyceum.EngineClient;

/// <summary>
/// Strings of JSON that System.Text.Json refuses: with half of a surrogate pair (<c>"\ud83d"</c>, as model servers
/// send an emoji in two events) or with bytes that are not UTF-8. What is read here is well-formed and can be stored:
/// U+0000, half a pair and such bytes become U+FFFD.
/// </summary>
public static class JsonText
{
    private const char Replacement = '\uFFFD';

    /// <summary>The string that a JSON element is.</summary>
    public static string Read(JsonElement element) => Read(JsonMarshal.GetRawUtf8Value(element)[1..^1]);

    /// <param name="raw">As it stands between its quotes, known to be well-formed JSON.</param>
    public static string Read(ReadOnlySpan<byte> raw)
    {
        var cut = default(CutCharacter);
        return Read(raw, ref cut) + cut.Take();
    }

    /// <summary>Text that is no JSON.</summary>
    internal static string Plain(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8).Replace('\0', Replacement);

    /// <summary>Reads a piece of a text that comes in many.</summary>
    /// <param name="raw">As it stands between its quotes, known to be well-formed JSON.</param>
    /// <param name="cut">The character that the piece before ended amid, then the one that this ends amid.</param>
    internal static string Read(ReadOnlySpan<byte> raw, ref CutCharacter cut)
    {
        if (raw.IsEmpty)
            return "";
        if (cut.Bytes is { } before)
        {
            cut.Bytes = null;
            return Read([.. before, .. raw], ref cut);
        }
        if (EndsAmid(raw) is > 0 and var amid)
        {
            cut.Bytes = raw[^amid..].ToArray();
            raw = raw[..^amid];
        }
        return ReadWhole(raw, ref cut.High);
    }

    /// <summary>How many bytes at the end are the beginning of a character whose other bytes are missing.</summary>
    internal static int EndsAmid(ReadOnlySpan<byte> utf8)
    {
        for (var back = 1; back <= Math.Min(3, utf8.Length); back++)
        {
            var first = utf8[^back];
            if ((first & 0xC0) == 0x80)
                continue;
            var size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
            return size > back ? back : 0;
        }
        return 0;
    }

    private static string ReadWhole(ReadOnlySpan<byte> raw, ref char half)
    {
        if (raw.IsEmpty)
            return "";
        if (half == 0 && raw.IndexOf((byte)'\\') < 0)
            return Encoding.UTF8.GetString(raw);
        // One more for the half before: never more characters than bytes otherwise.
        char[]? rented = null;
        var text = raw.Length < 256 ? stackalloc char[256] : rented = ArrayPool<char>.Shared.Rent(raw.Length + 1);
        var length = 0;
        if (half != 0)
            text[length++] = half;
        length += Unescape(raw, text[length..]);
        half = char.IsHighSurrogate(text[length - 1]) ? text[--length] : '\0';
        MakeStorable(text[..length]);
        var read = new string(text[..length]);
        if (rented is not null)
            ArrayPool<char>.Shared.Return(rented);
        return read;
    }

    private static int Unescape(ReadOnlySpan<byte> raw, Span<char> text)
    {
        var length = 0;
        while (raw.IndexOf((byte)'\\') is >= 0 and var plain)
        {
            length += Encoding.UTF8.GetChars(raw[..plain], text[length..]);
            var kind = raw[plain + 1];
            raw = raw[(plain + 2)..];
            if (kind == 'u')
            {
                var unit = ushort.Parse(raw[..4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                text[length++] = (char)unit;
                raw = raw[4..];
            }
            else
            {
                text[length++] = kind switch
                {
                    (byte)'n' => '\n',
                    (byte)'t' => '\t',
                    (byte)'r' => '\r',
                    (byte)'b' => '\b',
                    (byte)'f' => '\f',
                    _ => (char)kind,
                };
            }
        }
        return length + Encoding.UTF8.GetChars(raw, text[length..]);
    }

    private static void MakeStorable(Span<char> text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == 0)
                text[i] = Replacement;
            else if (!char.IsSurrogate(text[i]))
                continue;
            else if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
                i++;
            else
                text[i] = Replacement;
        }
    }
}

/// <summary>The character that a piece of a text ended amid: servers cut one in two between two events.</summary>
internal struct CutCharacter
{
    /// <summary>The first half of a surrogate pair; 0: none.</summary>
    public char High;

    /// <summary>The first bytes of its UTF-8.</summary>
    public byte[]? Bytes;

    public readonly bool IsNone => High == 0 && Bytes is null;

    /// <summary>What never came to its end, as the text has it.</summary>
    public string Take()
    {
        var taken = IsNone ? "" : "\uFFFD";
        this = default;
        return taken;
    }
}
