using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.SessionApi.Transcripts;

/// <summary>What ChatApi asks for a person's search. Not below <c>/api</c>: Gateway has no route to it.</summary>
internal static class TranscriptSearchEndpoint
{
    private const int MaxTurns = 100;
    private const int MaxQuery = 200;

    public static void MapTranscriptSearch(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/internal/transcripts/search", SearchAsync).RequireService().WithTags("internal");

    /// <summary>Turns of live sessions, of the person that the service acts for, that have every word of the query.</summary>
    private static Task<FoundTurns> SearchAsync(
        TranscriptQuery query, Caller caller, TranscriptSearch search, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(query.Query) || query.Query.Length > MaxQuery || query.Query.Contains('\0'))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"query must have 1 to {MaxQuery} characters.");
        if (query.Limit is < 1 or > MaxTurns)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {MaxTurns}.");
        return search.FindAsync(caller, query, cancellationToken);
    }
}
