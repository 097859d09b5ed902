using Lyceum.ServiceDefaults.Auth;
using Lyceum.Text;

namespace Lyceum.Knowledge;

/// <summary>A tutor as far as answers depend on it.</summary>
/// <param name="Language">BCP 47.</param>
/// <param name="Instructions">For the model; empty: none.</param>
/// <param name="KbId">The knowledge base it answers from; null: none.</param>
/// <param name="Mode"><c>guide</c> where its teacher locked it to that; null: as each question says.</param>
/// <param name="ClassId">Through which class the person may use it; null: it is theirs.</param>
public sealed record Tutor(
    string Name, string Subject, string Language, string Instructions, string? KbId, string? Mode = null, Guid? ClassId = null);

/// <summary>A passage that speaks of a question.</summary>
/// <param name="Section">Its page and the headings it stands under.</param>
/// <param name="Page">Page or slide, from 1; null where the document has none.</param>
/// <param name="Offset">Where it begins in the document's content, in UTF-16 units.</param>
/// <param name="Length">UTF-16 units.</param>
public sealed record FoundPassage(
    string? Id, string? Title, string Text, string? Source, string? KbId = null, string? DocumentId = null, string? Section = null,
    int? Page = null, int? Offset = null, int? Length = null);

/// <summary>
/// Asks SessionApi, on behalf of a subject, for what belongs to the subject's tenant. Every wait is bounded by the caller's
/// cancellation token; what is asked changes nothing, so that another instance may be asked where one cannot be reached.
/// </summary>
public sealed class KnowledgeClient(SessionApiClient sessionApi)
{
    /// <returns>Null where there is no such tutor that the subject may use: their own, or shared with a class of theirs.</returns>
    /// <exception cref="HttpRequestException">No instance answered, or not with the expected JSON.</exception>
    public Task<Tutor?> ReadTutorAsync(string tenant, string subject, int id, CancellationToken cancellationToken) =>
        sessionApi.SendAsync<Tutor>(
            HttpMethod.Get, $"/internal/tutors/{id}", null, tenant, subject, Scopes.Tutors, cancellationToken);

    /// <returns>
    /// Best first; null where there is no such knowledge base that the subject may search: their own, or that of a tutor that is shared
    /// with them.
    /// </returns>
    /// <exception cref="HttpRequestException">No instance answered, or not with the expected JSON.</exception>
    public async Task<IReadOnlyList<FoundPassage>?> SearchAsync(
        string tenant, string subject, string kbId, string question, int limit, CancellationToken cancellationToken)
    {
        // Only a slug can be a knowledge base, and may stand in a path.
        if (!Slug.IsValid(kbId))
            return null;
        var found = await sessionApi.SendAsync<Found>(
            HttpMethod.Post, $"/internal/retrieval/{kbId}", new Search(question, limit), tenant, subject,
            Scopes.Tutors, cancellationToken);
        return found is null ? null : [.. (found.Passages ?? []).Where(passage => !string.IsNullOrWhiteSpace(passage.Text)).Take(limit)];
    }

    private sealed record Search(string Query, int Limit);

    private sealed record Found(IReadOnlyList<FoundPassage>? Passages);
}
