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
    SessionDb db, NpgsqlDataSource source, DatabaseReady ready, DocumentReader documentReader, IOptions<KnowledgeOptions> options,
    TimeProvider time)
{
    // Headings count most, then the document's name; ts_rank's 1 divides by 1 + log(length), so that long passages do not win by
    // length. What speaks of more of the question goes first.
    private const string Search =
        """
        WITH hits AS (
            SELECT p.document_id, p.position, p.section, p.text, p.terms,
                   ts_rank('{0.3, 0.3, 0.5, 1.0}', p.terms, $2::tsquery, 1) AS rank
            FROM passages p
            WHERE p.knowledge_base_id = $1 AND p.terms @@ $2::tsquery
            ORDER BY rank DESC LIMIT 200)
        SELECT h.document_id, d.name, h.position, h.section, h.text,
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
        var others = await db.Set<Document>().CountAsync(d => d.KnowledgeBaseId == kb.Id, cancellationToken);
        if (others >= options.Value.MaxDocuments)
            throw Full($"A knowledge base may have {options.Value.MaxDocuments} documents (Knowledge:MaxDocuments).");
        await CheckQuotaAsync(caller, document, passages.Count, cancellationToken);
        db.Add(document);
        await db.SaveChangesAsync(cancellationToken);
        await InsertAsync(document, passages, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return DocumentView.Of(document, passages.Count);
    }

    public async Task<List<DocumentView>> DocumentsAsync(
        Caller caller, string kbId, string after, int count, CancellationToken cancellationToken)
    {
        var kb = await ReadAsync(caller, kbId, cancellationToken);
        return await Transient.RetryOnceAsync(_ => db.Set<Document>().AsNoTracking()
            .Where(d => d.KnowledgeBaseId == kb.Id && d.Name.CompareTo(after) > 0).OrderBy(d => d.Name).Take(count)
            .Select(d => new DocumentView(
                d.Id, d.Name, d.MediaType, d.Length,
                db.Set<PassageRow>().Count(p => p.DocumentId == d.Id), d.CreatedAt))
            .ToListAsync(cancellationToken));
    }

    public async Task<List<PassageView>> PassagesAsync(
        Caller caller, string kbId, Guid documentId, int after, int count, CancellationToken cancellationToken)
    {
        var kb = await ReadAsync(caller, kbId, cancellationToken);
        if (!await db.Set<Document>().AnyAsync(
            d => d.Id == documentId && d.KnowledgeBaseId == kb.Id, cancellationToken))
            throw NoDocument(documentId);
        return await Transient.RetryOnceAsync(_ => db.Set<PassageRow>().AsNoTracking()
            .Where(p => p.DocumentId == documentId && p.Position > after).OrderBy(p => p.Position).Take(count)
            .Select(p => new PassageView(p.Position, p.Section, p.Text)).ToListAsync(cancellationToken));
    }

    public async Task DeleteDocumentAsync(Caller caller, string kbId, Guid documentId, CancellationToken cancellationToken)
    {
        var kb = await ReadAsync(caller, kbId, cancellationToken);
        var deleted = await db.Set<Document>().Where(d => d.Id == documentId && d.KnowledgeBaseId == kb.Id)
            .ExecuteDeleteAsync(cancellationToken);
        if (deleted == 0)
            throw NoDocument(documentId);
    }

    /// <summary>Makes all passages again, as a newer version of Lyceum would cut them; searches see the old ones until it is done.</summary>
    public async Task<(int Documents, int Passages)> ReindexAsync(Caller caller, string kbId, CancellationToken cancellationToken)
    {
        var kb = await ReadAsync(caller, kbId, cancellationToken);
        using var reading = await documentReader.BeginAsync(caller.Tenant, cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await LockAsync(kb, cancellationToken);
        var (documents, made) = (0, 0);
        var ids = await db.Set<Document>().Where(d => d.KnowledgeBaseId == kb.Id).Select(d => d.Id)
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
            await InsertAsync(document, passages, cancellationToken);
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
            await using var command = source.CreateCommand(Search);
            command.Parameters.Add(new() { Value = kb.Id });
            command.Parameters.Add(new() { Value = string.Join(" | ", terms) });
            command.Parameters.Add(new() { Value = terms.ToArray() });
            command.Parameters.Add(new() { Value = limit });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            var hits = new List<SearchHit>();
            while (await reader.ReadAsync(cancellationToken))
            {
                hits.Add(new(
                    reader.GetGuid(0), reader.GetString(1), reader.GetInt32(2), reader.GetString(3), reader.GetString(4), reader.GetDouble(5)));
            }
            return hits;
        });
    }

    /// <summary>In the transaction that adds the document, under the tenant's lock, without what it replaces.</summary>
    private async Task CheckQuotaAsync(Caller caller, Document document, int passages, CancellationToken cancellationToken)
    {
        var (maxBytes, maxPassages) = (options.Value.MaxBytes, options.Value.MaxPassages);
        var all = OfTenant(caller).Select(k => k.Id);
        var bytes = await db.Set<Document>().Where(d => all.Contains(d.KnowledgeBaseId))
            .SumAsync(d => (long)d.Length, cancellationToken);
        if (bytes + document.Length > maxBytes)
            throw Full($"The documents of a tenant may have {maxBytes} bytes together (Knowledge:MaxBytes), and have {bytes}: "
                + "delete some.");
        var stored = await db.Set<PassageRow>().CountAsync(p => all.Contains(p.KnowledgeBaseId), cancellationToken);
        if (stored + passages > maxPassages)
            throw Full($"The documents of a tenant may have {maxPassages} passages together (Knowledge:MaxPassages), and have "
                + $"{stored}: delete some.");
    }

    /// <summary>Uploads to one knowledge base take turns, so that its bounds hold.</summary>
    private Task<int> LockAsync(KnowledgeBase kb, CancellationToken cancellationToken) => db.Database.ExecuteSqlAsync(
        $"UPDATE knowledge_bases SET updated_at = {time.GetStoredNow()} WHERE id = {kb.Id}", cancellationToken);

    private async Task InsertAsync(Document document, List<IndexedPassage> passages, CancellationToken cancellationToken)
    {
        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO passages (document_id, knowledge_base_id, position, section, text, terms)
            SELECT $1, $2, p.position - 1, p.section, p.text, p.terms::tsvector
            FROM unnest($3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS p(section, text, terms, position)
            """, connection);
        command.Parameters.Add(new() { Value = document.Id });
        command.Parameters.Add(new() { Value = document.KnowledgeBaseId });
        command.Parameters.Add(new() { Value = passages.Select(p => p.Section).ToArray() });
        command.Parameters.Add(new() { Value = passages.Select(p => p.Text).ToArray() });
        command.Parameters.Add(new()
        {
            Value = passages.Select(p => p.Terms).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
        });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public static ProblemException NotFound(string kbId) =>
        new(404, ErrorCodes.KnowledgeBaseNotFound, $"There is no knowledge base {kbId} of yours.");

    private static ProblemException NoDocument(Guid id) =>
        new(404, ErrorCodes.DocumentNotFound, $"There is no document {id} in this knowledge base.");

    private static ProblemException Full(string detail) => new(409, ErrorCodes.LimitReached, detail);
}
