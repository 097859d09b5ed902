using System.Text;
using System.Text.RegularExpressions;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>
/// Text of any charset: that of its byte order mark, else the one that is announced, else (HTML) the one that the page
/// names, else UTF-8. Bytes that are not of the charset are an error, never replaced.
/// </summary>
public static partial class Charsets
{
    /// <summary>Where a page names its charset, by HTML's own rule.</summary>
    private const int PageHead = 1024;

    // The longer mark first: UTF-32's begins with UTF-16's.
    private static readonly Encoding[] Marked =
        [new UTF8Encoding(true), new UTF32Encoding(false, true), Encoding.Unicode, Encoding.BigEndianUnicode];

    /// <summary>
    /// Makes known what .NET does not know by itself: GBK, Big5, Shift_JIS, windows-1252 and other code pages, and the
    /// names that people write for UTF-8 and Latin-1. From then on <see cref="Encoding.GetEncoding(string)"/> knows
    /// them, and so does all that reads a charset. May be called again.
    /// </summary>
    public static void Register()
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        Encoding.RegisterProvider(Aliases.Instance);
    }

    /// <param name="announced">Of <c>Content-Type</c>, with or without quotes; null or empty: none.</param>
    /// <param name="isHtml">Whether the text may name its charset itself.</param>
    /// <returns>The text without a byte order mark, or what is wrong, as the end of a sentence.</returns>
    public static (string? Text, string? Error) Decode(ReadOnlySpan<byte> bytes, string? announced, bool isHtml = false)
    {
        foreach (var encoding in Marked)
        {
            if (bytes.StartsWith(encoding.Preamble))
                return Decode(bytes[encoding.Preamble.Length..], encoding);
        }
        var name = announced?.Trim('"', '\'', ' ');
        if (string.IsNullOrEmpty(name) && isHtml)
        {
            var head = Encoding.Latin1.GetString(bytes[..Math.Min(bytes.Length, PageHead)]);
            name = MetaCharset().Match(head).Groups["name"].Value;
        }
        if (string.IsNullOrEmpty(name))
            return Decode(bytes, Encoding.UTF8);
        try
        {
            return Decode(bytes, Encoding.GetEncoding(name));
        }
        catch (ArgumentException)
        {
            return (null, $"in the charset {name}, which is not known here");
        }
    }

    private static (string? Text, string? Error) Decode(ReadOnlySpan<byte> bytes, Encoding encoding)
    {
        var strict = (Encoding)encoding.Clone();
        strict.DecoderFallback = DecoderFallback.ExceptionFallback;
        try
        {
            return (strict.GetString(bytes), null);
        }
        catch (DecoderFallbackException)
        {
            return (null, $"not {encoding.WebName}");
        }
    }

    [GeneratedRegex("""<meta[^>]+?charset\s*=\s*["']?\s*(?<name>[\w:.-]+)""",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex MetaCharset();

    private sealed class Aliases : EncodingProvider
    {
        public static readonly Aliases Instance = new();

        public override Encoding? GetEncoding(int codepage) => null;

        public override Encoding? GetEncoding(string name) => name.Trim('"', '\'', ' ').ToLowerInvariant() switch
        {
            "utf8" or "utf_8" or "utf-8" or "utf-8-sig" or "utf8mb4" or "unicode-1-1-utf-8" => Encoding.UTF8,
            "latin-1" or "latin_1" or "iso8859-1" or "iso8859_1" or "iso-8859-1" => Encoding.Latin1,
            "gbk" or "cp936" or "ms936" or "windows-936" or "x-gbk" => Encoding.GetEncoding("gb18030"),
            "cp1252" or "windows1252" or "win-1252" => Encoding.GetEncoding(1252),
            "sjis" or "shift-jis" or "ms932" or "windows-31j" or "cp932" => Encoding.GetEncoding("shift_jis"),
            _ => null,
        };
    }
}
