using Lyceum.ChatApi.Answers;
using Lyceum.Contracts;
using Lyceum.Text.Moderation;
using MassTransit;

namespace Lyceum.ChatApi.Writing;

/// <summary>
/// Stores the end of an answer whose writer could not, on a connection of its own; the bus retries it.
/// </summary>
public sealed class SavePartialResponseConsumer(GenerationRows rows, GenerationRunner runner) : IConsumer<SavePartialResponse>
{
    public Task Consume(ConsumeContext<SavePartialResponse> context) => SaveAsync(context.Message, context.CancellationToken);

    internal async Task SaveAsync(SavePartialResponse save, CancellationToken cancellationToken)
    {
        var end = new AnswerEnd(
            save.Status, save.FinishReason, AnswerJson.Parse<Usage>(save.Usage), AnswerJson.Parse<AnswerError>(save.Error),
            Sources: AnswerJson.Parse<List<AnswerSource>>(save.Sources))
        {
            Moderation = save.Moderation,
            Verdict = AnswerJson.Parse<Verdict>(save.Verdict),
        };
        if (await rows.CloseAsync(save.MessageId, save.Owner, save.Epoch, end, cancellationToken) is { } length)
            runner.Ended(save.MessageId, save.ConversationId, end, length);
    }
}
