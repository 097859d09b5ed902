using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Lyceum.Gateway.Tools.Json;

/// <summary>
/// One text for one value: RFC 8785 (no space, members sorted by UTF-16 units, strings with the least escapes), but
/// numbers stay as they were written. RFC 8785 reads them as doubles, which would make two numbers that differ in the
/// seventeenth digit equal.
/// </summary>
internal static class CanonicalJson
{
    private const string DigestPrefix = "sha256:";
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    /// <param name="value">Without repeated names, and of valid Unicode (<see cref="JsonBody.Parse"/>).</param>
    public static string Of(JsonElement value)
    {
        var text = new StringBuilder();
        Write(text, value);
        return text.ToString();
    }

    /// <summary><c>sha256:</c> and 64 hex digits.</summary>
    public static string Digest(string canonical) =>
        DigestPrefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)));

    public static bool IsDigest(string text) =>
        text.Length == DigestPrefix.Length + 64 && text.StartsWith(DigestPrefix, StringComparison.Ordinal)
        && !text.AsSpan(DigestPrefix.Length).ContainsAnyExcept(LowerHex);

    private static void Write(StringBuilder text, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');
                foreach (var (index, member) in value.EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal).Index())
                {
                    if (index > 0)
                        text.Append(',');
                    JsonText.Write(text, member.Name);
                    text.Append(':');
                    Write(text, member.Value);
                }
                text.Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[');
                foreach (var (index, item) in value.EnumerateArray().Index())
                {
                    if (index > 0)
                        text.Append(',');
                    Write(text, item);
                }
                text.Append(']');
                break;
            case JsonValueKind.String:
                JsonText.Write(text, value.GetString()!);
                break;
            default:
                text.Append(value.GetRawText());
                break;
        }
    }
}
