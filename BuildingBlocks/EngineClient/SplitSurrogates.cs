using System.Globalization;
using System.Text;

namespace Lyceum.EngineClient;

/// <summary>
/// JSON strings that hold half of a surrogate pair, <c>"\ud83d"</c>: legal JSON, refused by System.Text.Json. Some model
/// servers send an emoji as two events this way; the reader joins the halves.
/// </summary>
internal static class SplitSurrogates
{
    /// <param name="escaped">The bytes between the quotes, already known to be well-formed JSON.</param>
    public static string Unescape(ReadOnlySpan<byte> escaped)
    {
        var source = Encoding.UTF8.GetString(escaped);
        var text = new StringBuilder(source.Length);
        for (var i = 0; i < source.Length; i++)
        {
            if (source[i] != '\\')
            {
                text.Append(source[i]);
                continue;
            }
            i++;
            switch (source[i])
            {
                case 'u':
                    text.Append((char)int.Parse(source.AsSpan(i + 1, 4), NumberStyles.HexNumber));
                    i += 4;
                    break;
                case 'n': text.Append('\n'); break;
                case 't': text.Append('\t'); break;
                case 'r': text.Append('\r'); break;
                case 'b': text.Append('\b'); break;
                case 'f': text.Append('\f'); break;
                default: text.Append(source[i]); break;
            }
        }
        return text.ToString();
    }
}
