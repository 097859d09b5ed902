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

/// <summary>The routes that are forwarded, to which service, and for which scope. No other route is.</summary>
internal static class Routes
{
    public const string ChatApi = "chat-api";
    public const string GpuEngine = "gpu-engine";
    public const string SessionApi = "session-api";
    public const string RoadmapWorker = "roadmap-worker";

    // Recordings and documents.
    private const long Upload = 32 * 1024 * 1024;

    public static readonly IReadOnlyList<GatewayRoute> All =
    [
        new("/chat/{**rest}", ChatApi, Scopes.Chat),
        // A client that cannot send headers has a ticket, which the service that issued it verifies.
        new("/chat/{message}/stream", ChatApi, Scope: null) { Query = Tickets.Parameter },
        new("/api/conversations/{**rest}", ChatApi, Scopes.Chat),

        // The OpenAI-compatible API: a pass-through that stores nothing.
        new("/v1/{**rest}", GpuEngine, Scopes.Llm) { MaxBody = Upload },
        // Live sessions: the engine verifies the token in the query.
        new(SessionSockets.Path, GpuEngine, Scope: null),

        new("/api/tutors/{**rest}", SessionApi, Scopes.Tutors),
        new("/api/tutors/{tutor}/sessions", SessionApi, Scopes.Sessions),
        new("/api/tutors/sessions/{session}", SessionApi, Scopes.Sessions),
        new("/api/kb/{**rest}", SessionApi, Scopes.Tutors) { MaxBody = Upload },
        new("/api/sessions/{**rest}", SessionApi, Scopes.Sessions),
        // For signing in, so before there is a token.
        new("/api/auth/{**rest}", SessionApi, Scope: null),

        new("/api/v1/roadmaps/{**rest}", RoadmapWorker, Scopes.Roadmaps),
        new("/api/collab/{**rest}", RoadmapWorker, Scopes.Collab),
    ];

    /// <summary>Services whose answers may come whole after a long silence; the others stream, with pings.</summary>
    public static bool AnswersWhole(string service) => service == GpuEngine;
}
