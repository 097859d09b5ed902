using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Engines;
using Lyceum.SessionApi.Transcripts;
using Lyceum.SessionApi.Tutors;

namespace Lyceum.SessionApi.Sessions;

/// <summary>
/// What a client does with sessions. At the engine first, then the row, then the address: a session nobody has stored is one
/// whose address nobody was told, which the engine forgets by itself.
/// </summary>
internal sealed partial class LiveSessions(
    SessionStore store, TutorStore tutors, TranscriptStore transcripts, EngineStore directory, EngineClient engines, Placement placement,
    TimeProvider time, ILogger<LiveSessions> logger)
{
    private static readonly TimeSpan DeleteLimit = TimeSpan.FromSeconds(5);
    private const int LongestChain = 1000;

    /// <inheritdoc cref="Placement.PlaceAsync"/>
    public async Task<SessionConnection> CreateAsync(
        Caller caller, Tutor tutor, string studentId, string? kbId, ClientView client, CancellationToken cancellationToken)
    {
        var (made, engine) = await placement.PlaceAsync(caller, caller.Owner, tutor, studentId, kbId, [], client, cancellationToken);
        await KeepAsync(caller, caller.Owner, tutor, studentId, kbId, engine, made, continues: null, cancellationToken);
        return Connection(made);
    }

    /// <summary>
    /// A fresh address: of the same session while its engine has it, else of a new one that goes on with its history.
    /// </summary>
    /// <exception cref="ProblemException">404 <c>session_not_found</c>, <c>tutor_not_found</c>; 503 as at the making.</exception>
    public async Task<SessionConnection> ConnectAsync(Caller caller, string id, ClientView client, CancellationToken cancellationToken)
    {
        var session = await store.ReadAsync(caller, id, cancellationToken);
        for (var hops = 0; ; hops++)
        {
            while (session.ContinuedBy is { } newer && hops++ < LongestChain)
                session = await store.ReadAsync(caller, newer, cancellationToken);
            if (session.Status == SessionStatus.Active && await TryConnectAsync(session, client, cancellationToken) is { } connection)
                return connection;
            if (await TryContinueAsync(caller, session, client, cancellationToken) is { } continued)
                return continued;
            // Somebody else went on with it in the same moment: theirs is the one.
            session = await store.ReadAsync(caller, session.Id, cancellationToken);
            if (hops >= LongestChain)
                throw new ProblemException(409, ErrorCodes.Conflict, "This session is being gone on with again and again.");
        }
    }

    public async Task DeleteAsync(Caller caller, string id, CancellationToken cancellationToken)
    {
        var session = await store.ReadAsync(caller, id, cancellationToken);
        await store.DeleteAsync(caller, session, cancellationToken);
        // From here on it is deleted; an engine that cannot be told now is told by the sweep.
        await ReleaseAsync(session, cancellationToken);
    }

    /// <summary>Tells the engine of a deleted session that it is.</summary>
    public async Task ReleaseAsync(LiveSession session, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(DeleteLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            if (await directory.FindAsync(session.EngineId, either.Token) is { } engine
                && (engine.Incarnation == session.Incarnation || session.Incarnation == Guid.Empty))
            {
                await engines.DeleteAsync(engine, session.Id, session.Tenant, session.Owner, either.Token);
            }
            await store.ReleasedAsync(session, CancellationToken.None);
        }
        catch (EngineRefusal e)
        {
            LogNotReleased(session.Id, e.Message);
        }
    }

    private async Task<SessionConnection?> TryConnectAsync(LiveSession session, ClientView client, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Placement.Limit / 2, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            if (await directory.FindAsync(session.EngineId, cancellationToken) is not { } engine)
                return null;
            return Connection(await engines.ConnectAsync(engine, session.Id, session.Tenant, session.Owner, client, either.Token));
        }
        catch (EngineRefusal e) when (e.Code == ErrorCodes.PublicUrlNotConfigured)
        {
            throw new ProblemException(e.Status, e.Code, e.Message);
        }
        catch (EngineRefusal e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            LogGone(session.Id, e.Message);
            // The engine knows; that it cannot be reached is the sweep's to judge, and does not keep the student waiting.
            if (e.Status == 404)
                await store.EndAsync(session, SessionStatus.Lost, "engine_lost", cancellationToken);
            return null;
        }
    }

    private async Task<SessionConnection?> TryContinueAsync(
        Caller caller, LiveSession session, ClientView client, CancellationToken cancellationToken)
    {
        if (session.TutorId is not { } tutorId)
            throw new ProblemException(409, ErrorCodes.SessionEnded, "This session is over, and was made at the engine itself: make a new one.");
        var tutor = await tutors.ReadAsync(caller, tutorId, cancellationToken);
        var history = await transcripts.HistoryAsync(session, cancellationToken);
        var (made, engine) = await placement.PlaceAsync(
            caller, session.Owner, tutor, session.StudentId, session.KbId, history, client, cancellationToken);
        return await KeepAsync(caller, session.Owner, tutor, session.StudentId, session.KbId, engine, made, session.Id, cancellationToken)
            ? Connection(made)
            : null;
    }

    /// <summary>Stores what an engine made, or has it unmade.</summary>
    private async Task<bool> KeepAsync(
        Caller caller, string owner, Tutor tutor, string studentId, string? kbId, EngineRow engine, EngineSession made, string? continues,
        CancellationToken cancellationToken)
    {
        var kept = false;
        try
        {
            return kept = await store.AddAsync(caller, owner, tutor.Id, studentId, kbId, engine.Id, made, continues, cancellationToken);
        }
        finally
        {
            if (!kept)
                await UnmakeAsync(engine, made, caller.Tenant, owner);
        }
    }

    private async Task UnmakeAsync(EngineRow engine, EngineSession made, string tenant, string owner)
    {
        using var limit = new CancellationTokenSource(DeleteLimit, time);
        try
        {
            await engines.DeleteAsync(engine, made.SessionId, tenant, owner, limit.Token);
        }
        catch (EngineRefusal e)
        {
            LogNotReleased(made.SessionId, e.Message); // nobody has its address: it times out
        }
    }

    private static SessionConnection Connection(EngineSession made) =>
        new(made.SessionId, made.EngineUrl, made.EngineToken, SessionStatus.Active, made.ExpiresAt);

    [LoggerMessage(LogLevel.Information, "session {Session} goes on elsewhere: {Reason}")]
    private partial void LogGone(string session, string reason);

    [LoggerMessage(LogLevel.Warning, "session {Session} is not freed at its engine yet: {Reason}")]
    private partial void LogNotReleased(string session, string reason);
}
