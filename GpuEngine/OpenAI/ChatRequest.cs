namespace Lyceum.GpuEngine.OpenAI;

/// <summary>A message of the conversation; the text parts of its content, joined.</summary>
/// <param name="Role"><c>system | developer | user | assistant | tool | function</c>.</param>
internal sealed record ChatMessage(string Role, string Text);

/// <summary>A passage to answer from, given in the request's extension field <c>lyceum.passages</c>.</summary>
/// <param name="Source">Where the reader finds it: a file name, an address.</param>
internal sealed record GivenPassage(string? Id, string? Title, string Text, string? Source);

/// <summary>
/// A validated <c>POST /v1/chat/completions</c>. What GpuEngine itself needs is typed here; everything else travels to an
/// upstream in <see cref="Body"/>, untouched.
/// </summary>
internal sealed class ChatRequest
{
    /// <summary>Null where the request names none: the default model answers.</summary>
    public string? Model { get; init; }

    public required IReadOnlyList<ChatMessage> Messages { get; init; }
    public bool Stream { get; init; }

    /// <summary><c>stream_options.include_usage</c>: a last chunk has the token counts.</summary>
    public bool IncludeUsage { get; init; }

    /// <summary><c>max_completion_tokens</c>, or the older <c>max_tokens</c>.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Texts before which the answer ends; at most four.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary><c>n</c>: how many answers are wanted.</summary>
    public int Choices { get; init; } = 1;

    /// <summary><c>tools</c> or <c>functions</c>: the answer may be calls instead of text.</summary>
    public bool HasTools { get; init; }

    /// <summary>A message has a content part of type <c>image_url</c>.</summary>
    public bool HasImages { get; init; }

    /// <summary><c>response_format.type</c>; null or <c>text</c> for plain answers.</summary>
    public string? ResponseFormat { get; init; }

    /// <summary>What to answer from; cited as <c>[1]</c>, <c>[2]</c>, … in this order.</summary>
    public IReadOnlyList<GivenPassage> Passages { get; init; } = [];

    /// <summary>The request's JSON as received; let go of once it was sent on, as it may have megabytes of images.</summary>
    public required ReadOnlyMemory<byte> Body { get; set; }
}
