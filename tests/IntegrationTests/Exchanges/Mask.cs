using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lyceum.Tests.IntegrationTests.Exchanges;

/// <summary>
/// Replaces what differs from run to run (ids, times, tokens, addresses) by placeholders. Names and kinds of values
/// stay, so that a renamed or lost member is seen.
/// </summary>
internal static partial class Mask
{
    /// <summary>Of a longer array the first two elements and the number of the others are kept.</summary>
    private const int MostElements = 3;

    /// <summary>
    /// Numbers by the members that hold them: what was measured, counted over the whole system, or is an id.
    /// </summary>
    private static readonly HashSet<string> Numbers =
    [
        "id", "tutor_id", "created", "score", "duration_ms", "total_ms", "first_token_ms", "first_delta_ms",
        "retrieval_ms", "seq", "last_seq", "ms",
    ];

    /// <summary>Members whose value says nothing about the contract, whatever it is.</summary>
    private static readonly Dictionary<string, string> Members = new(StringComparer.Ordinal)
    {
        ["trace_id"] = "<trace>", ["session_id"] = "<session>", ["continues"] = "<session>",
        ["continued_by"] = "<session>", ["resume"] = "<token>", ["engine_token"] = "<token>", ["gpus"] = "<gpus>",
        ["git_sha"] = "<sha>", ["subject"] = "<subject>", ["digest"] = "<digest>", ["worker"] = "<worker>",
        ["next_cursor"] = "<cursor>",
    };

    public static JsonNode? Json(JsonNode? node, string? member = null)
    {
        if (node is null)
            return null;
        if (member is not null && Members.TryGetValue(member, out var placeholder)
            && !(member == "subject" && IsText(node, 40)))
            return placeholder;
        return node switch
        {
            JsonObject o => new JsonObject(o.Select(pair =>
                KeyValuePair.Create(pair.Key, Json(pair.Value, pair.Key)))),
            JsonArray a => Array(a),
            JsonValue v when v.TryGetValue<string>(out var text) => Text(text),
            JsonValue v when member is not null && Numbers.Contains(member)
                && v.GetValueKind() == JsonValueKind.Number => "<number>",
            _ => node.DeepClone(),
        };
    }

    public static string Text(string text)
    {
        if (Time().IsMatch(text))
            return "<time>";
        if (InvitationCode().IsMatch(text))
            return "<token>";
        text = Uuid().Replace(text, "<id>");
        text = Query().Replace(text, "$1=<token>");
        text = Session().Replace(text, "/ws/<session>");
        text = Host().Replace(text, "<host>");
        text = Tutor().Replace(text, "/api/tutors/<number>");
        text = NoTutor().Replace(text, "There is no tutor <number>");
        return Secret().Replace(text, "<token>");
    }

    public static string Header(string name, string value) => name.ToLowerInvariant() switch
    {
        "server-timing" => "<timing>",
        "x-request-id" => "<id>",
        "etag" => "<tag>",
        "last-modified" => "<time>",
        "set-cookie" => Expires().Replace(Cookie().Replace(value, "$1=<token>"), "expires=<time>"),
        _ => Text(value),
    };

    private static JsonArray Array(JsonArray array)
    {
        var kept = array.Take(array.Count > MostElements ? 2 : MostElements);
        var masked = new JsonArray([.. kept.Select(element => Json(element))]);
        if (array.Count > MostElements)
            masked.Add(string.Create(CultureInfo.InvariantCulture, $"… and {array.Count - 2} more"));
        return masked;
    }

    /// <summary>A tutor's subject is text that the test sent; a caller's is its id.</summary>
    private static bool IsText(JsonNode node, int most) =>
        node is JsonValue value && value.TryGetValue<string>(out var text) && text.Length < most
        && !Uuid().IsMatch(text);

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")]
    private static partial Regex Time();

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Uuid();

    [GeneratedRegex("^([a-z2-9]{4}-){7}[a-z2-9]{4}$")]
    private static partial Regex InvitationCode();

    [GeneratedRegex(@"\b(ticket|token|resume)=[^&""\s]+")]
    private static partial Regex Query();

    [GeneratedRegex(@"/ws/[^/?""]+")]
    private static partial Regex Session();

    [GeneratedRegex(@"(127\.0\.0\.1|localhost):\d+")]
    private static partial Regex Host();

    [GeneratedRegex(@"There is no tutor \d+")]
    private static partial Regex NoTutor();

    [GeneratedRegex(@"/api/tutors/\d+")]
    private static partial Regex Tutor();

    [GeneratedRegex(@"[A-Za-z0-9_-]{32,}(\.[A-Za-z0-9_-]{8,})*")]
    private static partial Regex Secret();

    [GeneratedRegex("^([^=;]+)=[^;]*")]
    private static partial Regex Cookie();

    [GeneratedRegex("expires=[^;]*")]
    private static partial Regex Expires();
}
