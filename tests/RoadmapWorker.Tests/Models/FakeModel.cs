using Lyceum.RoadmapWorker.Models;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;
using Microsoft.SemanticKernel.Connectors.OpenAI;
using OpenAI.Chat;
using ChatMessageContent = Microsoft.SemanticKernel.ChatMessageContent;

namespace Lyceum.Tests.RoadmapWorker.Tests.Models;

public sealed record FakeMessage(string Role, string Content);

public sealed record FakeQuestion(IReadOnlyList<FakeMessage> Messages, bool HasShape, int? MaxTokens);

public sealed record FakeReply(string Text, int PromptTokens, int CompletionTokens, bool IsCut = false);

/// <summary>A model without HTTP, in the place of the engines: what a kernel asks, a test answers.</summary>
public abstract class FakeModel : ILanguageModel
{
    public abstract Task<bool> IsConnectedAsync(string tenant, string subject, CancellationToken cancellationToken);

    public abstract Task<FakeReply> AskAsync(FakeQuestion question, string tenant, string subject, CancellationToken cancellationToken);

    public IChatCompletionService Chat(string tenant, string subject) => new Service(this, tenant, subject);

    private sealed class Service(FakeModel model, string tenant, string subject) : IChatCompletionService
    {
        public IReadOnlyDictionary<string, object?> Attributes { get; } = new Dictionary<string, object?>();

        public async Task<IReadOnlyList<ChatMessageContent>> GetChatMessageContentsAsync(
            ChatHistory chatHistory, PromptExecutionSettings? executionSettings = null, Kernel? kernel = null, CancellationToken cancellationToken = default)
        {
            var settings = (OpenAIPromptExecutionSettings)executionSettings!;
            kernel.ShouldNotBeNull().GetRequiredService<IChatCompletionService>().ShouldBeSameAs(this);
            var reply = await model.AskAsync(
                new([.. chatHistory.Select(message => new FakeMessage(message.Role.Label, message.Content!))], settings.ResponseFormat is not null, settings.MaxTokens),
                tenant, subject, cancellationToken);
            return [new(AuthorRole.Assistant, reply.Text, "fake", metadata: new Dictionary<string, object?>
            {
                ["FinishReason"] = reply.IsCut ? "Length" : "Stop",
                ["Usage"] = OpenAIChatModelFactory.ChatTokenUsage(inputTokenCount: reply.PromptTokens, outputTokenCount: reply.CompletionTokens),
            })];
        }

        public IAsyncEnumerable<StreamingChatMessageContent> GetStreamingChatMessageContentsAsync(
            ChatHistory chatHistory, PromptExecutionSettings? executionSettings = null, Kernel? kernel = null, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();
    }
}
