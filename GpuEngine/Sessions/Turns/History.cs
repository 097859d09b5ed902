using Lyceum.EngineClient;
using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Sessions.Turns;

/// <summary>
/// What was said, as far as the model is shown it: the newest messages whose estimated tokens fit the budget. Older
/// ones are dropped. Guarded by <see cref="TurnSequence"/>.
/// </summary>
internal sealed class History
{
    private readonly LinkedList<ChatMessage> _messages = new();
    private readonly int _maxTokens;
    private int _tokens;

    public History(IReadOnlyList<ChatMessage> earlier, int maxTokens)
    {
        _maxTokens = maxTokens;
        foreach (var message in earlier)
            Add(message.Role, message.Text);
    }

    public int Count => _messages.Count;

    public void Add(string role, string text)
    {
        if (text.Length == 0)
            return;
        _messages.AddLast(new ChatMessage(role, text));
        _tokens += TokenEstimate.OfMessage(text);
        while (_tokens > _maxTokens && _messages.Count > 1)
        {
            _tokens -= TokenEstimate.OfMessage(_messages.First!.Value.Text);
            _messages.RemoveFirst();
        }
    }

    /// <summary>Takes back what was added last: a question that was refused.</summary>
    public void RemoveLast(string role, string text)
    {
        if (_messages.Last is not { Value: var last } || last != new ChatMessage(role, text))
            return;
        _messages.RemoveLast();
        _tokens -= TokenEstimate.OfMessage(text);
    }

    /// <summary>
    /// Oldest first. Neighbours of one role (a question whose answer was interrupted before its first word) are one
    /// message: some models' templates reject two in a row.
    /// </summary>
    public List<ChatMessage> ToMessages()
    {
        var merged = new List<ChatMessage>(_messages.Count);
        foreach (var message in _messages)
        {
            if (merged.Count > 0 && merged[^1].Role == message.Role)
                merged[^1] = new ChatMessage(message.Role, $"{merged[^1].Text}\n\n{message.Text}");
            else
                merged.Add(message);
        }
        return merged;
    }
}
