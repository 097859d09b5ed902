using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.Text;

namespace Lyceum.RoadmapWorker.Collabs;

/// <summary>Who wrote a text.</summary>
public static class Writers
{
    public const string Model = "model";

    /// <summary>The engine's built-in answerer: what it found, quoted and cited.</summary>
    public const string Primer = "primer";

    /// <summary>No model was connected: the text says so.</summary>
    public const string None = "none";
}

/// <summary>What one role said.</summary>
/// <param name="Number">1, 2, 3, …</param>
/// <param name="MadeBy"><c>model | none</c>.</param>
/// <param name="IsCut">Whether it ended at <c>max_tokens</c>.</param>
/// <param name="Sources">The passages of the knowledge base that it cites; null where it was given none.</param>
public sealed record CollabTurn(
    int Number, int Round, string Role, string Text, string MadeBy, bool IsCut,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<Source>? Sources = null);

/// <summary>What the collaboration leaves.</summary>
/// <param name="MadeBy"><c>model | primer</c>.</param>
/// <param name="Sources">As of a turn.</param>
/// <param name="Grounding">A <see cref="GroundingStatus"/>; null without a knowledge base.</param>
public sealed record CollabResult(
    string Text, string MadeBy, bool IsCut,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<Source>? Sources = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Grounding = null);

/// <summary>The collaboration's context: what is worked on, by whom, and what was said so far.</summary>
/// <param name="Given">The request's <c>context</c>.</param>
/// <param name="MaxTokens">Of one turn.</param>
/// <param name="Turns">Finished ones, in their order; null in a list.</param>
/// <param name="Next">Whose turn it is; null when all are done.</param>
/// <param name="KbId">The knowledge base that the roles rest on; null where none was named.</param>
public sealed record CollabContext(
    string Task, IReadOnlyList<CollabRole> Roles, int Rounds, int MaxTokens, JsonElement? Given, IReadOnlyList<CollabTurn>? Turns, NextTurn? Next,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? TutorId = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? KbId = null);

public sealed record NextTurn(int Number, int Round, string Role);

/// <summary>What is said where no language model is connected, in the language of the task.</summary>
internal static class Unconnected
{
    public static string Turn(CollabOrder order, CollabRole role) => IsChinese(order.Task)
        ? $"目前没有接入语言模型，“{role.Name}”这一角色无法发言。结果中只有从内置文库中找到并注明出处的原文。"
        : $"No language model is connected, so the {role.Name} has nothing to say. The result is what the built-in library holds on the task, quoted with its sources.";

    /// <summary>Chinese where there are at least as many Han characters as words in Latin letters.</summary>
    private static bool IsChinese(string text)
    {
        var han = text.EnumerateRunes().Count(Terms.IsIdeograph);
        var words = 0;
        var inWord = false;
        foreach (var rune in text.EnumerateRunes())
        {
            var letter = Rune.IsLetter(rune) && !Terms.IsIdeograph(rune);
            words += letter && !inWord ? 1 : 0;
            inWord = letter;
        }
        return han > 0 && han >= words;
    }
}
