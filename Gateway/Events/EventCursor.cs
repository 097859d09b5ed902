using System.Globalization;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Events;

/// <summary>
/// How far a reader has come in each service's events: <c>chat-api=12,session-api=3</c>. The id of every event, and all that
/// a reader needs to go on on another gateway.
/// </summary>
internal sealed class EventCursor
{
    private readonly SortedDictionary<string, long> _numbers = new(StringComparer.Ordinal);

    /// <param name="text">Empty or null: from now on.</param>
    /// <exception cref="ProblemException">400 <c>invalid_cursor</c>.</exception>
    public static EventCursor Parse(string? text)
    {
        var cursor = new EventCursor();
        foreach (var part in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var (service, number) = part.Split('=') is [var name, var value] ? (name, value) : ("", "");
            if (!EventSources.Names.Contains(service) || cursor._numbers.ContainsKey(service)
                || !long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed))
            {
                throw new ProblemException(400, ErrorCodes.InvalidCursor,
                    "Last-Event-ID (or cursor) must be the id of an event, such as chat-api=12,session-api=3.");
            }
            cursor._numbers[service] = parsed;
        }
        return cursor;
    }

    public long? Of(string service) => _numbers.TryGetValue(service, out var number) ? number : null;

    public void Advance(string service, long number) => _numbers[service] = number;

    public override string ToString() => string.Join(
        ',', _numbers.Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Key}={pair.Value}")));
}
