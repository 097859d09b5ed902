using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.SessionApi.People;

internal static class Paging
{
    /// <exception cref="ProblemException">400 <c>invalid_request</c>.</exception>
    public static void CheckLimit(int limit, int most)
    {
        if (limit < 1 || limit > most)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {most}.");
    }

    /// <exception cref="ProblemException">400 <c>invalid_cursor</c>.</exception>
    public static Guid Cursor(string cursor) => Guid.TryParseExact(cursor, "D", out var id)
        ? id
        : throw new ProblemException(400, ErrorCodes.InvalidCursor, "cursor must be a next_cursor of an earlier page.");
}
