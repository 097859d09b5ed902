using System.Runtime.CompilerServices;
using Lyceum.GpuEngine.Completions;
using Lyceum.GpuEngine.OpenAI;
using Microsoft.Extensions.Options;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;
using Microsoft.SemanticKernel.Connectors.OpenAI;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// A Semantic Kernel connector as a model (<c>Llm:Connector=semantic-kernel</c>): the place to plug in a provider that
/// does not speak OpenAI's protocol. Only registered services of type <see cref="IChatCompletionService"/> matter here;
/// the one built by <see cref="Connect"/> is replaced by registering another.
/// </summary>
internal sealed class SemanticKernelModel(IChatCompletionService chat, IOptions<LlmOptions> llm) : IChatModel
{
    private readonly string _model = llm.Value.Model is { Length: > 0 } model ? model : "default";

    public string Kind => "language_model";

    public static IChatCompletionService Connect(LlmOptions llm)
    {
#pragma warning disable SKEXP0010 // A custom endpoint is still marked experimental there.
        return new OpenAIChatCompletionService(llm.Model ?? "default", new Uri(llm.Endpoint!), llm.ApiKey);
#pragma warning restore SKEXP0010
    }

    public ValueTask<IReadOnlyList<ModelInfo>> ListAsync(CancellationToken cancel) =>
        ValueTask.FromResult<IReadOnlyList<ModelInfo>>([new ModelInfo(_model, 0, "semantic-kernel")]);

    public ValueTask<string> ResolveAsync(string? requested, CancellationToken cancel) =>
        requested is null || requested == _model
            ? ValueTask.FromResult(_model)
            : throw new ApiException(ApiError.NoSuchModel(requested));

    public async IAsyncEnumerable<ChatDelta> AnswerAsync(
        ChatRequest request, string model, [EnumeratorCancellation] CancellationToken cancel)
    {
        var history = new ChatHistory();
        if (PassagePrompt.For(request.Passages) is { } prompt)
        {
            history.AddMessage(AuthorRole.System, prompt);
        }
        foreach (var message in request.Messages)
        {
            history.AddMessage(new AuthorRole(message.Role), message.Text);
        }
        var settings = new OpenAIPromptExecutionSettings { MaxTokens = request.MaxTokens, StopSequences = [.. request.Stop] };
        var deltas = chat.GetStreamingChatMessageContentsAsync(history, settings, cancellationToken: cancel).GetAsyncEnumerator(cancel);
        await using (deltas)
        {
            while (await MoveNextAsync(deltas))
            {
                if (deltas.Current.Content is { Length: > 0 } text)
                {
                    yield return new ChatDelta(text);
                }
            }
        }
        yield return new ChatDelta("", "stop");
    }

    private static async Task<bool> MoveNextAsync(IAsyncEnumerator<StreamingChatMessageContent> deltas)
    {
        try
        {
            return await deltas.MoveNextAsync();
        }
        catch (HttpOperationException e)
        {
            throw UpstreamErrors.Broken("failed behind the Semantic Kernel connector", e);
        }
    }
}
