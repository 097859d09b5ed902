using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Lyceum.Jobs;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>
/// JSON from a model: asked for, read strictly, checked, and where it is wrong sent back with what is wrong with it, at most
/// <see cref="MaxRepairs"/> times.
/// </summary>
public sealed class ModelJson(Dialogues dialogues)
{
    public const int MaxRepairs = 3;
    private const int MaxFaultsTold = 12;

    // Members that are missing or null are faults, so that nothing below has to look for them.
    private static readonly JsonSerializerOptions Strict = new(JobJson.Options)
    {
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        NumberHandling = JsonNumberHandling.AllowReadingFromString,
    };

    /// <param name="question">Its shape is <typeparamref name="T"/>'s.</param>
    /// <param name="check">What is wrong with it, in sentences.</param>
    /// <param name="wrong">An answer that was given before, and what is wrong with it.</param>
    /// <returns>Null: the last repair was wrong too.</returns>
    /// <exception cref="ModelException">The model cannot be asked.</exception>
    public async Task<T?> AskAsync<T>(
        JobContext job, ModelQuestion question, Func<T, IReadOnlyList<string>> check, CancellationToken cancellationToken,
        string? wrong = null, IReadOnlyList<string>? wrongBecause = null)
        where T : class
    {
        var dialogue = dialogues.Begin(job, question with { Shape = AnswerShape.Of<T>() });
        var correction = wrong is null ? [] : Correction(wrong, wrongBecause!);
        for (var repairs = wrong is null ? 0 : 1; ; repairs++)
        {
            var reply = await dialogue.AskAsync(correction, cancellationToken);
            var (value, faults) = Read(reply.Text, check);
            if (faults.Count == 0)
                return value;
            if (repairs == MaxRepairs)
                return null;
            correction = Correction(reply.Text, faults); // of all that was wrong, the last answer only: the context stays small
        }
    }

    /// <summary>A wrong answer, and what is wrong with it.</summary>
    internal static ChatMessageContent[] Correction(string answer, IReadOnlyList<string> faults) =>
    [
        new(AuthorRole.Assistant, answer),
        new(AuthorRole.User,
            $"That cannot be used:\n- {string.Join("\n- ", faults.Take(MaxFaultsTold))}\nAnswer again with the whole corrected JSON object and nothing else."),
    ];

    internal static (T? Value, IReadOnlyList<string> ValidationErrors) Read<T>(string text, Func<T, IReadOnlyList<string>> check) where T : class
    {
        try
        {
            var value = WithoutNulls(JsonNode.Parse(Object(text))).Deserialize<T>(Strict);
            return value is null ? (null, ["It must be one JSON object."]) : (value, check(value));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException or FormatException)
        {
            // Arguments and operations: members twice, half a surrogate pair.
            return (null, [$"It is not the JSON that was asked for: {e.Message}"]);
        }
    }

    /// <summary>From the first brace to the last: models like to say something before, and to put fences around.</summary>
    private static string Object(string text)
    {
        var thought = text.LastIndexOf("</think>", StringComparison.Ordinal);
        var from = text.IndexOf('{', Math.Max(0, thought));
        var to = text.LastIndexOf('}');
        return from >= 0 && to > from ? text[from..(to + 1)] : throw new JsonException("There is no JSON object in it.");
    }

    private static JsonNode? WithoutNulls(JsonNode? node)
    {
        if (node is JsonArray array)
        {
            for (var i = array.Count - 1; i >= 0; i--)
            {
                if (WithoutNulls(array[i]) is null)
                    array.RemoveAt(i);
            }
        }
        else if (node is JsonObject members)
        {
            foreach (var (_, value) in members)
                WithoutNulls(value);
        }
        return node;
    }
}
