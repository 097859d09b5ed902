using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Lyceum.Jobs;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>
/// JSON from a model: asked for, read strictly, checked, and where it is wrong sent back with what is wrong with it, at
/// most <see cref="MaxRepairs"/> times.
/// </summary>
public sealed class ModelJson(Dialogues dialogues)
{
    public const int MaxRepairs = 3;
    private const int MaxFaultsTold = 12;

    /// <summary>Beginnings of objects that are tried in one answer.</summary>
    private const int MaxObjects = 200;

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

    /// <summary>
    /// The first JSON object in the text that has the shape and no faults: models say something before and after, put
    /// fences around, and show a draft or an example first. If there is none, the faults of the first that has the
    /// shape.
    /// </summary>
    internal static (T? Value, IReadOnlyList<string> ValidationErrors) Read<T>(string text, Func<T, IReadOnlyList<string>> check) where T : class
    {
        var thought = text.LastIndexOf("</think>", StringComparison.Ordinal);
        var utf8 = Encoding.UTF8.GetBytes(text[Math.Max(0, thought)..]);
        (T?, IReadOnlyList<string>)? faulty = null;
        string? wrong = null;
        var (at, tried) = (Array.IndexOf(utf8, (byte)'{'), 0);
        for (; at >= 0 && tried < MaxObjects; tried++)
        {
            var (value, length, error) = ReadAt<T>(utf8.AsSpan(at));
            if (value is not null && check(value) is var faults)
            {
                if (faults.Count == 0)
                    return (value, faults);
                faulty ??= (value, faults);
            }
            wrong ??= error;
            // Where it is none or of another shape, what is asked for may be inside.
            at = Array.IndexOf(utf8, (byte)'{', at + (value is null ? 1 : length));
        }
        wrong ??= "There is no JSON object in it.";
        return faulty ?? (null, [$"It is not the JSON that was asked for: {wrong}"]);
    }

    private static (T? Value, int Length, string? Error) ReadAt<T>(ReadOnlySpan<byte> utf8) where T : class
    {
        try
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions
            {
                AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip,
            });
            var value = WithoutNulls(JsonNode.Parse(ref reader)).Deserialize<T>(Strict);
            return (value, (int)reader.BytesConsumed, null);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException or FormatException)
        {
            // Arguments and operations: members twice, half a surrogate pair.
            return (null, 0, e.Message);
        }
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
