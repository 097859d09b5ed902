using System.Text;
using System.Text.Json;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Gateway.Tools.Execution;

/// <summary>
/// <c>https://api.example.org/users/{id}</c>: properties of the input in the path, percent-encoded, and nowhere else; whatever the
/// input says, scheme, host, port and the number of segments are the manifest's.
/// </summary>
internal static class UrlTemplate
{
    public static string? Fault(string template, bool templates = true)
    {
        if (!Uri.TryCreate(template.Replace('{', 'x').Replace('}', 'x'), UriKind.Absolute, out var uri)
            || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
            return "must be an absolute http or https address";
        if (uri.UserInfo.Length > 0 || uri.Fragment.Length > 0)
            return "must have neither user nor fragment";
        if (Climbs(template))
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

    /// <summary>The properties it takes; null where the braces do not match.</summary>
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
    public static (Uri? Address, SchemaFault? Fault) Fill(string template, JsonElement input, IEnumerable<string> query)
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
        return Climbs(filled) ? (null, new("/input", "must not lead to another path")) : (new Uri(filled), null);
    }

    /// <summary>A segment of dots, however written, is taken out by whoever reads the address: then there are fewer.</summary>
    private static bool Climbs(string address)
    {
        var end = address.IndexOf('?');
        var path = end < 0 ? address : address[..end];
        var uri = new Uri(path.Replace('{', 'x').Replace('}', 'x'));
        // scheme: // host / segments
        return path.Count(c => c == '/') > 2 && uri.AbsolutePath.Count(c => c == '/') != path.Count(c => c == '/') - 2;
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
