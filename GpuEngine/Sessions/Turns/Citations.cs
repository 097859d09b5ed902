using System.Text.Json.Serialization;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.Text;

namespace Lyceum.GpuEngine.Sessions.Turns;

/// <summary>The passages that an answer cites, by the numbers that its model was given them under.</summary>
internal static class Citations
{
    public static IReadOnlyList<Citation> In(string answer, IReadOnlyList<GivenPassage> passages) =>
    [
        .. CitedNumbers.In(answer, passages.Count).Select(number => (number, passage: passages[number - 1]))
            .Select(cited => new Citation(cited.number, cited.passage.Id, cited.passage.Title, cited.passage.Source)),
    ];
}

[JsonSerializable(typeof(IReadOnlyList<Citation>))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class CitationJson : JsonSerializerContext;
