using Lyceum.ChatApi.Data;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;

namespace Lyceum.ChatApi.Searching;

public static class SearchEndpoints
{
    private const int MaxPage = 50;
    private const int MaxSearch = 200;

    public static WebApplicationBuilder AddSearching(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<MessageSearch>();
        builder.Services.AddHostedService<TermsSweep>();
        return builder;
    }

    public static void MapSearch(this IEndpointRouteBuilder routes) => routes.MapGet("/api/search", SearchAsync)
        .RequireScope(Scopes.Chat).WithTags("conversations").Fails(400, ErrorCodes.InvalidCursor);

    /// <summary>
    /// Searches the caller's conversations and, with scope <c>sessions</c>, live sessions, the newest first. Titles,
    /// questions and answers of all branches are found that have every word of <paramref name="q"/>; in Chinese, every pair
    /// of its characters.
    /// </summary>
    /// <param name="q">1 to 200 characters.</param>
    /// <param name="limit">1-50 a page.</param>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<SearchPage> SearchAsync(
        Caller caller, MessageSearch search, DatabaseReady ready, CancellationToken cancellationToken,
        string? q = null, int limit = 20, string? cursor = null)
    {
        if (string.IsNullOrWhiteSpace(q) || q.Length > MaxSearch || q.Contains('\0'))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"q must have 1 to {MaxSearch} characters.");
        if (limit is < 1 or > MaxPage)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {MaxPage}.");
        var after = PageCursor.Parse(cursor);
        _ = after?.Guid; // refused now, rather than in the middle
        ready.ThrowIfNotReady();
        var (hits, next, hasTranscripts) = await search.FindAsync(
            caller, q, after, limit, withTranscripts: caller.Scopes.Contains(Scopes.Sessions), cancellationToken);
        return new(hits, next?.ToString(), hasTranscripts);
    }
}

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
/// <param name="SessionsSearched">False: live sessions were not searched, without scope <c>sessions</c> or for a fault.</param>
public sealed record SearchPage(List<SearchHit> Hits, string? NextCursor, bool SessionsSearched);
