using System.Globalization;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Sessions;
using Lyceum.SessionApi.Transcripts;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Sharing;

/// <summary>
/// What a class's teachers see of live sessions: those of students who agreed that their conversations are seen, since
/// they did, with the tutors that the class shares. Without names, as the questions of chats; each look is recorded
/// where the student sees it.
/// </summary>
internal static class TranscriptEndpoints
{
    private const int MaxPage = 100;
    private const int MaxTurns = 500;

    /// <summary>How a look is named where the student sees it.</summary>
    private const string View = "transcripts";

    public static void MapTranscripts(this IEndpointRouteBuilder routes)
    {
        var all = routes.MapGroup("/api/classes/{id:guid}/transcripts").RequireScope(Scopes.Classes).WithTags("classes")
            .Fails(400, ErrorCodes.InvalidCursor).Fails(404, ErrorCodes.ClassNotFound);
        all.MapGet("", ListAsync);
        all.MapGet("{session_id}", ReadAsync).Fails(404, ErrorCodes.SessionNotFound);
    }

    /// <summary>Live sessions of a class that I teach, newest first, 1-100 a page.</summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<ClassTranscriptPage> ListAsync(
        Guid id, Caller caller, ClassStore classes, Looks looks, SessionDb db, CancellationToken cancellationToken,
        int limit = 50, string? cursor = null)
    {
        var before = Cursor(limit, MaxPage, cursor) ?? long.MaxValue;
        var row = await classes.FindTaughtAsync(caller, id, cancellationToken);
        var page = await Transient.RetryOnceAsync(_ => Seen(db, row, before, limit + 1).AsNoTracking()
            .OrderByDescending(s => s.Number).Take(limit + 1).ToListAsync(cancellationToken));
        var shown = page.Take(limit).ToList();
        await RecordAsync(row, caller, shown, looks, db, cancellationToken);
        return new(
            [.. shown.Select(s => new ClassTranscript(s.Id, s.TutorId, s.Status, s.CreatedAt, s.EndedAt))],
            page.Count > limit ? shown[^1].Number.ToString(CultureInfo.InvariantCulture) : null);
    }

    /// <summary>
    /// What was said in one of them, 1-500 turns a page, oldest first; without the model's reasoning, and without
    /// questions that were refused.
    /// </summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<ClassTranscriptTurns> ReadAsync(
        Guid id, string session_id, Caller caller, ClassStore classes, Looks looks, TranscriptStore transcripts, SessionDb db,
        CancellationToken cancellationToken, int limit = 200, string? cursor = null)
    {
        var after = (int)Math.Min(int.MaxValue, Cursor(limit, MaxTurns, cursor) ?? 0);
        var row = await classes.FindTaughtAsync(caller, id, cancellationToken);
        var number = await Transient.RetryOnceAsync(_ => db.Set<LiveSession>()
            .Where(s => s.Id == session_id && s.Tenant == row.Tenant)
            .Select(s => (long?)s.Number).SingleOrDefaultAsync(cancellationToken));
        var session = number is null ? null : await Transient.RetryOnceAsync(_ => Seen(db, row, number.Value + 1, 1)
            .AsNoTracking().SingleOrDefaultAsync(s => s.Number == number, cancellationToken));
        if (session is null)
        {
            throw new ProblemException(
                404, ErrorCodes.SessionNotFound, $"There is no session {session_id} that this class shows you.");
        }
        await RecordAsync(row, caller, [session], looks, db, cancellationToken);
        var turns = await transcripts.ReadAsync(session.Number, after, limit + 1, cancellationToken);
        var refused = await transcripts.RefusedAsync(session.Number, cancellationToken);
        return new(
            session.Id, session.TutorId, session.Status, session.CreatedAt, session.EndedAt,
            [.. turns.Take(limit).Where(turn => !refused.Contains(turn.Turn)).Select(turn => turn with { Thinking = null })],
            turns.Count > limit ? turns[limit - 1].Turn.ToString(CultureInfo.InvariantCulture) : null);
    }

    /// <summary>The newest of each student of the class, as far as it may be seen, before one.</summary>
    /// <param name="most">Of one student.</param>
    private static IQueryable<LiveSession> Seen(SessionDb db, ClassRow row, long before, int most) =>
        db.Set<LiveSession>().FromSql($"""
         SELECT s.* FROM class_members m CROSS JOIN LATERAL (
             SELECT * FROM sessions l
             WHERE l.tenant = m.tenant AND l.subject = m.person AND l.number < {before} AND l.created_at >= m.agreed_at
               AND l.status <> {SessionStatus.Deleted} AND EXISTS (
                 SELECT FROM shares h WHERE h.class_id = m.class_id AND h.tenant = m.tenant AND h.kind = {ShareKinds.Tutor}
                   AND h.thing = l.tutor_id::text)
             ORDER BY l.number DESC LIMIT {most}) s
         WHERE m.class_id = {row.Id} AND m.tenant = {row.Tenant} AND m.visibility = {Visibilities.Conversations}
         """);

    private static async Task RecordAsync(
        ClassRow row, Caller caller, List<LiveSession> shown, Looks looks, SessionDb db, CancellationToken cancellationToken)
    {
        if (shown.Count == 0)
            return;
        var names = await db.NamesAsync(row.Tenant, [caller.Person], cancellationToken);
        await looks.RecordAsync(
            row, View, [.. shown.Select(s => s.Subject!).Distinct()], (caller.Person, names.Called(caller.Person)),
            cancellationToken);
    }

    private static long? Cursor(int limit, int most, string? cursor)
    {
        if (limit < 1 || limit > most)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {most}.");
        return cursor is null ? null : long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new ProblemException(400, ErrorCodes.InvalidCursor, "cursor must be a next_cursor of an earlier page.");
    }
}

/// <param name="Status"><c>active | lost | ended</c>.</param>
public sealed record ClassTranscript(
    string SessionId, int? TutorId, string Status, DateTimeOffset CreatedAt, DateTimeOffset? EndedAt);

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record ClassTranscriptPage(List<ClassTranscript> Transcripts, string? NextCursor);

/// <inheritdoc cref="ClassTranscript"/>
/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record ClassTranscriptTurns(
    string SessionId, int? TutorId, string Status, DateTimeOffset CreatedAt, DateTimeOffset? EndedAt, List<TurnView> Turns,
    string? NextCursor);
