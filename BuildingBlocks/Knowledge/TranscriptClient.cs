using Lyceum.ServiceDefaults.Auth;
using Lyceum.Text;

namespace Lyceum.Knowledge;

/// <param name="Before">Only what is before this time and, at it, this place; null: from the newest on.</param>
/// <param name="Limit">1 to 100.</param>
public sealed record TranscriptQuery(string Query, DateTimeOffset? Before = null, Guid? BeforePlace = null, int Limit = 20);

/// <summary>A question and answer of a live session that a search found.</summary>
/// <param name="At">When it was asked.</param>
/// <param name="Place">Orders those of the same time.</param>
public sealed record FoundTurn(string SessionId, int Turn, DateTimeOffset At, Guid Place, Excerpt Excerpt);

public sealed record FoundTurns(IReadOnlyList<FoundTurn> Turns);

/// <summary>Asks SessionApi for what was said in a person's live sessions.</summary>
public sealed class TranscriptClient(SessionApiClient sessionApi)
{
    /// <returns>Newest first.</returns>
    /// <exception cref="HttpRequestException">No instance answered.</exception>
    public async Task<IReadOnlyList<FoundTurn>> SearchAsync(
        string tenant, string subject, TranscriptQuery query, CancellationToken cancellationToken)
    {
        var found = await sessionApi.SendAsync<FoundTurns>(
            HttpMethod.Post, "/internal/transcripts/search", query, tenant, subject, Scopes.Sessions, cancellationToken);
        return found?.Turns ?? throw new HttpRequestException("transcripts cannot be searched there");
    }
}
