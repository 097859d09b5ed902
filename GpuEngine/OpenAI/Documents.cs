using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lyceum.GpuEngine.OpenAI;

// OpenAI's shapes as docs/openapi.json describes them: what is used here. Other members go to the model server
// untouched, and come from it untouched.

/// <summary>OpenAI's chat completion request, with Lyceum's extension.</summary>
/// <param name="Model">One of <c>GET /v1/models</c>; absent: the default.</param>
/// <param name="Lyceum">Passages to answer from.</param>
internal sealed record ChatCompletionRequest(
    IReadOnlyList<ChatCompletionMessage> Messages, string? Model = null, bool? Stream = null,
    StreamOptions? StreamOptions = null, int? MaxCompletionTokens = null, int? MaxTokens = null, int? N = null,
    JsonElement? Stop = null, double? Temperature = null, double? TopP = null, JsonElement? Tools = null,
    JsonElement? ResponseFormat = null, LyceumExtension? Lyceum = null);

/// <param name="Role"><c>system | developer | user | assistant | tool | function</c>.</param>
/// <param name="Content">A text, or an array of content parts.</param>
internal sealed record ChatCompletionMessage(string Role, JsonElement? Content = null);

internal sealed record StreamOptions(bool? IncludeUsage = null);

internal sealed record LyceumExtension(IReadOnlyList<PassageInput>? Passages = null);

/// <param name="Source">Where the reader finds it: a file name, an address.</param>
internal sealed record PassageInput(string Text, JsonElement? Id = null, string? Title = null, string? Source = null);

/// <param name="Object"><c>chat.completion</c>.</param>
internal sealed record CompletionResponse(
    string Id, string Object, long Created, string Model, IReadOnlyList<ChatCompletionChoice> Choices,
    CompletionUsage? Usage = null);

/// <param name="FinishReason">The model's own: <c>stop</c>, <c>length</c>, …</param>
internal sealed record ChatCompletionChoice(int Index, CompletionMessage Message, string? FinishReason = null);

/// <param name="ReasoningContent">The model's reasoning, which is no part of the content.</param>
internal sealed record CompletionMessage(
    string Role, string? Content = null, JsonElement? ToolCalls = null, string? ReasoningContent = null);

/// <summary>One server-sent event of a streamed completion; after the last comes the text <c>[DONE]</c>.</summary>
/// <param name="Data">A chunk; an error is the last event.</param>
internal sealed record ChatCompletionChunk(ChunkData Data);

/// <param name="Object"><c>chat.completion.chunk</c>.</param>
/// <param name="Lyceum">Of a detached completion: <c>offset</c>, the UTF-8 byte offset of its text after this
/// chunk.</param>
internal sealed record ChunkData(
    string? Id = null, string? Object = null, long? Created = null, string? Model = null,
    IReadOnlyList<ChunkChoice>? Choices = null, CompletionUsage? Usage = null, ErrorBody? Error = null,
    JsonElement? Lyceum = null);

internal sealed record ChunkChoice(int Index, ChunkDelta Delta, string? FinishReason = null);

/// <param name="ReasoningContent">A piece of the model's reasoning, which is no part of the content.</param>
internal sealed record ChunkDelta(
    string? Role = null, string? Content = null, JsonElement? ToolCalls = null, string? ReasoningContent = null);

internal sealed record CompletionUsage(int PromptTokens, int CompletionTokens, int TotalTokens);

/// <summary>A failure in OpenAI's shape.</summary>
internal sealed record OpenAIError(ErrorBody Error);

/// <inheritdoc cref="ApiError"/>
internal sealed record ErrorBody(string Message, string Type, string Code, string? Param = null);

/// <param name="File">The recording, 25 MB at most.</param>
internal sealed record TranscriptionForm(
    [property: JsonPropertyName("file")] IFormFile File, string? Model = null, string? Language = null,
    string? ResponseFormat = null);

internal sealed record Transcription(string Text);

/// <param name="Input">Up to 4,096 characters.</param>
/// <param name="ResponseFormat">espeak-ng makes <c>wav</c> and <c>pcm</c>.</param>
internal sealed record SpeechOrder(
    string Input, string? Model = null, string? Voice = null, string? ResponseFormat = null);
