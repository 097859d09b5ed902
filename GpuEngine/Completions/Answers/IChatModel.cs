using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Completions.Answers;

/// <summary>A model as <c>/v1/models</c> lists it.</summary>
/// <param name="Created">Unix seconds.</param>
internal sealed record ModelInfo(string Id, long Created, string OwnedBy);

/// <summary>A piece of an answer. The last one carries the finish reason and, where the source counts, the usage.</summary>
/// <param name="Thinking">Of the model's reasoning, which is never part of the answer.</param>
internal readonly record struct ChatDelta(
    string Text, string? FinishReason = null, TokenUsage? Usage = null, string? Thinking = null);

/// <summary>
/// A source of answers: an upstream server or Primer. Chat completions and live sessions read it as deltas. Failures
/// are thrown as <see cref="ApiException"/>.
/// </summary>
internal interface IChatModel
{
    /// <summary><c>language_model</c> or <c>primer</c>.</summary>
    string Kind { get; }

    /// <summary>Whether it is known to take images.</summary>
    bool TakesImages { get; }

    /// <summary>The models that can be asked for, the default one first.</summary>
    ValueTask<IReadOnlyList<ModelInfo>> ListAsync(CancellationToken cancel);

    /// <summary>The id that answers a request for <paramref name="requested"/>; the default where that is null.</summary>
    ValueTask<string> ResolveAsync(string? requested, CancellationToken cancel);

    /// <summary>One answer. Leaving the enumeration frees what the answer occupied, at once.</summary>
    /// <param name="model">A resolved id.</param>
    IAsyncEnumerable<ChatDelta> AnswerAsync(ChatRequest request, string model, CancellationToken cancel);
}

/// <summary>
/// A model whose answers already have OpenAI's shapes: they are passed on with all that is in them (tool calls, refusals, log
/// probabilities), of which <see cref="ChatDelta"/> knows the text alone.
/// </summary>
internal interface IRelayingModel : IChatModel
{
    /// <summary>Relays a streamed answer up to and with <c>[DONE]</c>.</summary>
    Task StreamAsync(ChatRequest request, string model, AnswerStream output, CancellationToken cancel);

    /// <summary>Writes a streamed answer's text into <paramref name="output"/>, without a string per token.</summary>
    Task<GenerationEnd> WriteAsync(ChatRequest request, string model, IGenerationSink output, CancellationToken cancel);

    /// <summary>A whole answer, as a <c>chat.completion</c> object.</summary>
    Task<ReadOnlyMemory<byte>> WholeAsync(ChatRequest request, string model, CancellationToken cancel);
}
