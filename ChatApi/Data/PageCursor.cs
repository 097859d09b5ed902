using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.ChatApi.Data;

/// <summary>Where a page ended that is ordered by time, then id: opaque to clients, <c>{unix microseconds}_{id}</c>.</summary>
internal sealed record PageCursor(DateTimeOffset At, string Id)
{
    /// <summary>Null for a first page.</summary>
    /// <exception cref="ProblemException">400 <c>invalid_cursor</c>.</exception>
    public static PageCursor? Parse(string? text)
    {
        if (text is null)
            return null;
        var parts = text.Split('_', 2);
        return parts.Length == 2 && !parts[1].Contains('\0') && long.TryParse(parts[0], out var micros)
               && micros is >= 0 and < 253_402_300_799_000_000
            ? new(DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond), parts[1])
            : throw Invalid();
    }

    /// <summary>The id of a page whose things have Guids.</summary>
    public Guid Guid => System.Guid.TryParse(Id, out var id) ? id : throw Invalid();

    public override string ToString() => $"{(At - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond}_{Id}";

    private static ProblemException Invalid() =>
        new(400, ErrorCodes.InvalidCursor, "cursor must be a next_cursor of an earlier page.");
}
