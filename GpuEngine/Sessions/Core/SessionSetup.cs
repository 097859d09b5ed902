using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>What a session was made with.</summary>
/// <param name="Voice">Speaks where the client asks for no other; null: the speech server's own choice.</param>
internal sealed record SessionSetup(
    string Id, string Tenant, string Owner, long TutorId, string StudentId, string? KbId, string? Instructions, string? Language,
    IReadOnlyList<ChatMessage> History, RetrievalSource? Retrieval, string? Voice = null);

/// <summary>What a session has its work done by.</summary>
internal sealed record SessionWorkers(TurnWriter Writer, Speaker Speaker, Listener Listener);
