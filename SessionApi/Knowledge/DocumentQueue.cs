using System.Text;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Data;
using Lyceum.Text;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Lyceum.SessionApi.Knowledge;

/// <param name="Claim">Of this attempt.</param>
/// <param name="Attempts">With this one.</param>
internal sealed record ClaimedDocument(
    Guid Id, Guid KnowledgeBaseId, string Tenant, string Name, string MediaType, int Length, int Attempts, Guid Claim);

/// <summary>
/// The files that wait to be read, which is rows of <c>documents</c>. Whoever takes one holds it by a claim with an end; every
/// later write names the claim, so that who was thought dead and is not changes nothing.
/// </summary>
internal sealed class DocumentQueue(SessionDb db, KnowledgeStore store, NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>How long a claim lasts without being renewed: after this a file of a dead process is taken by another.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(5);

    // The oldest, of a tenant that has none in work: one with a thousand files does not hold up the others.
    private const string Claim =
        """
        WITH next AS (
            SELECT d.id, k.tenant FROM documents d JOIN knowledge_bases k ON k.id = d.knowledge_base_id
            WHERE d.status IN ('queued', 'reading', 'indexing')
              AND (d.claimed_until IS NULL OR d.claimed_until < clock_timestamp())
              AND NOT EXISTS (
                  SELECT FROM documents o JOIN knowledge_bases ok ON ok.id = o.knowledge_base_id
                  WHERE ok.tenant = k.tenant AND o.status IN ('reading', 'indexing') AND o.claimed_until >= clock_timestamp())
            ORDER BY d.created_at LIMIT 1 FOR UPDATE OF d SKIP LOCKED)
        UPDATE documents d SET status = 'reading', attempts = d.attempts + 1, claim = $1, claimed_until = clock_timestamp() + $2
        FROM next WHERE d.id = next.id
        RETURNING d.id, d.knowledge_base_id, next.tenant, d.name, d.media_type, d.length, d.attempts
        """;

    /// <returns>Null where none waits.</returns>
    public async Task<ClaimedDocument?> ClaimAsync(CancellationToken cancellationToken)
    {
        var claim = Guid.CreateVersion7();
        await using var command = source.CreateCommand(Claim);
        command.Parameters.Add(new() { Value = claim });
        command.Parameters.Add(new() { Value = Lease });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new(reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2), reader.GetString(3), reader.GetString(4),
                reader.GetInt32(5), reader.GetInt32(6), claim)
            : null;
    }

    /// <summary>Renews the claim, and says how far the document is.</summary>
    /// <returns>False where it is not this claim's any more: deleted, replaced, or taken by another.</returns>
    public Task<bool> RenewAsync(ClaimedDocument document, string status, CancellationToken cancellationToken) =>
        SetAsync(document, "status = $3, claimed_until = clock_timestamp() + $4", cancellationToken, status, Lease);

    /// <summary>Lets go of it, so that another goes on at once; not counted as an attempt.</summary>
    public Task<bool> ReleaseAsync(ClaimedDocument document, CancellationToken cancellationToken) => SetAsync(
        document, "status = 'queued', attempts = attempts - 1, claim = NULL, claimed_until = NULL", cancellationToken);

    /// <summary>Leaves it to be read again, after a moment.</summary>
    public Task<bool> RetryAsync(ClaimedDocument document, CancellationToken cancellationToken) => SetAsync(
        document, "status = 'queued', claim = NULL, claimed_until = clock_timestamp() + interval '1 second'", cancellationToken);

    /// <summary>It cannot be read: what it replaces stays, its bytes go.</summary>
    public async Task<bool> FailAsync(ClaimedDocument document, ProblemException reason, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var failed = await db.Database.ExecuteSqlAsync(
            $"""
             UPDATE documents SET status = 'failed', failure = {reason.Code}, detail = {StorableText.Truncate(reason.Message, 1000)},
                 claim = NULL, claimed_until = NULL
             WHERE id = {document.Id} AND claim = {document.Claim}
             """, cancellationToken) == 1;
        if (failed)
            await db.Set<DocumentOriginal>().Where(o => o.DocumentId == document.Id).ExecuteDeleteAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return failed;
    }

    /// <summary>Stores what was read, in place of the document of the same name: all of it or nothing.</summary>
    /// <returns>False where it is not this claim's any more.</returns>
    /// <exception cref="ProblemException">409: the tenant's limits.</exception>
    public async Task<bool> FinishAsync(ClaimedDocument document, IndexedDocument read, CancellationToken cancellationToken)
    {
        var textBytes = (int)Math.Min(int.MaxValue, read.Passages.Sum(p => (long)Encoding.UTF8.GetByteCount(p.Text)));
        var note = read.Note is { } text ? StorableText.Truncate(text, 1000) : null;
        await using var transaction = await db.Database.BeginCountedAsync("documents", document.Tenant, cancellationToken);
        // The knowledge base before its documents, as uploads lock them.
        await db.Database.ExecuteSqlAsync(
            $"UPDATE knowledge_bases SET updated_at = {time.GetStoredNow()} WHERE id = {document.KnowledgeBaseId}",
            cancellationToken);
        if (await db.Database.ExecuteSqlAsync(
            $"UPDATE documents SET claim = NULL, claimed_until = NULL WHERE id = {document.Id} AND claim = {document.Claim}",
            cancellationToken) == 0)
            return false;
        await store.CheckQuotaAsync(
            document.Tenant, document.Length + (long)textBytes, read.Passages.Count, cancellationToken,
            replaced: (document.KnowledgeBaseId, document.Name));
        await db.Set<Document>()
            .Where(d => d.KnowledgeBaseId == document.KnowledgeBaseId && d.Name == document.Name && d.Id != document.Id)
            .ExecuteDeleteAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"""
             UPDATE documents SET status = 'ready', failure = NULL, detail = {note}, pages = {read.Pages}, text_bytes = {textBytes},
                 index_version = {SearchTerms.Version}
             WHERE id = {document.Id}
             """, cancellationToken);
        await store.InsertAsync(
            document.Id, document.KnowledgeBaseId, document.MediaType, read.Passages, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    /// <returns>Null where it is gone.</returns>
    public async Task<byte[]?> OriginalAsync(ClaimedDocument document, CancellationToken cancellationToken) =>
        await db.Set<DocumentOriginal>().Where(o => o.DocumentId == document.Id).Select(o => o.Content)
            .SingleOrDefaultAsync(cancellationToken);

    private async Task<bool> SetAsync(
        ClaimedDocument document, string assignments, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = source.CreateCommand($"UPDATE documents SET {assignments} WHERE id = $1 AND claim = $2");
        command.Parameters.Add(new() { Value = document.Id });
        command.Parameters.Add(new() { Value = document.Claim });
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }
}
