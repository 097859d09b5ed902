using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>What a caller accepts, by the qualities of its <c>Accept</c> header (RFC 9110, 12.5.1).</summary>
public static class AcceptHeader
{
    /// <summary>
    /// The media type that the caller prefers. Of equals it is the first offered, and so where the caller accepts none
    /// of them or does not say.
    /// </summary>
    public static string Preferred(HttpRequest request, params ReadOnlySpan<string> offered)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var ranges))
            return offered[0];
        var (preferred, best) = (offered[0], 0d);
        foreach (var type in offered)
        {
            if (Quality(type, ranges) is var quality && quality > best)
                (preferred, best) = (type, quality);
        }
        return preferred;
    }

    /// <summary>
    /// That of the most precise range that includes the type: <c>text/plain;q=0, */*</c> excludes plain text.
    /// </summary>
    private static double Quality(string type, IList<MediaTypeHeaderValue> ranges) => ranges
        .Where(range => range.MatchesMediaType(type))
        .OrderByDescending(range => (!range.MatchesAllTypes, !range.MatchesAllSubTypes))
        .Select(range => range.Quality ?? 1).FirstOrDefault();
}
