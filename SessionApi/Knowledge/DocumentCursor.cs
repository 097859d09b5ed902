namespace Lyceum.SessionApi.Knowledge;

/// <summary>Where a page of documents ends: the last one's name and id.</summary>
internal static class DocumentCursor
{
    private const int IdLength = 36;

    public static string Of(DocumentView last) => $"{last.Name}|{last.Id}";

    /// <returns>Of a cursor of an earlier version, which is a name alone: after all of that name.</returns>
    public static (string Name, Guid Id) Parse(string? cursor)
    {
        if (cursor is null)
            return ("", Guid.Empty);
        var border = cursor.Length - IdLength - 1;
        return border > 0 && cursor[border] == '|' && Guid.TryParseExact(cursor[(border + 1)..], "D", out var id)
            ? (cursor[..border], id)
            : (cursor, Guid.AllBitsSet);
    }
}
