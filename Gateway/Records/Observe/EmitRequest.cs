using System.Buffers;
using System.Text;
using System.Text.Json;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Records.Observe;

/// <summary><c>POST /api/observe/emit</c>: all of it is recorded, or nothing.</summary>
public sealed record EmitRequest(IReadOnlyList<EventRequest?>? Events = null);

/// <param name="Type">What kind of event, 1-64 letters, digits, <c>. _ - / :</c>.</param>
/// <param name="At">When it happened; absent: now.</param>
/// <param name="Attributes">A JSON object; absent: empty.</param>
/// <param name="Id">The client's own; makes sending the event again idempotent.</param>
public sealed record EventRequest(string? Type, DateTimeOffset? At = null, JsonElement? Attributes = null, string? Id = null);

/// <summary>An event, checked.</summary>
/// <param name="Attributes">JSON.</param>
internal sealed record NewEvent(Guid EventId, string? Id, string Type, DateTimeOffset At, string Attributes)
{
    /// <summary>About its size in memory while it waits.</summary>
    public int Bytes => 200 + Type.Length + (Id?.Length ?? 0) + Encoding.UTF8.GetByteCount(Attributes);
}

/// <summary>Turns a request into events, or reports every validation error.</summary>
internal static class EmitValidation
{
    private const int MaxEvents = 1000;
    private const int MaxId = 128;
    private const int MaxType = 64;
    private const int MaxAttributes = 16 * 1024; // bytes of JSON

    // Allows for a clock that is off, not for one that was never set.
    private static readonly DateTimeOffset Earliest = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Ahead = TimeSpan.FromDays(1);

    private static readonly SearchValues<char> TypeCharacters = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:");

    /// <exception cref="ProblemException">400 <c>invalid_request</c>, with every validation error.</exception>
    public static List<NewEvent> Check(EmitRequest request, DateTimeOffset now)
    {
        var errors = new ValidationErrors();
        var given = request.Events ?? [];
        errors.AddIf(given.Count is 0 or > MaxEvents, "events", $"events must have 1 to {MaxEvents} entries.");
        errors.ThrowIfAny();
        var events = given.Select((item, i) => Check(item, $"events[{i}]", now, errors)).ToList();
        errors.ThrowIfAny();
        return events;
    }

    private static NewEvent Check(EventRequest? given, string path, DateTimeOffset now, ValidationErrors errors)
    {
        var type = given?.Type ?? "";
        errors.AddIf(type.Length is 0 or > MaxType || type.AsSpan().ContainsAnyExcept(TypeCharacters), $"{path}.type",
            $"{path}.type must have 1 to {MaxType} letters, digits, '.', '_', '-', '/' or ':'.");
        errors.AddIf(given?.At is { } at && (at < Earliest || at > now + Ahead), $"{path}.at",
            $"{path}.at must lie between {Earliest:yyyy-MM-dd} and tomorrow.");
        errors.AddIf(given?.Id is { } id && (id.Length is 0 or > MaxId || id.Any(char.IsControl)), $"{path}.id",
            $"{path}.id must have 1 to {MaxId} characters, none of them a control character.");
        return new(Guid.CreateVersion7(now), given?.Id, type, (given?.At ?? now).ToUniversalTime(),
            StoredJson.Check($"{path}.attributes", given?.Attributes, MaxAttributes, errors));
    }
}
