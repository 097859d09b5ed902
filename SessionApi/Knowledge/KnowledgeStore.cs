using System.Runtime.CompilerServices;
using System.Text;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tutors;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>The caller's knowledge bases: every query is filtered by (tenant, person).</summary>
internal sealed class KnowledgeStore(
    SessionDb db, NpgsqlDataSource source, DatabaseReady ready, DocumentReader documentReader, TermFrequencies frequencies,
    IOptions<KnowledgeOptions> options, TimeProvider time)
{
    /// <summary>Passages read at once for a document's text; 1.4 MB at most.</summary>
    private const int PassagesAtOnce = 500;

    // Headings count most, then the document's name; ts_rank's 1 divides by 1 + log(length), so that long passages do not win by
    // length. What speaks of more of the question goes first.
    private const string Search =
        """
        WITH candidates AS (
            SELECT p.document_id, p.position, p.terms FROM passages p
            WHERE p.knowledge_base_id = $1 AND p.terms @@ $5::tsquery LIMIT $6),
        best AS (
            SELECT c.document_id, c.position, ts_rank('{0.3, 0.3, 0.5, 1.0}', c.terms, $2::tsquery, 1) AS rank
            FROM candidates c ORDER BY rank DESC LIMIT 200),
        hits AS (
            SELECT p.document_id, p.position, p.section, p.text, p.page, p.start, p.terms, b.rank
            FROM best b JOIN passages p ON p.document_id = b.document_id AND p.position = b.position)
        SELECT h.document_id, d.name, h.position, h.section, h.text, h.page, h.start, d.media_type,
               (h.rank * (SELECT count(*) FROM unnest($3::text[]) t WHERE h.terms @@ t::tsquery) / cardinality($3))::float8 AS score
        FROM hits h JOIN documents d ON d.id = h.document_id
        ORDER BY score DESC, d.name, h.position LIMIT $4
        """;

    private IQueryable<KnowledgeBase> Of(Caller caller) => OfTenant(caller).Where(k => k.Owner == caller.Person);

    /// <summary>For the tenant's bounds, and for slugs, which are unique in it.</summary>
    private IQueryable<KnowledgeBase> OfTenant(Caller caller) =>
        db.Set<KnowledgeBase>().Where(k => k.Tenant == caller.Tenant);

    public async Task<(KnowledgeBase Base, bool Created)> PutAsync(
        Caller caller, string kbId, string? title, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var now = time.GetStoredNow();
        await using var transaction =
            await db.Database.BeginCountedAsync("knowledge_bases", caller.Tenant, cancellationToken);
        var before = await OfTenant(caller).CountAsync(k => k.KbId != kbId, cancellationToken);
        if (before >= options.Value.MaxKnowledgeBases)
            throw Full($"A tenant may have {options.Value.MaxKnowledgeBases} knowledge bases (Knowledge:MaxKnowledgeBases).");
        var created = await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO knowledge_bases (id, tenant, owner, kb_id, title, created_at, updated_at)
             VALUES ({Guid.CreateVersion7()}, {caller.Tenant}, {caller.Person}, {kbId}, {title ?? kbId}, {now}, {now})
             ON CONFLICT (tenant, kb_id) DO NOTHING
             """, cancellationToken) == 1;
        if (!created && !await Of(caller).AnyAsync(k => k.KbId == kbId, cancellationToken))
        {
            throw new ProblemException(409, ErrorCodes.Conflict,
                $"Somebody else in your organisation has a knowledge base {kbId}: choose another kb_id.");
        }
        if (!created && title is not null)
            await Of(caller).Where(k => k.KbId == kbId).ExecuteUpdateAsync(
                set => set.SetProperty(k => k.Title, title).SetProperty(k => k.UpdatedAt, now), cancellationToken);
        var kept = await ReadAsync(caller, kbId, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (kept, created);
    }

    public Task<List<KnowledgeBase>> ListAsync(Caller caller, string after, int count, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return Transient.RetryOnceAsync(_ => Of(caller).AsNoTracking().Where(k => k.KbId.CompareTo(after) > 0)
            .OrderBy(k => k.KbId).Take(count).ToListAsync(cancellationToken));
    }

    /// <exception cref="ProblemException">404 <c>knowledge_base_not_found</c>, also where it is another tenant's.</exception>
    public async Task<KnowledgeBase> ReadAsync(Caller caller, string kbId, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return await Transient.RetryOnceAsync(_ => Of(caller).AsNoTracking().SingleOrDefaultAsync(k => k.KbId == kbId, cancellationToken))
            ?? throw NotFound(kbId);
    }

    /// <summary>
    /// One that the caller may search: their own, or, through a tutor that a class shares with them, that tutor's.
    /// </summary>
    /// <param name="tutorId">Only through this tutor; null: through any.</param>
    /// <returns>Null where there is none.</returns>
    public async Task<KnowledgeBase?> FindSearchableAsync(
        Caller caller, string kbId, int? tutorId, TutorStore tutors, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        // A slug is one person's in a tenant. That a tutor names somebody else's opens nothing.
        var shared = tutors.SharedWith(caller);
        return await Transient.RetryOnceAsync(_ => Of(caller).AsNoTracking().SingleOrDefaultAsync(k => k.KbId == kbId, cancellationToken))
            ?? await Transient.RetryOnceAsync(_ => OfTenant(caller).AsNoTracking().SingleOrDefaultAsync(
                k => k.KbId == kbId && shared.Any(
                    t => t.KbId == kbId && t.Owner == k.Owner && (tutorId == null || t.Id == tutorId)), cancellationToken));
    }

    /// <summary>With all its documents.</summary>
    public async Task DeleteAsync(Caller caller, string kbId, CancellationToken cancellationToken)
    {
        var kb = await ReadAsync(caller, kbId, cancellationToken);
        await db.Set<KnowledgeBase>().Where(k => k.Id == kb.Id).ExecuteDeleteAsync(cancellationToken);
    }

    /// <summary>Stores a document and its passages, in place of one of the same name: all of it or nothing.</summary>
    public async Task<DocumentView> AddAsync(Caller caller, string kbId, Upload upload, CancellationToken cancellationToken)
    {
        var kb = await ReadAsync(caller, kbId, cancellationToken);
        List<IndexedPassage> passages;
        using (var reading = await documentReader.BeginAsync(caller.Tenant, cancellationToken))
            passages = await reading.ReadAsync(upload.MediaType, upload.Name, upload.Content, cancellationToken);
        var document = new Document
        {
            Id = Guid.CreateVersion7(),
            KnowledgeBaseId = kb.Id,
            Name = upload.Name,
            MediaType = upload.MediaType,
            Content = upload.Content,
            Length = Encoding.UTF8.GetByteCount(upload.Content),
            CreatedAt = time.GetStoredNow(),
            IndexVersion = SearchTerms.Version,
        };
        await using var transaction = await db.Database.BeginCountedAsync("documents", caller.Tenant, cancellationToken);
        await LockAsync(kb, cancellationToken);
        await db.Set<Document>().Where(d => d.KnowledgeBaseId == kb.Id && d.Name == upload.Name)
            .ExecuteDeleteAsync(cancellationToken);
        var others = await db.Set<Document>().Where(d => d.KnowledgeBaseId == kb.Id).Select(d => d.Name).Distinct()
            .CountAsync(cancellationToken);
        if (others >= options.Value.MaxDocuments)
            throw Full($"A knowledge base may have {options.Value.MaxDocuments} documents (Knowledge:MaxDocuments).");
        await CheckQuotaAsync(caller.Tenant, document.Length, passages.Count, cancellationToken);
        db.Add(document);
        await db.SaveChangesAsync(cancellationToken);
        await InsertAsync(document.Id, kb.Id, document.MediaType, passages, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return DocumentView.Of(document, passages.Count);
    }

    /// <summary>
    /// Stores a file, to be read in the background (<see cref="DocumentWork"/>). One of the same name that is ready stays
    /// until this one is; one that is not is replaced.
    /// </summary>
    public async Task<DocumentView> AddFileAsync(Caller caller, string kbId, Upload upload, CancellationToken cancellationToken)
    {
        var kb = await ReadAsync(caller, kbId, cancellationToken);
        var file = upload.File!;
        var document = new Document
        {
            Id = Guid.CreateVersion7(),
            KnowledgeBaseId = kb.Id,
            Name = upload.Name,
            MediaType = upload.MediaType,
            Content = "",
            Length = (int)file.Length,
            Status = DocumentStatus.Queued,
            CreatedAt = time.GetStoredNow(),
            IndexVersion = SearchTerms.Version, // it has no passages
        };
        await using var transaction = await db.Database.BeginCountedAsync("documents", caller.Tenant, cancellationToken);
        await LockAsync(kb, cancellationToken);
        var ofThisBase = db.Set<Document>().Where(d => d.KnowledgeBaseId == kb.Id);
        await ofThisBase.Where(d => d.Name == upload.Name && d.Status != DocumentStatus.Ready).ExecuteDeleteAsync(cancellationToken);
        var others = await ofThisBase.Where(d => d.Name != upload.Name).Select(d => d.Name).Distinct().CountAsync(cancellationToken);
        if (others >= options.Value.MaxDocuments)
            throw Full($"A knowledge base may have {options.Value.MaxDocuments} documents (Knowledge:MaxDocuments).");
        await CheckQuotaAsync(caller.Tenant, document.Length, passages: 0, cancellationToken, replaced: (kb.Id, upload.Name));
        db.Add(document);
        await db.SaveChangesAsync(cancellationToken);
        await using (var command = new NpgsqlCommand(
            "INSERT INTO document_originals (document_id, content) VALUES ($1, $2)",
            (NpgsqlConnection)db.Database.GetDbConnection()))
        {
            command.Parameters.Add(new() { Value = document.Id });
            command.Parameters.Add(new() { Value = file, NpgsqlDbType = NpgsqlDbType.Bytea });
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
        await transaction.CommitAsync(cancellationToken);
        return DocumentView.Of(document, 0);
    }

    /// <summary>By name; of one name the older first.</summary>
    public async Task<List<DocumentView>> DocumentsAsync(
        Caller caller, string kbId, (string Name, Guid Id) after, int count, CancellationToken cancellationToken)
    {
        var kb = await ReadAsync(caller, kbId, cancellationToken);
        return await Transient.RetryOnceAsync(_ => Views(db.Set<Document>().AsNoTracking()
            .Where(d => d.KnowledgeBaseId == kb.Id
                && (d.Name.CompareTo(after.Name) > 0 || (d.Name == after.Name && d.Id.CompareTo(after.Id) > 0)))
            .OrderBy(d => d.Name).ThenBy(d => d.Id).Take(count)).ToListAsync(cancellationToken));
    }

    /// <exception cref="ProblemException">404 <c>document_not_found</c>.</exception>
    public async Task<DocumentView> DocumentAsync(Caller caller, string kbId, Guid documentId, CancellationToken cancellationToken)
    {
        var kb = await ReadAsync(caller, kbId, cancellationToken);
        return await FindDocumentAsync(kb, documentId, cancellationToken) ?? throw NoDocument(documentId);
    }

    /// <summary>
    /// A document to be read: of the caller's own, or, once it is ready, of a base that they may search
    /// (<see cref="FindSearchableAsync"/>).
    /// </summary>
    /// <param name="tutorId">Only through this shared tutor; null: through any.</param>
    /// <returns>And whether it is the caller's own.</returns>
    /// <exception cref="ProblemException">404 <c>knowledge_base_not_found</c>, <c>document_not_found</c>.</exception>
    public async Task<(DocumentView Document, bool IsOwn)> OpenAsync(
        Caller caller, string kbId, Guid documentId, int? tutorId, TutorStore tutors, CancellationToken cancellationToken)
    {
        var kb = await FindSearchableAsync(caller, kbId, tutorId, tutors, cancellationToken) ?? throw NotFound(kbId);
        var isOwn = kb.Owner == caller.Person;
        return await FindDocumentAsync(kb, documentId, cancellationToken) is { } document
            && (isOwn || document.Status == DocumentStatus.Ready)
                ? (document, isOwn)
                : throw NoDocument(documentId);
    }

    private Task<DocumentView?> FindDocumentAsync(KnowledgeBase kb, Guid documentId, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync(_ => Views(db.Set<Document>().AsNoTracking()
            .Where(d => d.Id == documentId && d.KnowledgeBaseId == kb.Id)).SingleOrDefaultAsync(cancellationToken));

    private IQueryable<DocumentView> Views(IQueryable<Document> documents) => documents.Select(d => new DocumentView(
        d.Id, d.Name, d.MediaType, d.Length, db.Set<PassageRow>().Count(p => p.DocumentId == d.Id), d.CreatedAt, d.Status,
        d.Pages, d.Failure, d.Detail));

    public async Task<List<PassageView>> PassagesAsync(
        DocumentView document, int after, int count, CancellationToken cancellationToken)
    {
        var rows = await PassagesAsync(document.Id, after, count, cancellationToken);
        return [.. rows.Select(p => PassageView.Of(document.MediaType, p))];
    }

    private Task<List<PassageRow>> PassagesAsync(Guid documentId, int after, int count, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync(_ => db.Set<PassageRow>().AsNoTracking()
            .Where(p => p.DocumentId == documentId && p.Position > after).OrderBy(p => p.Position).Take(count)
            .Select(p => new PassageRow
            {
                DocumentId = p.DocumentId, Position = p.Position, Section = p.Section, Text = p.Text, Page = p.Page,
                Start = p.Start, Terms = null!,
            }).ToListAsync(cancellationToken));

    /// <summary>
    /// The text of a document that is ready, in pieces; a <see cref="ContentLayout"/>'s. One that is replaced meanwhile ends
    /// early.
    /// </summary>
    public async IAsyncEnumerable<string> ContentAsync(
        DocumentView document, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var layout = new ContentLayout(document.MediaType);
        var after = -1;
        while (await PassagesAsync(document.Id, after, PassagesAtOnce, cancellationToken) is { Count: > 0 } rows)
        {
            foreach (var row in rows)
            {
                yield return layout.Before(row.Page, row.Section, row.Text);
                yield return row.Text;
            }
            after = rows[^1].Position;
        }
    }

    /// <returns>Null where it is not kept: of a file that failed.</returns>
    public async Task<byte[]?> OriginalAsync(DocumentView document, CancellationToken cancellationToken)
    {
        if (DocumentFiles.IsFile(document.MediaType))
        {
            return await Transient.RetryOnceAsync(_ => db.Set<DocumentOriginal>().Where(o => o.DocumentId == document.Id)
                .Select(o => o.Content).SingleOrDefaultAsync(cancellationToken));
        }
        var text = await Transient.RetryOnceAsync(_ => db.Set<Document>().Where(d => d.Id == document.Id)
            .Select(d => d.Content).SingleOrDefaultAsync(cancellationToken));
        return text is null ? null : Encoding.UTF8.GetBytes(text);
    }

    public async Task DeleteDocumentAsync(Caller caller, string kbId, Guid documentId, CancellationToken cancellationToken)
    {
        var kb = await ReadAsync(caller, kbId, cancellationToken);
        var deleted = await db.Set<Document>().Where(d => d.Id == documentId && d.KnowledgeBaseId == kb.Id)
            .ExecuteDeleteAsync(cancellationToken);
        if (deleted == 0)
            throw NoDocument(documentId);
    }

    /// <summary>
    /// Makes the passages of all texts again, as a newer version of Lyceum would cut them; searches see the old ones until it
    /// is done. Files keep theirs: they are read again when they are sent again.
    /// </summary>
    public async Task<(int Documents, int Passages)> ReindexAsync(Caller caller, string kbId, CancellationToken cancellationToken)
    {
        var kb = await ReadAsync(caller, kbId, cancellationToken);
        using var reading = await documentReader.BeginAsync(caller.Tenant, cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await LockAsync(kb, cancellationToken);
        var (documents, made) = (0, 0);
        var ids = await db.Set<Document>()
            .Where(d => d.KnowledgeBaseId == kb.Id && Passages.MediaTypes.Contains(d.MediaType)).Select(d => d.Id)
            .ToListAsync(cancellationToken);
        foreach (var id in ids)
        {
            // One at a time: a thousand documents need not be in memory at once.
            var document = await db.Set<Document>().AsNoTracking().SingleAsync(d => d.Id == id, cancellationToken);
            if (await ReadOrNullAsync(reading, document, cancellationToken) is not { } passages)
                continue;
            // The document before its passages: uploads and the background reindex lock them in this order too.
            await db.Set<Document>().Where(d => d.Id == id)
                .ExecuteUpdateAsync(set => set.SetProperty(d => d.IndexVersion, SearchTerms.Version), cancellationToken);
            await db.Set<PassageRow>().Where(p => p.DocumentId == id).ExecuteDeleteAsync(cancellationToken);
            await InsertAsync(document.Id, kb.Id, document.MediaType, passages, cancellationToken);
            (documents, made) = (documents + 1, made + passages.Count);
        }
        await transaction.CommitAsync(cancellationToken);
        return (documents, made);
    }

    /// <returns>
    /// Null for a document that an earlier version read and this one does not: it keeps the passages it has.
    /// </returns>
    private static async Task<List<IndexedPassage>?> ReadOrNullAsync(
        DocumentReader.Reading reading, Document document, CancellationToken cancellationToken)
    {
        try
        {
            return await reading.ReadAsync(document.MediaType, document.Name, document.Content, cancellationToken);
        }
        catch (ProblemException e) when (e.Status == 400)
        {
            return null;
        }
    }

    public async Task<List<SearchHit>> SearchAsync(KnowledgeBase kb, string question, int limit, CancellationToken cancellationToken)
    {
        var terms = SearchTerms.Query(question);
        if (terms.Count == 0)
            return [];
        return await Transient.RetryOnceAsync(async _ =>
        {
            var candidates = await frequencies.CandidatesAsync(kb.Id, terms, cancellationToken);
            var hits = await SearchAsync(kb, terms, candidates, limit, cancellationToken);
            var all = string.Join(" | ", terms);
            return hits.Count > 0 || candidates == all ? hits : await SearchAsync(kb, terms, all, limit, cancellationToken);
        });
    }

    private async Task<List<SearchHit>> SearchAsync(
        KnowledgeBase kb, IReadOnlyList<string> terms, string candidates, int limit, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(Search);
        command.Parameters.Add(new() { Value = kb.Id });
        command.Parameters.Add(new() { Value = string.Join(" | ", terms) });
        command.Parameters.Add(new() { Value = terms.ToArray() });
        command.Parameters.Add(new() { Value = limit });
        command.Parameters.Add(new() { Value = candidates });
        command.Parameters.Add(new() { Value = TermFrequencies.MostCandidates });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var hits = new List<SearchHit>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var (section, text) = (reader.GetString(3), reader.GetString(4));
            var page = await reader.GetFieldValueAsync<int?>(5, cancellationToken);
            var start = await reader.GetFieldValueAsync<int?>(6, cancellationToken);
            hits.Add(new(
                reader.GetGuid(0), reader.GetString(1), reader.GetInt32(2),
                ContentLayout.Section(reader.GetString(7), page, section), text, page, start, text.Length, reader.GetDouble(8)));
        }
        return hits;
    }

    /// <summary>In the transaction that adds the document, under the tenant's lock, without what it replaces.</summary>
    /// <param name="replaced">What is still there and does not count, as it goes when the new one is ready.</param>
    internal async Task CheckQuotaAsync(
        string tenant, long bytes, int passages, CancellationToken cancellationToken, (Guid Base, string Name)? replaced = null)
    {
        var (maxBytes, maxPassages) = (options.Value.MaxBytes, options.Value.MaxPassages);
        var (replacedBase, replacedName) = replaced ?? default;
        var documents = db.Set<Document>().Where(d => db.Set<KnowledgeBase>().Any(k => k.Tenant == tenant && k.Id == d.KnowledgeBaseId)
            && !(d.KnowledgeBaseId == replacedBase && d.Name == replacedName));
        var stored = await documents.Where(d => d.Status != DocumentStatus.Failed)
            .SumAsync(d => (long)d.Length + d.TextBytes, cancellationToken);
        if (stored + bytes > maxBytes)
            throw Full($"The documents of a tenant may have {maxBytes} bytes together (Knowledge:MaxBytes), and have {stored}: "
                + "delete some.");
        if (passages == 0)
            return;
        var cut = await documents.SelectMany(d => db.Set<PassageRow>().Where(p => p.DocumentId == d.Id)).CountAsync(cancellationToken);
        if (cut + passages > maxPassages)
            throw Full($"The documents of a tenant may have {maxPassages} passages together (Knowledge:MaxPassages), and have "
                + $"{cut}: delete some.");
    }

    /// <summary>Uploads to one knowledge base take turns, so that its bounds hold.</summary>
    private Task<int> LockAsync(KnowledgeBase kb, CancellationToken cancellationToken) => db.Database.ExecuteSqlAsync(
        $"UPDATE knowledge_bases SET updated_at = {time.GetStoredNow()} WHERE id = {kb.Id}", cancellationToken);

    internal async Task InsertAsync(
        Guid documentId, Guid knowledgeBaseId, string mediaType, List<IndexedPassage> passages, CancellationToken cancellationToken)
    {
        var layout = new ContentLayout(mediaType);
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO passages (document_id, knowledge_base_id, position, section, text, terms, page, start)
            SELECT $1, $2, p.position - 1, p.section, p.text, p.terms::tsvector, p.page, p.start
            FROM unnest($3::text[], $4::text[], $5::text[], $6::int[], $7::int[])
                WITH ORDINALITY AS p(section, text, terms, page, start, position)
            """, connection);
        command.Parameters.Add(new() { Value = documentId });
        command.Parameters.Add(new() { Value = knowledgeBaseId });
        command.Parameters.Add(new() { Value = passages.Select(p => p.Section).ToArray() });
        command.Parameters.Add(new() { Value = passages.Select(p => p.Text).ToArray() });
        command.Parameters.Add(new()
        {
            Value = passages.Select(p => p.Terms).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
        });
        command.Parameters.Add(Integers(passages.Select(p => p.Page)));
        command.Parameters.Add(Integers(passages.Select(p => layout.Place(p.Page, p.Section, p.Text))));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlParameter Integers(IEnumerable<int?> values) =>
        new() { Value = values.ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer };

    public static ProblemException NotFound(string kbId) =>
        new(404, ErrorCodes.KnowledgeBaseNotFound, $"There is no knowledge base {kbId} of yours.");

    private static ProblemException NoDocument(Guid id) =>
        new(404, ErrorCodes.DocumentNotFound, $"There is no document {id} in this knowledge base.");

    private static ProblemException Full(string detail) => new(409, ErrorCodes.LimitReached, detail);
}
