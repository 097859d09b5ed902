using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Engines;
using Lyceum.SessionApi.Transcripts;
using Lyceum.SessionApi.Tutors;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.SessionApi.Sessions;

/// <summary>
/// What a client does with sessions. First the engine, then the row, then the answer: a session without a row is one
/// whose address no client has, and the engine ends it after its idle timeout.
/// </summary>
internal sealed partial class LiveSessions(
    SessionStore store, TutorStore tutors, TranscriptStore transcripts, EngineStore directory, EngineSessions engines, Placement placement,
    TimeProvider time, ILogger<LiveSessions> logger)
{
    private static readonly TimeSpan DeleteLimit = TimeSpan.FromSeconds(5);
    private const int LongestChain = 1000;

    /// <returns>The connection, or why there is none: as <see cref="Placement.PlaceAsync"/>.</returns>
    public async Task<(SessionConnection? Connection, ProblemHttpResult? Problem)> CreateAsync(
        Caller caller, Tutor tutor, string studentId, string? kbId, ClientView client, CancellationToken cancellationToken)
    {
        // The engine knows an API token by its own subject: at the engine itself it finds what it made here.
        var (place, problem) = await placement.PlaceAsync(
            caller, caller.Subject, tutor, studentId, kbId, [], client, cancellationToken);
        if (place is null)
            return (null, problem);
        await StoreAsync(caller, caller.Subject, tutor, studentId, kbId, place, continues: null, cancellationToken);
        return (Connection(place.Session), null);
    }

    /// <summary>
    /// A fresh address: of the same session while its engine has it, else of a new one that goes on with its history.
    /// </summary>
    /// <returns>The connection, or why there is none: as at the making.</returns>
    /// <exception cref="ProblemException">404 <c>session_not_found</c>, <c>tutor_not_found</c>.</exception>
    public async Task<(SessionConnection? Connection, ProblemHttpResult? Problem)> ConnectAsync(Caller caller, string id, ClientView client, CancellationToken cancellationToken)
    {
        var session = await store.ReadAsync(caller, id, cancellationToken);
        for (var hops = 0; ; hops++)
        {
            while (session.ContinuedBy is { } newer && hops++ < LongestChain)
                session = await store.ReadAsync(caller, newer, cancellationToken);
            if (session.Status == SessionStatus.Active && await TryConnectAsync(session, client, cancellationToken) is { } connection)
                return (connection, null);
            if (await TryContinueAsync(caller, session, client, cancellationToken) is var answer && answer != default)
                return answer;
            // Another request continued it at the same moment: use that session.
            session = await store.ReadAsync(caller, session.Id, cancellationToken);
            if (hops >= LongestChain)
                throw new ProblemException(409, ErrorCodes.Conflict, "This session is being gone on with again and again.");
        }
    }

    public async Task DeleteAsync(Caller caller, string id, CancellationToken cancellationToken)
    {
        var session = await store.ReadAsync(caller, id, cancellationToken);
        await store.DeleteAsync(caller, session, cancellationToken);
        // It is deleted now; where the engine cannot be reached, the sweep deletes it there.
        await ReleaseAsync(session, cancellationToken);
    }

    /// <summary>Deletes a deleted session at its engine too.</summary>
    public async Task ReleaseAsync(LiveSession session, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(DeleteLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        if (await directory.FindAsync(session.EngineId, either.Token) is { } engine
            && (engine.Incarnation == session.Incarnation || session.Incarnation == Guid.Empty)
            && await engines.DeleteAsync(
                engine, session.Id, session.Tenant, session.Person, either.Token) is { } rejection)
        {
            LogNotReleased(session.Id, rejection.Message);
            return;
        }
        await store.ReleasedAsync(session, CancellationToken.None);
    }

    private async Task<SessionConnection?> TryConnectAsync(LiveSession session, ClientView client, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Placement.Limit / 2, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        if (await directory.FindAsync(session.EngineId, cancellationToken) is not { } engine)
            return null;
        var (made, rejection) = await engines.ConnectAsync(
            engine, session.Id, session.Tenant, session.Person, client, either.Token);
        if (made is not null)
            return Connection(made);
        if (rejection!.Code == ErrorCodes.PublicUrlNotConfigured)
            throw new ProblemException(rejection.Status, rejection.Code, rejection.Message);
        cancellationToken.ThrowIfCancellationRequested();
        LogGone(session.Id, rejection.Message);
        // 404 is certain. An engine that cannot be reached is left to the sweep; the student does not wait for it.
        if (rejection.Status == 404)
            await store.EndAsync(session, SessionStatus.Lost, "engine_lost", cancellationToken);
        return null;
    }

    /// <returns>Neither where another request continued it at the same moment.</returns>
    private async Task<(SessionConnection? Connection, ProblemHttpResult? Problem)> TryContinueAsync(
        Caller caller, LiveSession session, ClientView client, CancellationToken cancellationToken)
    {
        if (session.TutorId is not { } tutorId)
            throw new ProblemException(409, ErrorCodes.SessionEnded, "This session is over, and was made at the engine itself: make a new one.");
        var (tutor, _) = await tutors.FindUsableAsync(caller, tutorId, cancellationToken);
        var history = await transcripts.HistoryAsync(caller, session.Number, cancellationToken);
        var (place, problem) = await placement.PlaceAsync(
            caller, session.Person, tutor, session.StudentId, session.KbId, history, client, cancellationToken);
        if (place is null)
            return (null, problem);
        return await StoreAsync(
            caller, session.Person, tutor, session.StudentId, session.KbId, place, session.Id, cancellationToken)
            ? (Connection(place.Session), null)
            : default;
    }

    /// <summary>Stores the session that an engine made, or deletes it there again.</summary>
    private async Task<bool> StoreAsync(
        Caller caller, string person, Tutor tutor, string studentId, string? kbId, Place place, string? continues,
        CancellationToken cancellationToken)
    {
        var stored = false;
        try
        {
            return stored = await store.AddAsync(caller, person, tutor.Id, studentId, kbId, place.Engine.Id,
                place.Session, continues, cancellationToken);
        }
        finally
        {
            if (!stored)
                await UndoAsync(place, caller.Tenant, person);
        }
    }

    private async Task UndoAsync(Place place, string tenant, string person)
    {
        using var limit = new CancellationTokenSource(DeleteLimit, time);
        if (await engines.DeleteAsync(
            place.Engine, place.Session.SessionId, tenant, person, limit.Token) is { } rejection)
            LogNotReleased(place.Session.SessionId, rejection.Message); // no client has its address: it times out
    }

    private static SessionConnection Connection(EngineSession made) =>
        new(made.SessionId, made.EngineUrl, made.EngineToken, SessionStatus.Active, made.ExpiresAt);

    [LoggerMessage(LogLevel.Information, "session {Session} not at its engine, continued elsewhere: {Reason}")]
    private partial void LogGone(string session, string reason);

    [LoggerMessage(LogLevel.Warning, "session {Session} not deleted at its engine, trying again: {Reason}")]
    private partial void LogNotReleased(string session, string reason);
}
