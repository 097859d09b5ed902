using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Lyceum.Tests.Client.Tests;

/// <summary>An answer as the gateway streams it (docs/chat.md), from any of its cursors.</summary>
public sealed class WrittenAnswer
{
    public const string Credential = "token";

    private static readonly string[] Pieces = ["Retrieval ", "ist über ", "学习 ", "🧠", "\n\nwell", ".\r\n", "\"\\"];

    public Guid Id { get; } = Guid.CreateVersion7();

    public string Text => string.Concat(Pieces);

    /// <summary>Keys of the questions that were asked, each once.</summary>
    public ConcurrentDictionary<string, byte> Asked { get; } = [];

    /// <summary>The body of a response from this byte on.</summary>
    public string From(long after)
    {
        var body = new StringBuilder("retry: 1000\n");
        Event("start", null, new { conversation_id = Id, message_id = Id, stream_url = "/x", question_id = Id });
        Event("thinking", null, new { length = 412 });
        Event("something_new", null, new { });
        long end = 0;
        foreach (var piece in Pieces)
        {
            end += Encoding.UTF8.GetByteCount(piece);
            if (end > after)
                Event("delta", end.ToString(CultureInfo.InvariantCulture), new { text = piece });
        }
        Event("ping", null, new { });
        Event("end", "end", new { status = "complete", finish_reason = "stop" });
        return body.ToString();

        void Event(string type, string? id, object data) =>
            body.Append(id is null ? "" : $"id: {id}\n").Append($"event: {type}\ndata: {JsonSerializer.Serialize(data)}\n\n");
    }

    /// <summary>What the gateway answers to this request; <paramref name="cut"/> may spoil it.</summary>
    public Reply Reply(Received request, Func<string, Reply> cut)
    {
        if (request.Method == "POST" && request.Target == "/chat")
        {
            Asked.TryAdd(request.Header("Idempotency-Key")!, 0);
            return cut(From(0));
        }
        return request.Target == $"/chat/{Id}/stream" ? cut(From(request.After)) : Client.Tests.Reply.Problem(404, "message_not_found");
    }
}
