using System.Globalization;
using System.Text;

namespace Lyceum.Tests.Support;

/// <summary>Seeded values that databases, parsers and people stumble over.</summary>
public sealed class NastyText(int seed)
{
    private static readonly string[] Pieces =
    [
        "", " ", "a", "word ", "学习", "é", "e\u0301", "👩‍🚀", "😀", "\U0010FFFF", "\0", "\0\0", "\u0001", "\u001A", "\u001B[2J", "\u007F",
        "\u0085", "\u00A0", "\u00AD", "\u200B", "\u202E", "\u2028", "\uFEFF", "\uFFFD", "\uFFFE", "\uFFFF", "\uD800", "\uDBFF", "\uDC00",
        "\uDFFF", "\uD83D", "\uDE00", "\uDE00\uD83D", "'", "\"", "\\", "\\u0000", "\\\\u0000", "\\ud83d", "\\x00", "%00", "%", "_", "$1",
        "{}", "[]", "{\"a\":1}", "null", "NaN", "-0", "1e999", "1e-999", "; DROP TABLE jobs; --", "/*", "</s>", "<script>", "\r", "\n", "\r\n",
        "\t", "\v", "#", "|", "../", "C:\\", "::", "infinity", "epoch", "0x", "''", "E'\\0'", "\\.", "(1,2)", "{NULL}", "\"\"",
    ];

    private readonly Random _random = new(seed);

    public int Next(int below) => _random.Next(below);

    /// <summary>Text of no more than <paramref name="max"/> units.</summary>
    public string Text(int max = 200)
    {
        var text = new StringBuilder();
        for (var left = _random.Next(1, 8); left > 0; left--)
        {
            text.Append(_random.Next(10) switch
            {
                0 => new string((char)_random.Next(0, 0x10000), _random.Next(1, 20)),
                1 => new string('x', _random.Next(1, max + 1)),
                _ => Pieces[_random.Next(Pieces.Length)],
            });
        }
        return text.Length <= max ? text.ToString() : text.ToString(0, max);
    }

    /// <summary>A JSON value. Its strings are escaped, so that U+0000 and half a pair are in it as escapes.</summary>
    public string Json(int depth = 3) => _random.Next(depth > 0 ? 9 : 6) switch
    {
        0 => "null",
        1 => _random.Next(2) == 0 ? "true" : "false",
        2 => _random.Next().ToString(CultureInfo.InvariantCulture),
        3 => "-1.5e10",
        4 or 5 => Quote(Text(40)),
        6 or 7 => $"{{{string.Join(',', Enumerable.Range(0, _random.Next(4)).Select(_ => $"{Quote(Text(10))}:{Json(depth - 1)}"))}}}",
        _ => $"[{string.Join(',', Enumerable.Range(0, _random.Next(4)).Select(_ => Json(depth - 1)))}]",
    };

    /// <summary>A JSON string, all but ASCII as escapes.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var unit in text)
        {
            if (unit is >= ' ' and < '\u007F' and not ('"' or '\\'))
                quoted.Append(unit);
            else
                quoted.Append("\\u").Append(((int)unit).ToString("x4", CultureInfo.InvariantCulture));
        }
        return quoted.Append('"').ToString();
    }
}
