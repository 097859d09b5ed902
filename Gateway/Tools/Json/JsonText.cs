using System.Globalization;
using System.Text;
using System.Text.Json;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.Gateway.Tools.Json;

/// <summary>JSON as text: of tools' outputs, and as it is written in digests.</summary>
internal static class JsonText
{
    /// <summary>Whether it is one valid JSON value, for a tool's output that is returned unchanged.</summary>
    public static bool IsJson(ReadOnlySpan<byte> utf8)
    {
        if (!JsonUnicode.IsValid(utf8))
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
