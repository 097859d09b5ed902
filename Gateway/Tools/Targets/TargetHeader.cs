using System.Text.Json;
using System.Text.RegularExpressions;
using Lyceum.Gateway.Tools.Manifests;

namespace Lyceum.Gateway.Tools.Targets;

/// <summary>
/// Either a value, or the name of a secret of the configuration file, with the text before it (<c>Bearer </c>).
/// </summary>
internal sealed partial record TargetHeader(string Name, string? Value, string? Secret, string Prefix)
{
    private const int MaxHeaders = 20;

    /// <summary>Headers that belong to the connection, or that would change the meaning of the body.</summary>
    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Connection", "Keep-Alive", "Transfer-Encoding", "TE", "Trailer",
            "Upgrade", "Expect", "Content-Length", "Content-Type",
        "Content-Encoding", "Accept-Encoding", "Proxy-Authorization", "Proxy-Connection",
            "Mcp-Session-Id", "MCP-Protocol-Version",
    };

    /// <summary>The field <c>headers</c> of a kind's section.</summary>
    public static List<TargetHeader> Read(ManifestFields fields)
    {
        var headers = new List<TargetHeader>();
        if (fields.Object("headers") is not { } given)
            return headers;
        foreach (var (name, value) in given.TakeAll())
        {
            if (!HeaderName().IsMatch(name) || Reserved.Contains(name) || headers.Count >= MaxHeaders)
                given.Error(name, $"is not a header that may be set here (at most {MaxHeaders})");
            else if (value.ValueKind == JsonValueKind.String && IsPlain(value.GetString()!))
                headers.Add(new(name, value.GetString()!, null, ""));
            else if (value.ValueKind == JsonValueKind.Object)
            {
                var secret = given.Of(name, value);
                headers.Add(new(name, null, secret.Text("secret", 100, required: true),
                    secret.Text("prefix", 100) ?? ""));
                if (!IsPlain(headers[^1].Prefix))
                    secret.Error("prefix", "must be plain ASCII");
                secret.End("secret", "prefix");
            }
            else
                given.Error(name, "must be plain ASCII text, or {\"secret\": \"name\"}");
        }
        return headers;
    }

    [GeneratedRegex(@"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\z", RegexOptions.NonBacktracking)]
    private static partial Regex HeaderName();

    private static bool IsPlain(string value) => value.Length <= 2000 && !value.AsSpan().ContainsAnyExceptInRange(' ', '~');
}
