using Lyceum.Durability.Postgres;
using Lyceum.Durability.Retention;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Lyceum.SessionApi.Retention;

/// <summary>For how long a tenant keeps things: its owners say it, every service carries it out.</summary>
internal static class RetentionEndpoints
{
    private const int MaxDays = 36_500;
    private const int PageSize = 200;

    // A session that is over goes as one that its person deleted: what an engine still sends of it is not taken for new.
    private const string DeleteTranscripts =
        """
        WITH old AS MATERIALIZED (
            SELECT number, status FROM sessions
            WHERE tenant = $1 AND status IN ('ended', 'lost') AND COALESCE(ended_at, created_at) < $2
            ORDER BY number LIMIT $3 FOR UPDATE SKIP LOCKED),
        turns AS (DELETE FROM session_turns WHERE session_number IN (SELECT number FROM old)),
        deltas AS (DELETE FROM session_deltas WHERE session_number IN (SELECT number FROM old)),
        rejected AS (DELETE FROM session_rejected_records WHERE session_number IN (SELECT number FROM old))
        UPDATE sessions s SET status = 'deleted', reason = 'deleted', student_id = '', ended_at = clock_timestamp(),
            released = (old.status = 'ended')
        FROM old WHERE s.number = old.number
        """;

    private const string DeleteUploads =
        """
        DELETE FROM documents WHERE ctid = ANY (ARRAY(
            SELECT d.ctid FROM documents d JOIN knowledge_bases k ON k.id = d.knowledge_base_id
            WHERE k.tenant = $1 AND d.created_at < $2 LIMIT $3 FOR UPDATE OF d SKIP LOCKED))
        """;

    public static void AddTenantRetention(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<IRetentionSource, StoredRetention>();
        builder.Services.AddRetained("transcripts", retention => retention.Transcripts, DeleteTranscripts);
        builder.Services.AddRetained("uploads", retention => retention.Uploads, DeleteUploads);
        builder.AddRetentionSweep();
    }

    public static void MapTenantRetention(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/tenant/retention").RequireScope(Scopes.Classes).WithTags("tenant")
            .Fails(403, ErrorCodes.ForbiddenRole);
        group.MapGet("", ReadAsync);
        group.MapPut("", ReplaceAsync);
        routes.MapGet("/internal/retention", ListAsync).RequireService().WithTags("internal").ExcludeFromDescription();
    }

    /// <summary>For how many days the organisation keeps things; null: for ever.</summary>
    private static async Task<RetentionView> ReadAsync(
        Caller caller, SessionDb db, DatabaseReady ready, CancellationToken cancellationToken)
    {
        RequireOwner(caller);
        ready.ThrowIfNotReady();
        return await Transient.RetryOnceAsync(_ => db.Set<RetentionRow>().AsNoTracking().Where(r => r.Tenant == caller.Tenant)
            .Select(r => new RetentionView(r.Conversations, r.Transcripts, r.Uploads, r.Logs, r.UpdatedAt))
            .SingleOrDefaultAsync(cancellationToken)) ?? new(null, null, null, null, null);
    }

    /// <summary>
    /// Replaces it: what the body leaves out is kept for ever. What is older goes within the hour, for good.
    /// </summary>
    private static async Task<RetentionView> ReplaceAsync(
        RetentionRequest request, Caller caller, SessionDb db, DatabaseReady ready, TimeProvider time,
        CancellationToken cancellationToken)
    {
        RequireOwner(caller);
        var errors = new ValidationErrors();
        foreach (var (name, days) in ((string, int?)[])
            [
                ("conversations", request.Conversations), ("transcripts", request.Transcripts), ("uploads", request.Uploads),
                ("logs", request.Logs),
            ])
        {
            errors.AddIf(days is < 1 or > MaxDays, name, $"{name} must be from 1 to {MaxDays} days, or null for ever.");
        }
        errors.ThrowIfAny();
        ready.ThrowIfNotReady();
        var now = time.GetStoredNow();
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO tenant_retention (tenant, conversations, transcripts, uploads, logs, updated_at, updated_by)
             VALUES ({caller.Tenant}, {request.Conversations}, {request.Transcripts}, {request.Uploads}, {request.Logs}, {now},
                     {caller.Person})
             ON CONFLICT (tenant) DO UPDATE SET conversations = EXCLUDED.conversations, transcripts = EXCLUDED.transcripts,
                 uploads = EXCLUDED.uploads, logs = EXCLUDED.logs, updated_at = EXCLUDED.updated_at,
                 updated_by = EXCLUDED.updated_by
             """, cancellationToken);
        return new(request.Conversations, request.Transcripts, request.Uploads, request.Logs, now);
    }

    /// <summary>The tenants with settings, for the services that carry them out.</summary>
    private static Task<RetentionPage> ListAsync(
        IRetentionSource source, CancellationToken cancellationToken, string? after = null) =>
        source.ReadAsync(after ?? "", cancellationToken);

    private static void RequireOwner(Caller caller)
    {
        if (caller.Role != Role.Owner)
            throw new ProblemException(403, ErrorCodes.ForbiddenRole, "This takes an owner of the organisation.");
    }

    private sealed class StoredRetention(NpgsqlDataSource database, DatabaseReady ready) : IRetentionSource
    {
        public async Task<RetentionPage> ReadAsync(string after, CancellationToken cancellationToken)
        {
            ready.ThrowIfNotReady();
            await using var command = database.CreateCommand(
                """
                SELECT tenant, conversations, transcripts, uploads, logs FROM tenant_retention
                WHERE tenant > $1 ORDER BY tenant LIMIT $2
                """);
            command.Parameters.Add(new() { Value = after });
            command.Parameters.Add(new() { Value = PageSize });
            var tenants = new List<TenantRetention>();
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                tenants.Add(new(
                    reader.GetString(0), reader.GetValue(1) as int?, reader.GetValue(2) as int?, reader.GetValue(3) as int?,
                    reader.GetValue(4) as int?));
            }
            return new(tenants, tenants.Count == PageSize ? tenants[^1].Tenant : null);
        }
    }
}

/// <param name="Conversations">Days since a conversation was last used.</param>
/// <param name="Transcripts">Days since a live session ended.</param>
/// <param name="Uploads">Days since a document was uploaded.</param>
/// <param name="Logs">Days: of what tasks did, and of events that applications emitted.</param>
public sealed record RetentionRequest(
    int? Conversations = null, int? Transcripts = null, int? Uploads = null, int? Logs = null);

/// <inheritdoc cref="RetentionRequest"/>
/// <param name="UpdatedAt">Null: it was never set.</param>
public sealed record RetentionView(
    int? Conversations, int? Transcripts, int? Uploads, int? Logs, DateTimeOffset? UpdatedAt);
