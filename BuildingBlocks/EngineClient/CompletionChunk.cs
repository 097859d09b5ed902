namespace Lyceum.EngineClient;

/// <summary>What one event of a completion's stream says, or a whole one (<see cref="CompletionReader"/>).</summary>
public record struct CompletionChunk
{
    /// <summary>
    /// Text to append, well-formed and storable; null: none. Only as <see cref="TextAs.Decoded"/>, or where it has no
    /// one place in the data: in a list of parts, near the tags of reasoning, in a character that was cut in two.
    /// </summary>
    public string? Text { get; internal set; }

    /// <summary>
    /// Where the text stands in the event's data, between its quotes; only as <see cref="TextAs.Raw"/>, and not where
    /// <see cref="Text"/> is set.
    /// </summary>
    public Range Raw { get; internal set; }

    /// <summary>
    /// The model's reasoning to append, well-formed and storable; null: none. Never part of the answer. Not as
    /// <see cref="TextAs.Nothing"/>.
    /// </summary>
    public string? Thinking { get; internal set; }

    /// <summary>The raw text has escape sequences.</summary>
    public bool IsRawEscaped { get; internal set; }

    /// <summary>It carries part of an answer: text, reasoning, a refusal or a tool call.</summary>
    public bool HasToken { get; internal set; }

    /// <summary>Bytes of that part in the JSON: what an answer's length is estimated by.</summary>
    public int TokenBytes { get; internal set; }

    /// <summary>The model's own reason, in the chunk that ends the answer.</summary>
    public string? FinishReason { get; internal set; }

    /// <summary>Null where the model did not count, or not in numbers.</summary>
    public TokenUsage? Usage { get; internal set; }

    /// <summary>The server's own account of its failure, after which nothing follows.</summary>
    public EngineError? Error { get; internal set; }

    /// <summary>Which model answers; only as <see cref="TextAs.Decoded"/>.</summary>
    public string? Model { get; internal set; }

    /// <summary>There is a choice in it, even if it says nothing.</summary>
    public bool HasChoice { get; internal set; }

    /// <summary>The protocol's last event, <c>[DONE]</c>.</summary>
    public bool IsDone { get; internal set; }

    /// <summary>Whether it says anything that a reader of text, usage and end has to know.</summary>
    public readonly bool SaysSomething =>
        Text is not null || Thinking is not null || FinishReason is not null || Usage is not null || Error is not null;
}

/// <summary>What a relay's client is to be told of a choice instead of what stands in the event.</summary>
/// <param name="Place">Which of the event's choices, from 0; of Ollama's own events, which have none, 0.</param>
/// <param name="Text">Null: no text.</param>
/// <param name="IsWholeAlone">It is a whole message, and to one who wants that it is to be told as it stands.</param>
public readonly record struct ChangedChoice(int Place, string? Text, string? Thinking, bool IsWholeAlone = false);

/// <summary>A choice at the end of its stream.</summary>
/// <param name="Text">What was held back of it; null: nothing.</param>
/// <param name="HasEnded">It ended with a reason of its own.</param>
public readonly record struct EndedChoice(int Index, string? Text, string? Thinking, bool HasEnded)
{
    public bool SaysSomething => Text is not null || Thinking is not null;
}

/// <summary>How text is given out.</summary>
public enum TextAs
{
    /// <summary>Not at all, for a relay, nor the model's name.</summary>
    Nothing,

    /// <summary>As <see cref="CompletionChunk.Raw"/>, without allocating.</summary>
    Raw,

    /// <summary>As <see cref="CompletionChunk.Text"/>.</summary>
    Decoded,
}

/// <summary>Tokens as the model counts them; 0 for a count that is missing.</summary>
public sealed record TokenUsage(int PromptTokens, int CompletionTokens, int TotalTokens)
{
    public static TokenUsage Of(int prompt, int completion) => new(prompt, completion, prompt + completion);
}
