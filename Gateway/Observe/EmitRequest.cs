using System.Buffers;
using System.Text;
using System.Text.Json;
using Lyceum.Gateway.Data;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Observe;

/// <summary><c>POST /api/observe/emit</c>: all of it is recorded, or nothing.</summary>
public sealed record EmitRequest(IReadOnlyList<EventRequest?>? Events = null);

/// <param name="Type">What kind of event, 1-64 letters, digits, <c>. _ - / :</c>.</param>
/// <param name="At">When it happened; absent: now.</param>
/// <param name="Attributes">A JSON object; absent: empty.</param>
/// <param name="Id">The client's own; with it, sending the event again changes nothing.</param>
public sealed record EventRequest(string? Type, DateTimeOffset? At = null, JsonElement? Attributes = null, string? Id = null);

/// <summary>An event, checked.</summary>
/// <param name="Attributes">JSON.</param>
internal sealed record NewEvent(Guid EventId, string? Id, string Type, DateTimeOffset At, string Attributes)
{
    /// <summary>About what it occupies while it waits.</summary>
    public int Bytes => 200 + Type.Length + (Id?.Length ?? 0) + Encoding.UTF8.GetByteCount(Attributes);
}

/// <summary>Turns a request into events, or reports every fault of it.</summary>
internal static class EmitValidation
{
    private const int MaxEvents = 1000;
    private const int MaxId = 128;
    private const int MaxType = 64;
    private const int MaxAttributes = 16 * 1024; // bytes of JSON

    // A clock that is off is borne, one that is not set is a mistake.
    private static readonly DateTimeOffset Earliest = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Ahead = TimeSpan.FromDays(1);

    private static readonly SearchValues<char> TypeCharacters = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:");

    /// <exception cref="ProblemException">400 <c>invalid_request</c>, with all that is wrong.</exception>
    public static List<NewEvent> Check(EmitRequest request, DateTimeOffset now)
    {
        var faults = new ValidationErrors();
        var given = request.Events ?? [];
        faults.AddIf(given.Count is 0 or > MaxEvents, "events", $"events must have 1 to {MaxEvents} entries.");
        faults.ThrowIfAny();
        var events = given.Select((item, i) => Check(item, $"events[{i}]", now, faults)).ToList();
        faults.ThrowIfAny();
        return events;
    }

    private static NewEvent Check(EventRequest? given, string path, DateTimeOffset now, ValidationErrors faults)
    {
        var type = given?.Type ?? "";
        faults.AddIf(type.Length is 0 or > MaxType || type.AsSpan().ContainsAnyExcept(TypeCharacters), $"{path}.type",
            $"{path}.type must have 1 to {MaxType} letters, digits, '.', '_', '-', '/' or ':'.");
        faults.AddIf(given?.At is { } at && (at < Earliest || at > now + Ahead), $"{path}.at",
            $"{path}.at must lie between {Earliest:yyyy-MM-dd} and tomorrow.");
        faults.AddIf(given?.Id is { } id && (id.Length is 0 or > MaxId || id.Any(char.IsControl)), $"{path}.id",
            $"{path}.id must have 1 to {MaxId} characters, none of them a control character.");
        return new(Guid.CreateVersion7(now), given?.Id, type, (given?.At ?? now).ToUniversalTime(),
            StoredJson.Check($"{path}.attributes", given?.Attributes, MaxAttributes, faults));
    }
}
