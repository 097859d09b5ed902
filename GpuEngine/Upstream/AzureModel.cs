using System.ClientModel.Primitives;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Lyceum.EngineClient;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Microsoft.Extensions.Options;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;
using OpenAI.Chat;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// A deployment on Azure OpenAI as a model (<c>Llm:Connector=azure-openai</c>). Semantic Kernel's connector speaks with Azure;
/// what it received is taken from the SDK's own objects, which keep what the connector's own types leave out: usage, finish
/// reason, refusal, tool calls.
/// </summary>
internal sealed class AzureModel(AzureConnection azure, IOptions<LlmOptions> llm, TimeProvider time) : IRelayingModel
{
    private readonly ModelListCache _models = new(
        async cancel =>
        {
            await azure.CheckAsync(cancel);
            return [new ModelInfo(azure.Deployment, 0, LlmOptions.Azure)];
        },
        llm.Value.ModelsCache,
        time);

    public string Kind => "language_model";

    public bool TakesImages { get; } = llm.Value.Vision;

    // The connector needs a conversation; RequestJson replaces the JSON that it makes of this one.
    private static ChatHistory Placeholder => new("replaced by the request's own messages");

    public ValueTask<IReadOnlyList<ModelInfo>> ListAsync(CancellationToken cancel) => _models.ListAsync(cancel);

    public ValueTask<string> ResolveAsync(string? requested, CancellationToken cancel) =>
        requested is null || requested == azure.Deployment
            ? ValueTask.FromResult(azure.Deployment)
            : throw new ApiException(ApiError.NoSuchModel(requested));

    public async Task StreamAsync(ChatRequest request, string model, AnswerStream output, CancellationToken cancel)
    {
        var frames = new ChatFrames(model, time.GetUtcNow(), request.IncludeUsage);
        var finished = false;
        var reader = new CompletionReader(TextAs.Nothing, llm.Value.Thinking);
        await using var chunks = ChunksAsync(request, model, reader, cancel).GetAsyncEnumerator(cancel);
        while (await output.WaitAsync(chunks.MoveNextAsync()))
        {
            var (json, chunk) = chunks.Current;
            if (reader.Changed.Count > 0)
            {
                json = RelayedEvent.Chunk(json.Span, "", model, chunk, reader.Changed);
            }
            finished |= chunk.FinishReason is not null;
            if (chunk.HasToken)
            {
                output.TokensArrived(1);
            }
            // Azure's first chunk has no choices, only the content filter's result for the prompt.
            using var update = JsonDocument.Parse(json);
            if (update.RootElement.GetProperty("choices") is var choices && choices.GetArrayLength() > 0)
            {
                await output.WriteAsync(frames.Choices(choices));
            }
            if (request.IncludeUsage && update.RootElement.TryGetProperty("usage", out var usage) &&
                usage.ValueKind is JsonValueKind.Object)
            {
                await output.WriteAsync(frames.Usage(usage));
            }
        }
        await output.WriteAsync(finished ? ChatFrames.Done : throw Cut());
    }

    public async Task<GenerationEnd> WriteAsync(ChatRequest request, string model, IGenerationSink output, CancellationToken cancel)
    {
        string? finish = null;
        TokenUsage? usage = null;
        var reader = new CompletionReader(TextAs.Decoded, llm.Value.Thinking);
        await foreach (var (_, chunk) in ChunksAsync(request, model, reader, cancel))
        {
            output.Thinking.Append(chunk.Thinking);
            var room = output.Text.Append(chunk.Text);
            if (chunk.HasToken)
            {
                output.TokensArrived(1);
            }
            if (!room)
            {
                return GenerationEnd.Full;
            }
            (finish, usage) = (chunk.FinishReason ?? finish, chunk.Usage ?? usage);
        }
        return new GenerationEnd(finish ?? throw Cut(), request.IncludeUsage ? usage : null);
    }

    public async Task<ReadOnlyMemory<byte>> WholeAsync(ChatRequest request, string model, CancellationToken cancel)
    {
        try
        {
            var answer = await azure.Chat(UpstreamBody.For(request, model))
                .GetChatMessageContentsAsync(Placeholder, cancellationToken: cancel);
            return answer is [{ InnerContent: ChatCompletion completion }, ..]
                ? ModelReaderWriter.Write(completion).ToMemory()
                : throw UpstreamErrors.Broken("answered something that is no completion");
        }
        catch (Exception e)
        {
            throw AzureErrors.From(e, azure.Deployment, answering: false, cancel);
        }
    }

    public async IAsyncEnumerable<ChatDelta> AnswerAsync(
        ChatRequest request, string model, [EnumeratorCancellation] CancellationToken cancel)
    {
        string? finish = null;
        TokenUsage? usage = null;
        var reader = new CompletionReader(TextAs.Decoded, llm.Value.Thinking);
        await foreach (var (_, chunk) in ChunksAsync(request, model, reader, cancel))
        {
            (finish, usage) = (chunk.FinishReason ?? finish, chunk.Usage ?? usage);
            if (chunk.Text is not null || chunk.Thinking is not null)
            {
                yield return new ChatDelta(chunk.Text ?? "", Thinking: chunk.Thinking);
            }
        }
        yield return new ChatDelta("", finish ?? throw Cut(), usage);
    }

    /// <summary>A streamed answer's chunks, in OpenAI's shape and as they are understood.</summary>
    private async IAsyncEnumerable<(ReadOnlyMemory<byte> Json, CompletionChunk Chunk)> ChunksAsync(
        ChatRequest request, string model, CompletionReader reader, [EnumeratorCancellation] CancellationToken cancel)
    {
        var chat = azure.Chat(UpstreamBody.For(request, model, stream: true, countTokens: true));
        await using var updates = chat.GetStreamingChatMessageContentsAsync(Placeholder, cancellationToken: cancel).GetAsyncEnumerator(cancel);
        for (var answering = false; await MoveNextAsync(updates, answering, cancel); answering = true)
        {
            var json = ModelReaderWriter.Write((StreamingChatCompletionUpdate)updates.Current.InnerContent!).ToMemory();
            var chunk = reader.Read(json.Span);
            yield return chunk.Error is null ? (json, chunk) : throw UpstreamErrors.Said(chunk.Error.Message);
        }
    }

    private async ValueTask<bool> MoveNextAsync(
        IAsyncEnumerator<StreamingChatMessageContent> updates, bool answering, CancellationToken cancel)
    {
        try
        {
            return await updates.MoveNextAsync();
        }
        catch (Exception e)
        {
            throw AzureErrors.From(e, azure.Deployment, answering, cancel);
        }
    }

    private static ApiException Cut() => UpstreamErrors.Broken("ended its answer before it was complete");
}
