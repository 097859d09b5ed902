using Lyceum.EngineClient;

namespace Lyceum.ChatApi.Answers;

/// <summary>Chooses what of a conversation the model is shown.</summary>
public static class ContextWindow
{
    /// <summary>Messages of a conversation that are read to choose from.</summary>
    public const int MaxMessages = 100;

    /// <summary>
    /// The system prompt and the newest messages whose estimated tokens (<see cref="TokenEstimate"/>) fit the budget,
    /// oldest first, the question always among them. The model itself counts what is reported as usage.
    /// </summary>
    /// <param name="newestFirst">Messages of the conversation, newest first; those without text are left out.</param>
    /// <param name="earlier">Messages before those, which are left out in any case.</param>
    /// <param name="grounding">Whose passages take their part of the budget, and whose tutor speaks for <paramref name="systemPrompt"/>.</param>
    /// <param name="maxImages">
    /// The newest images are shown, no more than these; the question's whatever they take of the budget, older ones where they
    /// fit beside their message's text. Of those left out the model is told the number.
    /// </param>
    /// <returns>What to send, and how to say so in the answer's usage.</returns>
    public static (IReadOnlyList<ContextMessage> Messages, Usage Usage) Choose(
        IReadOnlyCollection<ContextMessage> newestFirst, int earlier, string systemPrompt, int maxTokens, AnswerGrounding? grounding = null,
        int maxImages = ImageLimits.PerQuestion)
    {
        var chosen = new List<ContextMessage>();
        systemPrompt = grounding?.SystemPrompt ?? systemPrompt;
        var left = maxTokens - TokenEstimate.OfMessage(systemPrompt) - (grounding?.EstimatedTokens ?? 0);
        var (images, imagesLeftOut) = (0, 0);
        foreach (var message in newestFirst)
        {
            if (message.Content.Length == 0)
                continue;
            left -= TokenEstimate.OfMessage(message.Content);
            if (left < 0 && chosen.Count > 0)
                break;
            if (message.Images.Count == 0)
            {
                chosen.Add(message);
                continue;
            }
            var room = chosen.Count == 0 ? maxImages : Math.Min(maxImages - images, left / TokenEstimate.OfImage);
            var shown = message.Images.Take(Math.Max(0, room)).ToList();
            chosen.Add(message with { Images = shown, ImagesLeftOut = message.Images.Count - shown.Count });
            left -= shown.Count * TokenEstimate.OfImage;
            (images, imagesLeftOut) = (images + shown.Count, imagesLeftOut + message.Images.Count - shown.Count);
        }
        var usage = new Usage(
            null, null, null, chosen.Count, earlier + newestFirst.Count(m => m.Content.Length > 0) - chosen.Count,
            images + imagesLeftOut == 0 ? null : images, images + imagesLeftOut == 0 ? null : imagesLeftOut);
        if (systemPrompt.Length > 0)
            chosen.Add(new("system", systemPrompt));
        chosen.Reverse();
        return (chosen, usage);
    }
}
