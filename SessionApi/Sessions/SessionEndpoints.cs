using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.Text;
using Lyceum.SessionApi.Knowledge;
using Lyceum.SessionApi.Transcripts;
using Lyceum.SessionApi.Tutors;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Lyceum.SessionApi.Sessions;

/// <summary>Live sessions with tutors. Scope <c>sessions</c>.</summary>
internal static class SessionEndpoints
{
    private const int MaxPage = 100;
    private const int MaxTurns = 500;
    private const int MaxStudent = 128;

    public static void MapSessions(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api").RequireScope(Scopes.Sessions).WithTags("sessions");
        group.MapPost("/tutors/{id:int}/sessions", CreateAsync)
            .Fails(404, ErrorCodes.TutorNotFound, ErrorCodes.KnowledgeBaseNotFound).Fails(500, ErrorCodes.PublicUrlNotConfigured)
            .Fails(503, ErrorCodes.EngineUnavailable, ErrorCodes.NoEngineFree);
        group.MapDelete("/tutors/sessions/{session_id}", DeleteAsync).Fails(404, ErrorCodes.SessionNotFound);
        group.MapGet("/sessions", ListAsync).Fails(400, ErrorCodes.InvalidCursor);
        group.MapGet("/sessions/{session_id}", ReadAsync)
            .Fails(400, ErrorCodes.InvalidCursor).Fails(404, ErrorCodes.SessionNotFound);
        group.MapPost("/sessions/{session_id}/connect", ConnectAsync)
            .Fails(404, ErrorCodes.SessionNotFound).Fails(500, ErrorCodes.PublicUrlNotConfigured)
            .Fails(503, ErrorCodes.EngineUnavailable, ErrorCodes.NoEngineFree);
        group.MapDelete("/sessions/{session_id}", DeleteAsync).Fails(404, ErrorCodes.SessionNotFound);
    }

    /// <summary>
    /// Makes a session with this tutor, of mine or shared with me; the body's members may come as query parameters instead.
    /// </summary>
    private static async Task<Results<Created<SessionConnection>, ProblemHttpResult>> CreateAsync(
        int id, [FromBody] SessionRequest? request, string? student_id, string? kb_id, Caller caller, TutorStore tutors,
        KnowledgeStore knowledge, LiveSessions sessions, HttpContext http, CancellationToken cancellationToken)
    {
        var kb = request?.KbId ?? kb_id;
        // A student is who signed in; what else is said is not theirs to say.
        var student = caller.Role == Role.Student ? caller.Person : Student(request?.StudentId ?? default, student_id);
        var errors = new ValidationErrors();
        errors.AddIf(student is null, "student_id",
            $"student_id must be a number, or a string of 1 to {MaxStudent} characters, in the body or the query.");
        errors.AddIf(kb is not null && !Slug.IsValid(kb), "kb_id",
            "kb_id must be 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit.");
        errors.ThrowIfAny();
        var (tutor, _) = await tutors.FindUsableAsync(caller, id, cancellationToken);
        kb ??= tutor.KbId;
        var isThere = kb is null || await knowledge.FindSearchableAsync(caller, kb, null, tutors, cancellationToken) is not null;
        if (!isThere && caller.Role == Role.Student && kb != tutor.KbId)
            throw KnowledgeStore.NotFound(kb!);

        var (made, problem) = await sessions.CreateAsync(caller, tutor, student!, kb, ClientView.Of(http), cancellationToken);
        if (made is null)
            return problem!;
        // A knowledge base may be made later: that it is missing is a warning, and no reason to reject the session.
        return TypedResults.Created($"/api/sessions/{made.SessionId}", isThere
            ? made
            : made with { Warnings = [$"There is no knowledge base {kb} yet: answers cite nothing until PUT /api/kb/{kb} makes it."] });
    }

    /// <summary>My sessions, newest first, <paramref name="limit"/> (1-100) a page.</summary>
    /// <param name="status"><c>active | lost | ended</c>; absent: all.</param>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<SessionPage> ListAsync(
        Caller caller, SessionStore sessions, CancellationToken cancellationToken, int? tutor_id = null, string? student_id = null,
        string? status = null, int limit = 50, string? cursor = null)
    {
        if (limit is < 1 or > MaxPage)
            throw Invalid($"limit must be between 1 and {MaxPage}.");
        if (status is not (null or SessionStatus.Active or SessionStatus.Lost or SessionStatus.Ended))
            throw Invalid("status must be active, lost or ended.");
        var only = caller.Role == Role.Student ? null : student_id; // all are theirs
        var page = await sessions.ListAsync(caller, tutor_id, only, status, Cursor(cursor), limit + 1, cancellationToken);
        return new(
            [.. page.Take(limit).Select(session => SessionView.Of(session))],
            page.Count > limit ? page[limit - 1].Number.ToString(CultureInfo.InvariantCulture) : null);
    }

    /// <summary>A session with its transcript, <paramref name="limit"/> (1-500) turns a page, oldest first.</summary>
    private static async Task<SessionView> ReadAsync(
        string session_id, Caller caller, SessionStore sessions, TranscriptStore transcripts, CancellationToken cancellationToken,
        int limit = 200, string? cursor = null)
    {
        if (limit is < 1 or > MaxTurns)
            throw Invalid($"limit must be between 1 and {MaxTurns}.");
        var session = await sessions.ReadAsync(caller, session_id, cancellationToken);
        var turns = await transcripts.ReadAsync(
            session.Number, (int)Math.Min(int.MaxValue, Cursor(cursor) ?? 0), limit + 1, cancellationToken);
        return SessionView.Of(session) with
        {
            Turns = [.. turns.Take(limit)],
            NextCursor = turns.Count > limit ? turns[limit - 1].Turn.ToString(CultureInfo.InvariantCulture) : null,
        };
    }

    /// <summary>A fresh address of a session. One that is lost or ended goes on as a new session.</summary>
    private static async Task<Results<Ok<SessionConnection>, ProblemHttpResult>> ConnectAsync(
        string session_id, Caller caller, LiveSessions sessions, HttpContext http, CancellationToken cancellationToken)
    {
        var (connection, problem) = await sessions.ConnectAsync(caller, session_id, ClientView.Of(http), cancellationToken);
        return connection is null ? problem! : TypedResults.Ok(connection);
    }

    /// <summary>Ends a session and deletes what was said in it.</summary>
    private static async Task<Ok<Deleted>> DeleteAsync(
        string session_id, Caller caller, LiveSessions sessions, CancellationToken cancellationToken)
    {
        await sessions.DeleteAsync(caller, session_id, cancellationToken);
        return TypedResults.Ok(new Deleted("deleted"));
    }

    private static string? Student(JsonElement given, string? inQuery)
    {
        var student = given.ValueKind switch
        {
            JsonValueKind.String => given.GetString()!,
            JsonValueKind.Number => given.GetRawText(),
            JsonValueKind.Undefined or JsonValueKind.Null => inQuery,
            _ => null,
        };
        return student is { Length: > 0 and <= MaxStudent } && !student.Contains('\0') ? student : null;
    }

    private static long? Cursor(string? cursor)
    {
        if (cursor is null)
            return null;
        return long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new ProblemException(400, ErrorCodes.InvalidCursor, "cursor must be a next_cursor of an earlier page.");
    }

    private static ProblemException Invalid(string detail) => new(400, ErrorCodes.InvalidRequest, detail);
}

/// <param name="StudentId">A number or a string, of the client's choice; kept as text. Ignored for students, who are themselves.</param>
/// <param name="KbId">The knowledge base to answer from; absent: the tutor's.</param>
public sealed record SessionRequest(JsonElement StudentId, string? KbId = null);

/// <summary>How to connect.</summary>
/// <param name="EngineUrl">A WebSocket's, with the token in it: to be used as it is, once, within a minute.</param>
/// <param name="Warnings">What is not as it should be, and does not stop the lesson; absent where all is well.</param>
public sealed record SessionConnection(
    string SessionId, string EngineUrl, string EngineToken, string Status, DateTimeOffset ExpiresAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    IReadOnlyList<string>? Warnings = null);

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record SessionPage(List<SessionView> Sessions, string? NextCursor);

/// <param name="Status"><c>active | lost | ended</c>.</param>
/// <param name="Reason">Why it is not active.</param>
/// <param name="Continues">The session it went on with.</param>
/// <param name="ContinuedBy">The session that goes on with it.</param>
/// <param name="Turns">Only where one session is read.</param>
public sealed record SessionView(
    string SessionId, int? TutorId, string StudentId, string? KbId, string Status, string? Reason, string? Continues, string? ContinuedBy,
    DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? EndedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    List<TurnView>? Turns = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    string? NextCursor = null)
{
    internal static SessionView Of(LiveSession s) => new(
        s.Id, s.TutorId, s.StudentId, s.KbId, s.Status, s.Reason, s.Continues, s.ContinuedBy, s.CreatedAt, s.ExpiresAt, s.EndedAt);
}

internal sealed record Deleted(string Status);
