using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Lyceum.Gateway.Tools.Json;

/// <summary>Checks JSON text for what .NET's reader accepts and then throws on when the value is read.</summary>
internal static class JsonText
{
    /// <summary>Whether it is UTF-8, and no <c>\u</c> escape in it is half of a pair.</summary>
    public static bool IsUnicode(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
            return false;
        while (json.IndexOf((byte)'\\') is >= 0 and var at)
        {
            json = json[at..];
            if (Unit(json) is not { } unit)
            {
                json = json[Math.Min(2, json.Length)..]; // another escape, which the parser checks
                continue;
            }
            json = json[6..];
            if (char.IsLowSurrogate(unit))
                return false;
            if (!char.IsHighSurrogate(unit))
                continue;
            if (Unit(json) is not { } second || !char.IsLowSurrogate(second))
                return false;
            json = json[6..];
        }
        return true;
    }

    /// <summary>The UTF-16 unit that an escape at the beginning stands for.</summary>
    private static char? Unit(ReadOnlySpan<byte> json) =>
        json.Length >= 6 && json[0] == '\\' && json[1] == 'u'
        && ushort.TryParse(json[2..6], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit)
            ? (char)unit
            : null;

    /// <summary>Whether it is one valid JSON value, for a tool's output that is returned unchanged.</summary>
    public static bool IsJson(ReadOnlySpan<byte> utf8)
    {
        if (!IsUnicode(utf8))
            return false;
        try
        {
            var reader = new Utf8JsonReader(utf8);
            while (reader.Read())
            {
                // Reading validates.
            }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Text as JSON in UTF-8.</summary>
    public static byte[] Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 16);
        Write(quoted, text);
        return Encoding.UTF8.GetBytes(quoted.ToString());
    }

    /// <summary>A string as RFC 8785 writes it: escaped only where JSON says it must be.</summary>
    public static void Write(StringBuilder into, string text)
    {
        into.Append('"');
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' => into.Append("\\\""),
                '\\' => into.Append("\\\\"),
                '\b' => into.Append("\\b"),
                '\f' => into.Append("\\f"),
                '\n' => into.Append("\\n"),
                '\r' => into.Append("\\r"),
                '\t' => into.Append("\\t"),
                < ' ' => into.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture)),
                _ => into.Append(c),
            };
        }
        into.Append('"');
    }
}
