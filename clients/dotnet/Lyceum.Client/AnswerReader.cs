using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text;

namespace Lyceum.Client;

/// <summary>
/// Reads one answer over as many connections as it takes.
/// <list type="number">
/// <item>The question is sent with its idempotency key until <c>start</c> names the answer: sent again, it is not asked again.</item>
/// <item>From then on a new connection reads the answer by its id, from the cursor: the bytes that the caller was given.</item>
/// <item>An event counts when its empty line has come. Of a piece that reaches beyond the cursor, only that part is new.</item>
/// </list>
/// </summary>
internal sealed class AnswerReader : ResumedStream<AnswerEvent>
{
    private readonly Func<HttpRequestMessage>? _ask;
    private Guid? _message;
    private long _cursor;
    private long _thinking;
    private bool _started;
    private bool _helped;

    public AnswerReader(HttpClient http, LyceumClientOptions options, Func<HttpRequestMessage> ask)
        : base(http, options) => _ask = ask;

    public AnswerReader(HttpClient http, LyceumClientOptions options, Guid message, long after)
        : base(http, options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(after);
        (_message, _cursor) = (message, after);
    }

    protected override HttpRequestMessage Request()
    {
        if (_message is not { } id)
            return _ask!();
        var request = new HttpRequestMessage(HttpMethod.Get, $"chat/{id}/stream");
        request.Headers.Add("Last-Event-ID", _cursor.ToString(CultureInfo.InvariantCulture));
        return request;
    }

    protected override AnswerEvent? Take(SseItem<string> item)
    {
        switch (item.EventType)
        {
            case "start":
                var start = Read<AnswerStart>(item);
                _message ??= start.MessageId;
                if (_started)
                    return null;
                _started = true;
                WentOn();
                return new AnswerStarted(start);
            case "help" when !_helped:
                _helped = true;
                return new AnswerHelp(Read<SafetyHelp>(item));
            case "thinking":
                var length = Read<ThinkingSoFar>(item).Length;
                if (length <= _thinking)
                    return null;
                _thinking = length;
                WentOn();
                return new AnswerThinking(length);
            case "delta":
                return Text(Read<AnswerPiece>(item).Text, item.EventId);
            case "ping":
                WentOn();
                return null;
            case "end":
                Ended = true;
                return new AnswerEnded(Read<ChatApiAnswerEnd>(item));
            case "error":
                Ended = true;
                return new AnswerFailed(Read<Problem>(item));
            default:
                return null; // of a later version
        }
    }

    private AnswerText? Text(string text, string? id)
    {
        if (!long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var end))
            throw new IOException("A piece of the answer came without its cursor.");
        if (end <= _cursor)
            return null;
        var bytes = Encoding.UTF8.GetBytes(text);
        var seen = _cursor - (end - bytes.Length);
        if (seen < 0)
            throw new IOException("A piece of the answer is missing."); // it is read again, from the cursor
        _cursor = end;
        WentOn();
        return new(seen == 0 ? text : Encoding.UTF8.GetString(bytes.AsSpan((int)seen)), end);
    }
}
