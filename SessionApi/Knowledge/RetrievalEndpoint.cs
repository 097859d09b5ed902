using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Tutors;
using Lyceum.Text;
using Microsoft.AspNetCore.Mvc;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>
/// What engines and ChatApi ground answers in. Not below <c>/api</c>: Gateway has no route to it. Either a service's identity
/// with scope <c>tutors</c>, or a ticket of this path as bearer token, for a client that got a URL and a token only (an
/// engine's session): <see cref="Tickets.IssueToken"/> with <see cref="PathOf"/> and <see cref="Scopes.Tutors"/>.
/// </summary>
internal static class RetrievalEndpoint
{
    private const int MaxPassages = 50;

    // Characters. A longer query is a pasted text; its beginning is searched for.
    private const int MaxQuery = 4000;

    public static string PathOf(string kbId) => $"/internal/retrieval/{kbId}";

    public static void MapRetrieval(this IEndpointRouteBuilder routes) =>
        routes.MapPost(PathOf("{kb_id}"), RetrieveAsync).RequireServiceOrTicket(Scopes.Tutors).WithTags("internal");

    /// <summary>
    /// The passages that speak of the query, best first: of a knowledge base of the person's own, or of a tutor's that a class shares
    /// with them.
    /// </summary>
    private static async Task<RetrievalResult> RetrieveAsync(
        [FromRoute(Name = "kb_id")] string kbId, RetrievalRequest request, Caller caller, KnowledgeStore store,
        TutorStore tutors, CancellationToken cancellationToken)
    {
        var kb = await store.FindSearchableAsync(caller, kbId, request.TutorId, tutors, cancellationToken)
            ?? throw KnowledgeStore.NotFound(kbId);
        if (string.IsNullOrWhiteSpace(request.Query))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "query must not be empty.");
        if (request.Limit is < 1 or > MaxPassages)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {MaxPassages}.");
        var query = Utf16.Truncate(request.Query, MaxQuery);
        var hits = await store.SearchAsync(kb, query, request.Limit, cancellationToken);
        return new([.. hits.Select(hit => RetrievedPassage.Of(kb.KbId, hit))]);
    }
}

/// <param name="Limit">Most passages wanted, 1 to 50.</param>
/// <param name="TutorId">Only through this shared tutor; absent: through any.</param>
internal sealed record RetrievalRequest(string? Query, int Limit = 6, int? TutorId = null);

/// <param name="Id"><c>{document id}:{position}</c>; the same for as long as the document is not replaced.</param>
/// <param name="Title">Its page and the headings it stands under; where there are none, the document's name.</param>
/// <param name="Source">The document's name.</param>
/// <param name="Section">Its page and the headings it stands under; empty where there are none.</param>
/// <param name="Page">Page or slide, from 1; null where the document has none.</param>
/// <param name="Offset">Where it begins in the document's content, in UTF-16 units.</param>
/// <param name="Length">UTF-16 units.</param>
internal sealed record RetrievedPassage(
    string Id, string Title, string Text, string Source, string KbId, Guid DocumentId, string Section, int? Page, int? Offset,
    int Length)
{
    public static RetrievedPassage Of(string kbId, SearchHit hit) => new(
        $"{hit.DocumentId}:{hit.Position}", hit.Section.Length > 0 ? hit.Section : hit.Document, hit.Text, hit.Document, kbId,
        hit.DocumentId, hit.Section, hit.Page, hit.Offset, hit.Length);
}

internal sealed record RetrievalResult(List<RetrievedPassage> Passages);
