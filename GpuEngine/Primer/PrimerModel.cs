using System.Runtime.CompilerServices;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Primer;

/// <summary>
/// The embedded default (docs/adr/0004): an extractive tutor for a machine without a language model. It answers from
/// passages given with the request and from its own library, and never pretends to be more.
/// </summary>
internal sealed class PrimerModel(IOptions<PrimerOptions> options, TimeProvider time) : IChatModel
{
    public const string Id = "primer";

    // When its library was written: a model's "created" is a date, not the process's start.
    private static readonly ModelInfo Info = new(Id, 1_767_225_600, "lyceum");

    public string Kind => "primer";

    public bool TakesImages => false;

    public ValueTask<IReadOnlyList<ModelInfo>> ListAsync(CancellationToken cancel) =>
        ValueTask.FromResult<IReadOnlyList<ModelInfo>>([Info]);

    public ValueTask<string> ResolveAsync(string? requested, CancellationToken cancel) =>
        requested is null or Id ? ValueTask.FromResult(Id) : throw new ApiException(ApiError.NoSuchModel(requested));

    public async IAsyncEnumerable<ChatDelta> AnswerAsync(
        ChatRequest request, string model, [EnumeratorCancellation] CancellationToken cancel)
    {
        Validate(request);
        var text = PrimerAnswer.To(request.Messages, request.Passages);
        var stop = request.Stop.Select(word => text.IndexOf(word, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        var tokens = PrimerTokens.Split(stop >= 0 ? text[..stop] : text).ToList();
        var wanted = Math.Min(tokens.Count, request.MaxTokens ?? int.MaxValue);

        var start = time.GetTimestamp();
        var rate = request.Stream ? options.Value.TokensPerSecond : 0;
        for (var i = 0; i < wanted; i++)
        {
            if (rate > 0)
            {
                // Measured from the start, so that delays do not add up.
                var wait = TimeSpan.FromSeconds(i / rate) - time.GetElapsedTime(start);
                await Task.Delay(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, time, cancel);
            }
            yield return new ChatDelta(tokens[i]);
        }
        cancel.ThrowIfCancellationRequested();
        var usage = TokenUsage.Of(PromptTokens(request), wanted);
        yield return new ChatDelta("", wanted < tokens.Count ? "length" : "stop", usage);
    }

    private static int PromptTokens(ChatRequest request) =>
        request.Messages.Sum(message => PrimerTokens.Count(message.Text)) +
        request.Passages.Sum(passage => PrimerTokens.Count(passage.Text));

    // Options that would change the answer's shape are rejected rather than ignored.
    private static void Validate(ChatRequest request)
    {
        if (request.Choices > 1)
        {
            throw new ApiException(ApiError.Invalid(
                ErrorCodes.InvalidRequest, "Primer gives one answer: 'n' must be 1. No language model is connected.", "n"));
        }
        if (request.HasImages)
            throw new ApiException(ApiError.NoVision());
        if (request.ResponseFormat is not (null or "text"))
        {
            throw new ApiException(ApiError.Invalid(
                ErrorCodes.InvalidRequest, "Primer answers in plain text only. No language model is connected.", "response_format"));
        }
    }
}
