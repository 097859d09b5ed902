using System.Net.ServerSentEvents;
using System.Text.Json;

namespace Lyceum.Client;

/// <summary>Something changed for the caller, or the stream says of itself how it stands.</summary>
/// <param name="Type">
/// Such as <c>answer.ended</c>, <c>job.changed</c>; <c>ready</c>: from here on nothing is missed; <c>reset</c>: events of <c>data.source</c> were missed,
/// read anew what you show of it; <c>source.away</c>, <c>source.back</c>. Pass over a type that you do not know.
/// </param>
/// <param name="Data">The fields that docs/events.md names for the type.</param>
/// <param name="Cursor">Where <see cref="LyceumClient.ChangesAsync"/> goes on after this one; null: where it stood before.</param>
public sealed record Change(string Type, JsonElement Data, string? Cursor);

/// <summary>Reads what changes for the caller: each event once, from the cursor on. It never ends by itself.</summary>
internal sealed class ChangeReader(HttpClient http, LyceumClientOptions options, string? cursor) : ResumedStream<Change>(http, options)
{
    private string? _cursor = cursor;
    private bool _wasReady;

    protected override HttpRequestMessage Request()
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "api/events");
        if (_cursor is not null)
            request.Headers.Add("Last-Event-ID", _cursor);
        return request;
    }

    protected override Change? Take(SseItem<string> item)
    {
        WentOn();
        if (item.EventType == "ping")
            return null;
        _cursor = item.EventId ?? _cursor;
        if (item.EventType == "ready")
        {
            // Told once: on a later connection nothing was missed either.
            if (_wasReady)
                return null;
            _wasReady = true;
        }
        return new(item.EventType, Read<JsonElement>(item), item.EventId);
    }
}
