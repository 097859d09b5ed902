using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Lyceum.Jobs;
using Lyceum.Text;

namespace Lyceum.RoadmapWorker.Collabs;

/// <summary>What a role, or the conclusion, is asked for.</summary>
/// <param name="Text">Markdown.</param>
internal sealed record Contribution(string Text);

/// <summary>The same where there is material to cite.</summary>
/// <param name="Sources">Numbers of passages.</param>
internal sealed record CitingContribution(string Text, IReadOnlyList<int>? Sources = null);

/// <summary>
/// Reads an answer as a contribution. A model that answers in plain text instead of JSON has said something all the same: the text is
/// taken as it is. Of JSON that was cut off at the limit of tokens, the text as far as it goes.
/// </summary>
internal static partial class ContributionReader
{
    private static readonly JsonSerializerOptions Lenient = new(JobJson.Options) { NumberHandling = JsonNumberHandling.AllowReadingFromString };

    /// <returns>Null: a JSON object, but not the one that was asked for.</returns>
    public static CitingContribution? Read(string answer)
    {
        var text = WithoutThoughts(answer);
        if (Fence().Match(text) is { Success: true } fence)
            text = fence.Groups["json"].Value;
        if (!text.StartsWith('{'))
            return new(StorableText.Of(WithoutThoughts(answer)));
        try
        {
            using var json = JsonDocument.Parse(text);
            if (!json.RootElement.TryGetProperty("text", out var said) || said.ValueKind != JsonValueKind.String || string.IsNullOrWhiteSpace(said.GetString()))
                return null;
            return new(StorableText.Of(said.GetString()!.Trim()), Numbers(json.RootElement));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Cut off, or a line break or half of a surrogate pair in a string.
            return new(StorableText.Of(
                Beginning().Match(text) is { Success: true } begun && begun.Length < text.Length
                    ? Unescape(text.AsSpan(begun.Length)) : text).Trim());
        }
    }

    /// <summary>What a model thinks before it speaks is not part of what it says.</summary>
    public static string WithoutThoughts(string answer)
    {
        var thought = answer.LastIndexOf("</think>", StringComparison.Ordinal);
        return StorableText.Of(thought < 0 ? answer : answer[(thought + "</think>".Length)..]).Trim();
    }

    private static List<int> Numbers(JsonElement contribution)
    {
        try
        {
            return contribution.TryGetProperty("sources", out var sources) ? sources.Deserialize<List<int>>(Lenient) ?? [] : [];
        }
        catch (JsonException)
        {
            return []; // the text cites them as well
        }
    }

    /// <summary>The beginning of a JSON string, up to the quotation mark that ends it, if there is one.</summary>
    private static string Unescape(ReadOnlySpan<char> json)
    {
        var text = new StringBuilder();
        for (var i = 0; i < json.Length && json[i] != '"'; i++)
        {
            if (json[i] != '\\')
            {
                text.Append(json[i]);
                continue;
            }
            if (++i == json.Length)
                break;
            if (json[i] == 'u' && i + 4 < json.Length && ushort.TryParse(json.Slice(i + 1, 4), NumberStyles.AllowHexSpecifier, null, out var unit))
            {
                text.Append((char)unit);
                i += 4;
                continue;
            }
            text.Append(json[i] switch { 'n' => "\n", 't' => "\t", 'r' or 'b' or 'f' or 'u' => "", var other => other.ToString() });
        }
        return text.ToString();
    }

    [GeneratedRegex(@"^```(json)?\s*(?<json>\{.*\})\s*```\z", RegexOptions.Singleline | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Fence();

    [GeneratedRegex("^\\{\\s*\"text\"\\s*:\\s*\"", RegexOptions.NonBacktracking)]
    private static partial Regex Beginning();
}
