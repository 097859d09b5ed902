using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>
/// Whether the strings of a JSON text are Unicode. .NET's reader accepts what is not, such as <c>"\ud800"</c>, and
/// throws when the string is read or written, which for a JSON element may be far from where it came in.
/// </summary>
public static class JsonUnicode
{
    /// <summary>Whether it is UTF-8, and no <c>\u</c> escape in it is half of a pair.</summary>
    public static bool IsValid(ReadOnlySpan<byte> json)
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

    /// <summary>Without the byte order mark that some editors and shells begin UTF-8 with.</summary>
    public static ReadOnlyMemory<byte> WithoutMark(ReadOnlyMemory<byte> utf8) =>
        utf8.Span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? utf8[3..] : utf8;

    /// <summary>Refuses such a JSON element where a body is read; strings are checked by the reader itself.</summary>
    internal sealed class ElementConverter : JsonConverter<JsonElement>
    {
        public override JsonElement Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var element = JsonElement.ParseValue(ref reader);
            return IsValid(JsonMarshal.GetRawUtf8Value(element)) ? element : throw new JsonException();
        }

        public override void Write(Utf8JsonWriter writer, JsonElement value, JsonSerializerOptions options) =>
            value.WriteTo(writer);
    }
}
