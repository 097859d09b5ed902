using System.Text;
using System.Text.Json;
using Lyceum.Gateway.Tools.Manifests;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Gateway.Tools.Targets;

/// <summary>
/// <c>https://api.example.org/users/{id}</c>: properties of the input, percent-encoded, in the path only. Whatever the
/// input is, scheme, host, port and the number of path segments are the manifest's.
/// </summary>
internal static class UrlTemplate
{
    private const int MaxLength = 2_000;

    /// <summary>The field <c>url</c> of a kind's section.</summary>
    /// <param name="templates">Whether <c>{property}</c> is allowed.</param>
    public static string? Read(ManifestFields fields, bool required, bool templates)
    {
        var url = fields.Text("url", MaxLength, required);
        if (url is not null && Error(url, templates) is { } error)
            fields.Error("url", error);
        return url;
    }

    /// <summary>
    /// An address of the template, with any values for the properties: scheme, host and port are those of all.
    /// </summary>
    public static Uri Sample(string template) => new(Sampled(template));

    private static string Sampled(string template) => template.Replace('{', 'x').Replace('}', 'x');

    private static string? Error(string template, bool templates)
    {
        if (!Uri.TryCreate(Sampled(template), UriKind.Absolute, out var uri)
            || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
            return "must be an absolute http or https address";
        if (uri.UserInfo.Length > 0 || uri.Fragment.Length > 0)
            return "must have neither user nor fragment";
        if (HasDotSegment(template))
            return "must not have . or .. as a segment of its path";
        var path = template.IndexOf('/', template.IndexOf("://", StringComparison.Ordinal) + 3);
        var (open, close) = (template.IndexOf('{'), template.LastIndexOf('}'));
        if (open < 0 && close < 0)
            return null;
        if (!templates)
            return "must not have { or }";
        if (open < path || path < 0 || template.IndexOf('?') is >= 0 and var query && close > query)
            return "must have {property} in its path only";
        return Names(template) is null ? "must have {property} with a name and matching braces" : null;
    }

    /// <summary>The properties in it; null if the braces do not match.</summary>
    public static List<string>? Names(string template)
    {
        var names = new List<string>();
        for (var rest = template.AsSpan(); ;)
        {
            var open = rest.IndexOf('{');
            if (open < 0)
                return rest.Contains('}') ? null : names;
            var length = rest[(open + 1)..].IndexOf('}');
            if (length <= 0 || rest[..open].Contains('}') || rest.Slice(open + 1, length).Contains('{'))
                return null;
            names.Add(rest.Slice(open + 1, length).ToString());
            rest = rest[(open + length + 2)..];
        }
    }

    /// <returns>The address, or what is wrong with the input.</returns>
    public static (Uri? Address, SchemaError? Error) Fill(string template, JsonElement input, IEnumerable<string> query)
    {
        var address = new StringBuilder(template);
        foreach (var name in Names(template)!)
        {
            if (Scalar(input, name) is not { Length: > 0 } value)
                return (null, new($"/input/{Pointer.Escape(name)}", "must be text, a number, true or false, and not empty"));
            address.Replace($"{{{name}}}", Uri.EscapeDataString(value));
        }
        foreach (var name in query)
        {
            foreach (var value in Values(input, name))
            {
                address.Append(address.ToString().Contains('?') ? '&' : '?')
                    .Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value));
            }
        }
        var filled = address.ToString();
        return HasDotSegment(filled) ? (null, new("/input", "must not lead to another path")) : (new Uri(filled), null);
    }

    /// <summary>
    /// Whether a segment of the path is one of dots, however it is encoded: Uri and servers resolve it, so that
    /// <c>/items/.</c> becomes <c>/items/</c>. A slash or backslash that is encoded counts, because servers decode it.
    /// </summary>
    private static bool HasDotSegment(string address)
    {
        var end = address.IndexOf('?');
        var path = end < 0 ? address : address[..end];
        return path.Split('/').Skip(3).SelectMany(segment => Uri.UnescapeDataString(segment).Split('/', '\\'))
            .Any(segment => segment is "." or "..");
    }

    private static IEnumerable<string> Values(JsonElement input, string name)
    {
        if (!input.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return [];
        if (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind is not (JsonValueKind.Array or JsonValueKind.Object)))
            return value.EnumerateArray().Select(Text);
        return [Text(value)];
    }

    private static string? Scalar(JsonElement input, string name) =>
        input.TryGetProperty(name, out var value)
        && value.ValueKind is JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False ? Text(value) : null;

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
}
