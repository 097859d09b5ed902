using System.Text.Json;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.Text;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;
using OpenAI.Chat;
using ChatMessageContent = Microsoft.SemanticKernel.ChatMessageContent;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>One recorded step of a dialogue: what the model called, or what a call gave. One of the two is set.</summary>
internal sealed record DialogueStep(CallingTurn? Turn = null, CallResult? Result = null)
{
    public ChatMessageContent ToMessage() => Turn is { } turn
        ? new(AuthorRole.Assistant, [
            .. turn.Text.Length > 0 ? new KernelContent[] { new TextContent(turn.Text) } : [],
            .. turn.Calls.Select(call => new FunctionCallContent(
                call.Function, call.Plugin, call.Id, new KernelArguments(call.Arguments.ToDictionary(pair => pair.Key, pair => (object?)pair.Value))))])
        : new(AuthorRole.Tool, [new FunctionResultContent(Result!.Function, Result.Plugin, Result.CallId, Result.Text)]);
}

/// <summary>An answer that calls functions.</summary>
/// <param name="Text">What the model said beside it; mostly empty.</param>
internal sealed record CallingTurn(string Text, IReadOnlyList<FunctionCall> Calls, JobCall Call);

/// <param name="Id">Unique within the turn.</param>
/// <param name="Arguments">Those that are texts; the functions take no others.</param>
/// <param name="IsBroken">The arguments were not a JSON object: the function is not called.</param>
internal sealed record FunctionCall(
    string Id, string? Plugin, string Function, IReadOnlyDictionary<string, string> Arguments, bool IsBroken)
{
    public string FullName => Plugin is null ? Function : $"{Plugin}-{Function}";
}

/// <param name="Passages">What it put on the question's shelf.</param>
internal sealed record CallResult(string CallId, string? Plugin, string Function, string Text, IReadOnlyList<Passage> Passages, JobCall Call);

/// <summary>Reads a model's answer as Semantic Kernel has it, into what is recorded of it: bounded, and storable.</summary>
internal static class ModelAnswer
{
    private const int MaxCalls = 16; // of one answer; the others are as if they had not been made
    private const int MaxName = 64;
    private const int MaxId = 64;
    private const int MaxArgument = 4000;
    private const int MaxText = 16_000;

    public static JobCall Call(ChatMessageContent answer, TimeSpan took)
    {
        var usage = answer.Metadata?.GetValueOrDefault("Usage") as ChatTokenUsage;
        return new(JobCall.Model, StorableText.Truncate(answer.ModelId ?? "", MaxName), FinishReason(answer), (int)took.TotalMilliseconds,
            usage?.InputTokenCount ?? 0, usage?.OutputTokenCount ?? 0);
    }

    /// <summary>OpenAI's own word for it: <c>stop</c>, <c>length</c>, <c>tool_calls</c>, …</summary>
    public static string FinishReason(ChatMessageContent answer) =>
        JsonNamingPolicy.SnakeCaseLower.ConvertName(answer.Metadata?.GetValueOrDefault("FinishReason") as string ?? "Stop");

    /// <returns>Null: it calls nothing.</returns>
    public static CallingTurn? Turn(ChatMessageContent answer, JobCall call, int number)
    {
        var calls = new List<FunctionCall>();
        foreach (var content in FunctionCallContent.GetFunctionCalls(answer).Take(MaxCalls))
        {
            // Some servers leave ids out or give one twice; each result must find its call.
            var id = content.Id is { Length: > 0 and <= MaxId } own && own.All(char.IsAscii) && !own.Any(char.IsControl) && !calls.Exists(other => other.Id == own)
                ? own : $"call{number:000}{calls.Count:00}";
            calls.Add(new(
                id, content.PluginName is null ? null : StorableText.Truncate(content.PluginName, MaxName), StorableText.Truncate(content.FunctionName, MaxName),
                Arguments(content), content.Exception is not null || content.Arguments is null));
        }
        return calls.Count == 0 ? null : new(StorableText.Truncate(answer.Content ?? "", MaxText), calls, call);
    }

    private static Dictionary<string, string> Arguments(FunctionCallContent call)
    {
        var arguments = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in call.Arguments ?? [])
        {
            if (name.Length <= MaxName && Text(value) is { } text)
                arguments[StorableText.Of(name)] = StorableText.Truncate(text, MaxArgument);
        }
        return arguments;
    }

    private static string? Text(object? value)
    {
        if (value is not JsonElement json)
            return value?.ToString();
        try
        {
            return json.ValueKind switch
            {
                JsonValueKind.Null or JsonValueKind.Undefined => null, JsonValueKind.String => json.GetString(), _ => json.GetRawText(),
            };
        }
        catch (InvalidOperationException)
        {
            return StorableText.Of(json.GetRawText().Trim('"')); // an escape that is half of a surrogate pair
        }
    }
}
