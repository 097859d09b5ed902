using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lyceum.GpuEngine.Addressing;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Sessions.Live;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.Text.Moderation;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions;

/// <summary>
/// Management of live sessions, for services and API tokens with scope <c>engine</c>. A session belongs to the caller's
/// (tenant, owner); another caller's is not found.
/// </summary>
internal static partial class SessionsApi
{
    private const int MaxInstructions = 64 * 1024;
    private const int MaxText = 64 * 1024;
    private const int MaxHistory = 1_000;
    private const int MaxName = 128;

    public static void MapSessions(this IEndpointRouteBuilder routes)
    {
        var sessions = routes.MapGroup("/v1/sessions").RequireScope(Scopes.Engine).WithTags("engine sessions");
        sessions.MapPost("", Create).Fails(500, ErrorCodes.PublicUrlNotConfigured);
        sessions.MapGet("", (SessionStore store, Caller caller) =>
            TypedResults.Ok(new SessionList([.. store.Of(caller).Select(SessionDocument.Of)])))
            .WithSummary("The caller's live sessions at this engine.");
        sessions.MapGet("/{id}", Get).Fails(404, ErrorCodes.SessionNotFound);
        sessions.MapDelete("/{id}", DeleteAsync).Fails(404, ErrorCodes.SessionNotFound);
        sessions.MapPost("/{id}/connect", Connect)
            .Fails(404, ErrorCodes.SessionNotFound).Fails(500, ErrorCodes.PublicUrlNotConfigured);
    }

    /// <summary>Makes a live session at this engine, past the tutors: for services.</summary>
    private static Results<Created<SessionConnection>, ProblemHttpResult> Create(
        CreateSession request, Caller caller, SessionStore store, PublicAddress address, EngineRun run,
        IOptions<LiveSessionOptions> options, IOptions<EngineAddressOptions> engine, HttpContext http)
    {
        var setup = Validate(request, caller, store.NewId(), engine.Value);
        // Before the session is made: none is made that its client could not reach.
        _ = address.For(http, caller, setup.Id, "");
        if (store.TryCreate(setup) is not { } session)
        {
            return Problems.Overloaded(
                $"This engine has {options.Value.Max} sessions (MAX_SESSIONS); the rest is kept for other callers.",
                SessionStore.RetryAfter);
        }
        return TypedResults.Created($"/v1/sessions/{session.Id}", Connection(session, address, caller, http, run));
    }

    /// <summary>One live session.</summary>
    private static Results<Ok<SessionDocument>, ProblemHttpResult> Get(string id, Caller caller, SessionStore store) =>
        store.Find(id, caller) is { } session ? TypedResults.Ok(SessionDocument.Of(session)) : Unknown();

    /// <summary>A fresh address of a session.</summary>
    private static Results<Ok<SessionConnection>, ProblemHttpResult> Connect(
        string id, Caller caller, SessionStore store, PublicAddress address, EngineRun run, HttpContext http) =>
        store.Find(id, caller) is { } session
            ? TypedResults.Ok(Connection(session, address, caller, http, run))
            : Unknown();

    /// <summary>Ends a session.</summary>
    private static async Task<Results<Ok<Deleted>, ProblemHttpResult>> DeleteAsync(string id, Caller caller, SessionStore store)
    {
        if (store.Find(id, caller) is not { } session)
            return Unknown();
        await store.EndAsync(session, "deleted");
        return TypedResults.Ok(new Deleted("deleted"));
    }

    private static SessionConnection Connection(
        Session session, PublicAddress address, Caller caller, HttpContext http, EngineRun run)
    {
        var token = session.Credentials.IssueToken();
        return new SessionConnection(
            session.Id, address.For(http, caller, session.Id, token), token, "active", session.ExpiresAt, run.Incarnation);
    }

    private static ProblemHttpResult Unknown() => Problems.NotFound(ErrorCodes.SessionNotFound, "There is no such session here (any more).");

    private static SessionSetup Validate(
        CreateSession request, Caller caller, string id, EngineAddressOptions engine)
    {
        var tutor = request.TutorId ?? throw Invalid("tutor_id must be an integer.");
        var student = request.StudentId.ValueKind switch
        {
            JsonValueKind.String => request.StudentId.GetString()!,
            JsonValueKind.Number => request.StudentId.GetRawText(),
            _ => throw Invalid("student_id must be a number or a string."),
        };
        if (student.Length is 0 or > MaxName)
            throw Invalid($"student_id must have 1 to {MaxName} characters.");
        if (request.KbId is { } kb && !Slug().IsMatch(kb))
            throw Invalid("kb_id must be a slug: letters, digits, '-', '_' and '.', at most 64, beginning with a letter or digit.");
        if (request.Language is { Length: 0 or > 64 })
            throw Invalid("language must have 1 to 64 characters.");
        if (request.Voice is { Length: 0 or > MaxName })
            throw Invalid($"voice must have 1 to {MaxName} characters.");
        Bounded("instructions", request.Instructions, MaxInstructions);
        var history = request.History ?? [];
        if (history.Count > MaxHistory)
            throw Invalid($"history holds more than {MaxHistory} messages.");
        foreach (var message in history)
        {
            if (message.Role is not ("user" or "assistant"))
                throw Invalid("A message's role in history is user or assistant.");
            Bounded("A message in history", message.Content, MaxText);
        }
        var retrieval = request.Retrieval is { } source
            ? new RetrievalSource(Known("retrieval", source, engine), source.Token)
            : null;
        return new SessionSetup(
            id, caller.Tenant, caller.Person, tutor, student, request.KbId, request.Instructions, request.Language,
            [.. history.Select(message => new ChatMessage(message.Role, message.Content))], retrieval, request.Voice)
        {
            Sharer = Sharer.Of(caller),
            Policy = new(
                Checked(request.Moderation),
                request.Policy is { } policy ? new(Known("policy", policy, engine), policy.Token) : null),
        };
    }

    /// <exception cref="ProblemException">400: the address is none, or not one that this engine asks.</exception>
    private static Uri Known(string what, RetrievalRequest source, EngineAddressOptions engine)
    {
        if (!Uri.TryCreate(source.Url, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            throw Invalid($"{what}.url must be an http or https address.");
        return engine.MaySearchAt(url) ? url : throw Invalid(
            $"{what}.url must be at an address that this engine announces itself to (Engine:AnnounceTo), or at one of "
            + "Engine:RetrievalOrigins.");
    }

    /// <exception cref="ProblemException">400: it is none.</exception>
    private static ModerationPolicy? Checked(ModerationPolicy? policy) =>
        policy is null ? null
        : PolicyRules.FaultOf(policy) is { } fault ? throw Invalid(fault) : PolicyRules.Complete(policy);

    private static void Bounded(string what, string? text, int bytes)
    {
        if (text is not null && Encoding.UTF8.GetByteCount(text) > bytes)
            throw Invalid($"{what} may have {bytes} bytes at most.");
    }

    private static ProblemException Invalid(string detail) => new(StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest, detail);

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", RegexOptions.NonBacktracking)]
    private static partial Regex Slug();
}

/// <summary><c>POST /v1/sessions</c>.</summary>
/// <param name="StudentId">A number or a string; kept as text.</param>
/// <param name="Instructions">Becomes the system prompt.</param>
/// <param name="Language">The answers' language, as a person or a tag names it.</param>
/// <param name="Retrieval">
/// Where passages for the answers are searched: at an address that the engine announces itself to, or of
/// <c>Engine:RetrievalOrigins</c>.
/// </param>
/// <param name="Voice">Speaks the answers where the client asks for no other.</param>
/// <param name="Moderation">How questions and answers are judged before they are asked and shown; absent: not at all.</param>
/// <param name="Policy">
/// Where it is read how they are judged from then on, before a turn, every 10 s at most; absent: it stays as it is. As
/// <paramref name="Retrieval"/>.
/// </param>
/// <param name="History">Messages of an earlier session that this one continues, oldest first.</param>
internal sealed record CreateSession(
    long? TutorId, JsonElement StudentId, string? KbId = null, string? Instructions = null, string? Language = null,
    IReadOnlyList<HistoryMessage>? History = null, RetrievalRequest? Retrieval = null, string? Voice = null,
    ModerationPolicy? Moderation = null, RetrievalRequest? Policy = null);

internal sealed record HistoryMessage(string Role, string Content);

internal sealed record RetrievalRequest(string Url, string Token);

/// <summary>How to connect: <c>engine_url</c> contains the token; use it unchanged.</summary>
/// <param name="Incarnation">The run of the engine's process that the session lives and ends with.</param>
internal sealed record SessionConnection(string SessionId, string EngineUrl, string EngineToken, string Status, DateTimeOffset ExpiresAt, Guid Incarnation);

internal sealed record SessionDocument(
    string SessionId, long TutorId, string StudentId, string? KbId, string Status, bool Connected, int Turns,
    DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt)
{
    public static SessionDocument Of(Session session) => new(
        session.Id, session.Setup.TutorId, session.Setup.StudentId, session.Setup.KbId, "active", session.IsConnected, session.Turns,
        session.CreatedAt, session.ExpiresAt);
}

internal sealed record SessionList(IReadOnlyList<SessionDocument> Sessions);

internal sealed record Deleted(string Status);
