using System.Text.Json.Serialization;

namespace Lyceum.Jobs;

/// <summary>One call that a run of a stage made to a model or a function, as the run's log keeps it, without any of its text.</summary>
/// <param name="Kind"><c>model | tool</c>.</param>
/// <param name="Name">The model's id, or the function's name.</param>
/// <param name="Outcome">Of a model its finish reason (<c>stop</c>, <c>length</c>, <c>tool_calls</c>, …); of a function <c>completed</c>,
/// <c>failed</c>, <c>timed_out</c> or <c>refused</c>.</param>
/// <param name="PromptTokens">0 for a function.</param>
/// <param name="Recorded">Made and recorded by an earlier run, whose result this run went on with: it was not made again, and its
/// tokens are counted in that run.</param>
public sealed record JobCall(
    string Kind, string Name, string Outcome, int DurationMs, int PromptTokens = 0, int CompletionTokens = 0,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Recorded = false)
{
    public const string Model = "model";
    public const string Tool = "tool";
}
