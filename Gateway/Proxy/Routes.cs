using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.Gateway.Proxy;

/// <param name="Path">Route template; <c>{**rest}</c> matches the bare path too.</param>
/// <param name="Service">The service that answers: a resource name of AppHost, with all its replicas.</param>
/// <param name="Scope">What the caller needs; null: open to all, forwarded without an identity.</param>
internal sealed record GatewayRoute(string Path, string Service, string? Scope)
{
    /// <summary>Bytes of a request body; null is the default of every service (1 MB).</summary>
    public long? MaxBody { get; init; }

    /// <summary>Only requests with this query parameter; null: all.</summary>
    public string? Query { get; init; }

    public string Id => Query is null ? Path : $"{Path}?{Query}";
}

/// <summary>
/// The routes that are forwarded, to which service, and for which scope. No other route is: a service's new route is
/// public when it stands here, and no earlier. A wildcard stands only for an id that may hold slashes.
/// </summary>
internal static class Routes
{
    public const string ChatApi = "chat-api";
    public const string GpuEngine = "gpu-engine";
    public const string SessionApi = "session-api";
    public const string RoadmapWorker = "roadmap-worker";

    /// <summary>Bytes of a body with a recording or a document.</summary>
    public const long Upload = 32 * 1024 * 1024;

    public static readonly IReadOnlyList<GatewayRoute> All =
    [
        .. Of(ChatApi, Scopes.Chat,
            "/chat", "/chat/{message}/stream", "/chat/{message}/stop",
            "/api/conversations", "/api/conversations/{conversation}", "/api/conversations/{conversation}/messages",
            "/api/conversations/{conversation}/messages/{message}/feedback", "/api/conversations/{conversation}/export",
            "/api/conversations/{conversation}/messages/{message}/moderation/report", "/api/search"),
        .. Of(ChatApi, Scopes.Chat, "/api/images", "/api/images/{image}").Select(route => route with { MaxBody = Upload }),
        .. Of(ChatApi, Scopes.Classes, "/api/classes/{class}/questions"),
        // What moderation withheld, and signs that somebody needs help: for teachers and owners.
        .. Of(ChatApi, Scopes.Classes, "/api/moderation/verdicts", "/api/concerns"),
        .. Of(SessionApi, Scopes.Classes,
            "/api/tenant/policy", "/api/tenant/consents", "/api/tenant/consents/{person}", "/api/classes/{class}/policy",
            "/api/sessions/concerns", "/api/sessions/verdicts"),
        // A client that cannot send headers has a ticket, which the service that issued it verifies.
        new("/chat/{message}/stream", ChatApi, Scope: null) { Query = Tickets.Parameter },

        // The OpenAI-compatible API: a pass-through that stores nothing.
        .. Of(GpuEngine, Scopes.Llm, "/v1/models/{**rest}", "/v1/generations/{generation}"),
        .. Of(GpuEngine, Scopes.Llm, "/v1/chat/completions", "/v1/audio/transcriptions", "/v1/audio/speech", "/v1/moderations")
            .Select(route => route with { MaxBody = Upload }),
        // Live sessions past the tutors, for another web server than ours.
        .. Of(GpuEngine, Scopes.Engine, "/v1/sessions", "/v1/sessions/{session}", "/v1/sessions/{session}/connect"),
        .. Of(GpuEngine, Scopes.Ops, "/v1/engine/state", "/v1/engine/log"),
        // What the doctor asks.
        .. Of(ChatApi, Scopes.Ops, "/chat/trickle"),
        .. Of(GpuEngine, Scopes.Ops, "/v1/engine/trickle"),
        .. Of(SessionApi, Scopes.Ops, "/api/ops/engines"),
        // Live sessions: the engine verifies the token in the query.
        new(SessionSockets.Path, GpuEngine, Scope: null),

        .. Of(SessionApi, Scopes.Tutors, "/api/tutors", "/api/tutors/{tutor}"),
        .. Of(SessionApi, Scopes.Tutors,
            "/api/kb", "/api/kb/{kb}", "/api/kb/{kb}/documents", "/api/kb/{kb}/documents/{document}",
            "/api/kb/{kb}/reindex", "/api/kb/{kb}/search")
            .Select(route => route with { MaxBody = Upload }),
        .. Of(SessionApi, Scopes.Sessions,
            "/api/tutors/{tutor}/sessions", "/api/tutors/sessions/{session}",
            "/api/sessions", "/api/sessions/{session}", "/api/sessions/{session}/connect",
            "/api/sessions/{session}/turns/{turn}/moderation/report"),
        // For signing in, so before there is a token.
        .. Of(SessionApi, scope: null,
            "/api/auth/methods", "/api/auth/register", "/api/auth/login", "/api/auth/refresh", "/api/auth/logout",
            "/api/auth/change-password", "/api/auth/me", "/api/auth/oidc/login", "/api/auth/oidc/callback",
            "/api/auth/invitations", "/api/auth/invitations/{invitation}", "/api/auth/first-password"),
        // For every person, whatever their role; the service asks who it is.
        .. Of(SessionApi, scope: null,
            "/api/me", "/api/me/export", "/api/me/audit", "/api/me/tutors", "/api/me/sign-ins", "/api/me/sign-ins/{sign_in}",
            "/api/me/memberships", "/api/me/memberships/{tenant}",
            "/api/kb/{kb}/documents/{document}/passages", "/api/kb/{kb}/documents/{document}/content",
            "/api/classes", "/api/classes/join", "/api/classes/join/{code}", "/api/classes/{class}", "/api/classes/{class}/leave",
            "/api/classes/{class}/visibility", "/api/classes/{class}/shares"),
        .. Of(SessionApi, Scopes.Classes,
            "/api/tenant", "/api/tenant/retention", "/api/members", "/api/members/{subject}", "/api/members/{subject}/reset",
            "/api/classes/{class}/members", "/api/classes/{class}/members/{subject}", "/api/classes/{class}/students",
            "/api/classes/{class}/students/{subject}/reset", "/api/classes/{class}/shares/{kind}/{thing}",
            "/api/classes/{class}/teachers", "/api/classes/{class}/teachers/{subject}", "/api/classes/{class}/hand-over",
            "/api/classes/{class}/archive", "/api/classes/{class}/archive/content",
            "/api/classes/{class}/transcripts", "/api/classes/{class}/transcripts/{session}"),
        // How far a deletion is, its own address says to who has it.
        .. Of(SessionApi, scope: null, "/api/erasures/{erasure}"),

        .. Of(RoadmapWorker, Scopes.Roadmaps,
            "/api/v1/roadmaps", "/api/v1/roadmaps/generate", "/api/v1/roadmaps/{task}/status",
            "/api/v1/roadmaps/{task}/events", "/api/v1/roadmaps/{task}/result", "/api/v1/roadmaps/{task}/logs",
            "/api/v1/roadmaps/{task}/cancel", "/api/v1/roadmaps/{task}/retry", "/api/v1/roadmaps/{task}/progress",
            "/api/v1/roadmaps/{task}/marks", "/api/v1/roadmaps/{task}/reschedule", "/api/v1/roadmaps/{task}/dates"),
        .. Of(RoadmapWorker, Scopes.Practice,
            "/api/practice/sets", "/api/practice/sets/{set}", "/api/practice/due", "/api/practice/items/{item}",
            "/api/practice/items/{item}/attempts", "/api/practice/tasks", "/api/practice/tasks/{task}/status",
            "/api/practice/tasks/{task}/events", "/api/practice/tasks/{task}/logs", "/api/practice/tasks/{task}/cancel",
            "/api/practice/tasks/{task}/retry"),
        .. Of(RoadmapWorker, Scopes.Classes,
            "/api/classes/{class}/overview", "/api/classes/{class}/students/{student}", "/api/classes/{class}/progress.csv"),
        .. Of(RoadmapWorker, Scopes.Collab,
            "/api/collab", "/api/collab/execute", "/api/collab/{task}", "/api/collab/{task}/events",
            "/api/collab/{task}/logs", "/api/collab/{task}/cancel", "/api/collab/{task}/retry"),
    ];

    /// <summary>Services whose answers may come whole after a long silence; the others stream, with pings.</summary>
    public static bool AnswersWhole(string service) => service == GpuEngine;

    private static IEnumerable<GatewayRoute> Of(string service, string? scope, params string[] paths) =>
        paths.Select(path => new GatewayRoute(path, service, scope));
}
