using System.Globalization;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Tenants;
using Lyceum.SessionApi.Tutors;
using Lyceum.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>
/// Knowledge bases: documents in, passages out. Scope <c>tutors</c>; only the caller's own. The text that an answer
/// cited is also for whoever may use the tutor.
/// </summary>
internal static class KnowledgeEndpoints
{
    private const int MaxPage = 100;
    private const int MaxQuestion = 4000;

    // The gateway's own bound for this route; Knowledge:MaxDocumentBytes is the one that people meet.
    private const long MaxBody = 32 * 1024 * 1024;

    public static void AddKnowledge(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<KnowledgeOptions>().BindConfiguration(KnowledgeOptions.Section)
            .Validate(o => o is { MaxDocumentBytes: > 0 and <= 30 * 1024 * 1024, MaxDocuments: > 0, MaxKnowledgeBases: > 0 },
                "Knowledge: every limit must be positive, and MaxDocumentBytes at most 30 MB")
            .Validate(o => o is { MaxBytes: > 0, MaxPassages: > 0 }, "Knowledge: MaxBytes and MaxPassages must be positive")
            .Validate(o => o.MaxReadingTime > TimeSpan.Zero && o.MaxReadingTime <= TimeSpan.FromMinutes(1),
                "Knowledge:MaxReadingTime must be positive, and one minute at most")
            .Validate(o => o is { MaxFileBytes: > 0 and <= 31 * 1024 * 1024, MaxPages: > 0 },
                "Knowledge: MaxFileBytes must be positive, and 31 MiB at most; MaxPages must be positive")
            .Validate(o => o.MaxFileReadingTime > TimeSpan.Zero && o.MaxFileReadingTime <= TimeSpan.FromMinutes(10),
                "Knowledge:MaxFileReadingTime must be positive, and ten minutes at most")
            .ValidateOnStart();
        builder.Services.AddSingleton<DocumentReader>();
        builder.Services.AddScoped<KnowledgeStore>();
        builder.Services.AddSingleton<TermFrequencies>();
        builder.Services.AddSingleton<PassageReindex>();
        builder.Services.AddHostedService(services => services.GetRequiredService<PassageReindex>());
        builder.Services.AddScoped<DocumentQueue>();
        builder.Services.AddSingleton<DocumentWork>();
        builder.Services.AddHostedService(services => services.GetRequiredService<DocumentWork>());
    }

    public static void MapKnowledge(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/kb").RequireScope(Scopes.Tutors).WithTags("knowledge");
        group.MapGet("", ListAsync);
        group.MapPut("{kb_id}", PutAsync).Fails(409, ErrorCodes.LimitReached, ErrorCodes.Conflict);
        var one = group.MapGroup("{kb_id}").Fails(404, ErrorCodes.KnowledgeBaseNotFound);
        one.MapGet("", ReadAsync);
        one.MapDelete("", DeleteAsync);
        one.MapPost("documents", UploadAsync).WithMetadata(new RequestSizeLimitAttribute(MaxBody))
            .Takes<string>("text/markdown", "text/plain", "text/html", DocumentFiles.Pdf, DocumentFiles.Word, DocumentFiles.Slides)
            .Fails(409, ErrorCodes.LimitReached).Fails(429, ErrorCodes.Overloaded);
        one.MapGet("documents", DocumentsAsync);
        one.MapGet("documents/{document_id:guid}", DocumentAsync).Fails(404, ErrorCodes.DocumentNotFound);
        one.MapDelete("documents/{document_id:guid}", DeleteDocumentAsync).Fails(404, ErrorCodes.DocumentNotFound);
        one.MapPost("reindex", ReindexAsync).Fails(429, ErrorCodes.Overloaded);
        one.MapGet("search", SearchAsync);

        // What an answer cited opens for whoever may use the tutor that answered, whatever their role.
        var cited = routes.MapGroup("/api/kb/{kb_id}/documents/{document_id:guid}").RequirePersonOr(Scopes.Tutors)
            .WithTags("knowledge")
            .Fails(404, ErrorCodes.KnowledgeBaseNotFound, ErrorCodes.DocumentNotFound);
        cited.MapGet("content", ContentAsync)
            .Produces<string>(StatusCodes.Status200OK, "text/plain", DocumentFiles.Pdf, DocumentFiles.Word, DocumentFiles.Slides)
            .Fails(409, ErrorCodes.DocumentNotReady);
        cited.MapGet("passages", PassagesAsync).Fails(400, ErrorCodes.InvalidCursor);
        routes.MapRetrieval();
        routes.MapGet("/internal/capabilities", Capabilities).RequireService().WithTags("internal");
    }

    /// <summary>The documents that are taken, and how large they may be: for Gateway, which tells everybody.</summary>
    private static KnowledgeCapabilities Capabilities(IOptions<KnowledgeOptions> options) => new(
        [.. Passages.MediaTypes, .. DocumentFiles.MediaTypes], options.Value.MaxDocumentBytes, options.Value.MaxFileBytes);

    /// <summary>My knowledge bases, <paramref name="limit"/> (1-100) a page.</summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<KnowledgePage> ListAsync(
        Caller caller, KnowledgeStore store, CancellationToken cancellationToken, int limit = 50, string? cursor = null)
    {
        CheckLimit(limit);
        var page = await store.ListAsync(caller, cursor ?? "", limit + 1, cancellationToken);
        return new(page.Take(limit).Select(KnowledgeView.Of).ToList(), page.Count > limit ? page[limit - 1].KbId : null);
    }

    /// <summary>Makes a knowledge base, or changes the title of one that is there. A <c>kb_id</c> is unique in the tenant.</summary>
    private static async Task<Results<Created<KnowledgeView>, Ok<KnowledgeView>>> PutAsync(
        [FromRoute(Name = "kb_id")] string kbId, KnowledgeRequest request, Caller caller, KnowledgeStore store,
        CancellationToken cancellationToken)
    {
        if (!Slug.IsValid(kbId))
            throw new ProblemException(400, ErrorCodes.InvalidRequest,
                "kb_id must be 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit.");
        if (request.Title is { } title && (string.IsNullOrWhiteSpace(title) || title.Length > 200 || title.Contains('\0')))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "title must have 1 to 200 characters.");
        var (kb, created) = await store.PutAsync(caller, kbId, request.Title, cancellationToken);
        return created ? TypedResults.Created($"/api/kb/{kb.KbId}", KnowledgeView.Of(kb)) : TypedResults.Ok(KnowledgeView.Of(kb));
    }

    /// <summary>One knowledge base.</summary>
    private static async Task<KnowledgeView> ReadAsync(
        [FromRoute(Name = "kb_id")] string kbId, Caller caller, KnowledgeStore store, CancellationToken cancellationToken) =>
        KnowledgeView.Of(await store.ReadAsync(caller, kbId, cancellationToken));

    /// <summary>Deletes a knowledge base with its documents.</summary>
    private static async Task<NoContent> DeleteAsync(
        [FromRoute(Name = "kb_id")] string kbId, Caller caller, KnowledgeStore store, CancellationToken cancellationToken)
    {
        await store.DeleteAsync(caller, kbId, cancellationToken);
        return TypedResults.NoContent();
    }

    /// <summary>
    /// Adds a document, or replaces the one of that name. A text (Markdown, plain text, HTML) can be found when this answers 201.
    /// A file (PDF, DOCX, PPTX) is stored when this answers 202, and read in the background: what it replaces can be found until
    /// it is <c>ready</c>.
    /// </summary>
    private static async Task<Results<Created<DocumentView>, Accepted<DocumentView>>> UploadAsync(
        [FromRoute(Name = "kb_id")] string kbId, HttpRequest request, Caller caller, KnowledgeStore store, DocumentWork work,
        IOptions<KnowledgeOptions> options, CancellationToken cancellationToken, string? name = null)
    {
        await store.ReadAsync(caller, kbId, cancellationToken); // before reading megabytes
        var upload = await Upload.ReadAsync(request, name, options.Value, cancellationToken);
        if (upload.File is null)
            return TypedResults.Created((string?)null, await store.AddAsync(caller, kbId, upload, cancellationToken));
        var document = await store.AddFileAsync(caller, kbId, upload, cancellationToken);
        work.Wake();
        return TypedResults.Accepted($"/api/kb/{kbId}/documents/{document.Id}", document);
    }

    /// <summary>
    /// Its documents by name, <paramref name="limit"/> (1-100) a page; of one that is being replaced the present one and the new
    /// one.
    /// </summary>
    private static async Task<DocumentPage> DocumentsAsync(
        [FromRoute(Name = "kb_id")] string kbId, Caller caller, KnowledgeStore store, CancellationToken cancellationToken,
        int limit = 50, string? cursor = null)
    {
        CheckLimit(limit);
        var page = await store.DocumentsAsync(caller, kbId, DocumentCursor.Parse(cursor), limit + 1, cancellationToken);
        return new(page.Take(limit).ToList(), page.Count > limit ? DocumentCursor.Of(page[limit - 1]) : null);
    }

    /// <summary>One document, and what has become of it.</summary>
    private static Task<DocumentView> DocumentAsync(
        [FromRoute(Name = "kb_id")] string kbId, [FromRoute(Name = "document_id")] Guid documentId, Caller caller, KnowledgeStore store,
        CancellationToken cancellationToken) =>
        store.DocumentAsync(caller, kbId, documentId, cancellationToken);

    /// <summary>
    /// A document's text as it is quoted, with the headings and pages between: passages name their <c>offset</c> in it.
    /// Of my own, or of a tutor's that a class shares with me, as its answers cite it. With <c>original=true</c> what
    /// was uploaded, as an attachment (a text in UTF-8): only of my own.
    /// </summary>
    /// <param name="tutorId">Only through this shared tutor; absent: through any.</param>
    private static async Task<Results<ContentResult, ProblemHttpResult>> ContentAsync(
        [FromRoute(Name = "kb_id")] string kbId, [FromRoute(Name = "document_id")] Guid documentId, Caller caller, KnowledgeStore store,
        TutorStore tutors, CancellationToken cancellationToken, [FromQuery(Name = "tutor_id")] int? tutorId = null,
        bool original = false)
    {
        var (document, isOwn) = await store.OpenAsync(caller, kbId, documentId, tutorId, tutors, cancellationToken);
        if (original && !isOwn)
        {
            return Problems.Create(
                404, ErrorCodes.DocumentNotFound, "What was uploaded is for whose it is: ask without original.");
        }
        if (!original && document.Status != DocumentStatus.Ready)
        {
            return Problems.Create(409, ErrorCodes.DocumentNotReady, document.Status == DocumentStatus.Failed
                ? $"The document could not be read: {document.Detail}"
                : $"The document is {document.Status}: its text is there once GET …/documents/{documentId} says ready.");
        }
        if (!original)
            return new ContentResult(document, null, store);
        return await store.OriginalAsync(document, cancellationToken) is { } bytes
            ? new ContentResult(document, bytes, store)
            : Problems.Create(404, ErrorCodes.DocumentNotFound, "The bytes of a document that failed are not kept.");
    }

    /// <summary>
    /// The passages that a document was cut into, in order. Of my own, or of a tutor's that a class shares with me.
    /// </summary>
    /// <param name="tutorId">Only through this shared tutor; absent: through any.</param>
    private static async Task<PassagePage> PassagesAsync(
        [FromRoute(Name = "kb_id")] string kbId, [FromRoute(Name = "document_id")] Guid documentId, Caller caller, KnowledgeStore store,
        TutorStore tutors, CancellationToken cancellationToken, [FromQuery(Name = "tutor_id")] int? tutorId = null,
        int limit = 50, string? cursor = null)
    {
        CheckLimit(limit);
        var after = -1;
        if (cursor is not null && !int.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out after))
            throw new ProblemException(400, ErrorCodes.InvalidCursor, "cursor must be a next_cursor of an earlier page.");
        var (document, _) = await store.OpenAsync(caller, kbId, documentId, tutorId, tutors, cancellationToken);
        var page = await store.PassagesAsync(document, after, limit + 1, cancellationToken);
        return new(page.Take(limit).ToList(),
            page.Count > limit ? page[limit - 1].Position.ToString(CultureInfo.InvariantCulture) : null);
    }

    /// <summary>Deletes a document.</summary>
    private static async Task<NoContent> DeleteDocumentAsync(
        [FromRoute(Name = "kb_id")] string kbId, [FromRoute(Name = "document_id")] Guid documentId, Caller caller, KnowledgeStore store,
        CancellationToken cancellationToken)
    {
        await store.DeleteDocumentAsync(caller, kbId, documentId, cancellationToken);
        return TypedResults.NoContent();
    }

    /// <summary>
    /// Cuts and indexes all documents anew; one that cannot be read within its time keeps its passages.
    /// </summary>
    private static async Task<ReindexResult> ReindexAsync(
        [FromRoute(Name = "kb_id")] string kbId, Caller caller, KnowledgeStore store, CancellationToken cancellationToken)
    {
        var (documents, passages) = await store.ReindexAsync(caller, kbId, cancellationToken);
        return new(documents, passages);
    }

    /// <summary>The passages that speak of a question, best first; English and Chinese.</summary>
    private static async Task<SearchResult> SearchAsync(
        [FromRoute(Name = "kb_id")] string kbId, Caller caller, KnowledgeStore store, CancellationToken cancellationToken,
        string? q = null, int limit = 5)
    {
        CheckLimit(limit);
        var kb = await store.ReadAsync(caller, kbId, cancellationToken);
        if (string.IsNullOrWhiteSpace(q) || q.Length > MaxQuestion)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"q must have 1 to {MaxQuestion} characters.");
        return new(await store.SearchAsync(kb, q, limit, cancellationToken));
    }

    private static void CheckLimit(int limit)
    {
        if (limit is < 1 or > MaxPage)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {MaxPage}.");
    }
}

/// <param name="Title">Absent: the slug, or what it was.</param>
public sealed record KnowledgeRequest(string? Title);

public sealed record KnowledgeView(string KbId, string Title, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    internal static KnowledgeView Of(KnowledgeBase kb) => new(kb.KbId, kb.Title, kb.CreatedAt, kb.UpdatedAt);
}

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record KnowledgePage(List<KnowledgeView> KnowledgeBases, string? NextCursor);

/// <param name="Length">Bytes as uploaded; of a text in UTF-8.</param>
/// <param name="Passages">How many it was cut into.</param>
/// <param name="Status"><c>queued, reading, indexing, ready, failed</c>.</param>
/// <param name="Pages">Pages or slides; null where it has none.</param>
/// <param name="Failure">
/// Why it failed: <c>document_encrypted, document_without_text, document_damaged, document_wrong_type, document_too_large,
/// document_took_too_long, limit_reached</c>; null else.
/// </param>
/// <param name="Detail">In words, why it failed, or which pages of it are missing.</param>
public sealed record DocumentView(
    Guid Id, string Name, string MediaType, int Length, int Passages, DateTimeOffset CreatedAt, string Status, int? Pages,
    string? Failure, string? Detail)
{
    internal static DocumentView Of(Document d, int passages) => new(
        d.Id, d.Name, d.MediaType, d.Length, passages, d.CreatedAt, d.Status, d.Pages, d.Failure, d.Detail);
}

/// <inheritdoc cref="KnowledgePage"/>
public sealed record DocumentPage(List<DocumentView> Documents, string? NextCursor);

/// <param name="Section">The headings it stands under, after its page: <c>page 12</c>, <c>slide 3 › Leaves</c>.</param>
/// <param name="Page">Page or slide, from 1; null where the document has none.</param>
/// <param name="Offset">
/// Where it begins in the document's content, in UTF-16 units; null for a moment after an upgrade.
/// </param>
/// <param name="Length">UTF-16 units.</param>
public sealed record PassageView(int Position, string Section, string Text, int? Page, int? Offset, int Length)
{
    internal static PassageView Of(string mediaType, PassageRow p) => new(
        p.Position, ContentLayout.Section(mediaType, p.Page, p.Section), p.Text, p.Page, p.Start, p.Text.Length);
}

/// <inheritdoc cref="KnowledgePage"/>
public sealed record PassagePage(List<PassageView> Passages, string? NextCursor);

public sealed record ReindexResult(int Documents, int Passages);

/// <param name="Document">Its name.</param>
/// <param name="Section">The headings it stands under, after its page: <c>page 12</c>, <c>slide 3 › Leaves</c>.</param>
/// <param name="Page">Page or slide, from 1; null where the document has none.</param>
/// <param name="Offset">Where it begins in the document's content, in UTF-16 units.</param>
/// <param name="Length">UTF-16 units.</param>
/// <param name="Score">Higher is better; comparable within one search.</param>
public sealed record SearchHit(
    Guid DocumentId, string Document, int Position, string Section, string Text, int? Page, int? Offset, int Length, double Score);

public sealed record SearchResult(List<SearchHit> Passages);

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

/// <param name="Documents">Media types.</param>
/// <param name="TextBytes">Of one Markdown, text or HTML.</param>
/// <param name="DocumentBytes">Of one PDF, DOCX or PPTX.</param>
internal sealed record KnowledgeCapabilities(IReadOnlyList<string> Documents, int TextBytes, int DocumentBytes);
