using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.Text.Moderation;

namespace Lyceum.GpuEngine.Sessions.Settings;

/// <summary>What a session was made with.</summary>
/// <param name="Voice">Speaks where the client asks for no other; null: the speech server's own choice.</param>
internal sealed record SessionSetup(
    string Id, string Tenant, string Owner, long TutorId, string StudentId, string? KbId, string? Instructions,
    string? Language, IReadOnlyList<ChatMessage> History, RetrievalSource? Retrieval, string? Voice = null)
{
    /// <summary>How its questions and answers are judged, which may change while it is open.</summary>
    public SessionPolicy Policy { get; init; } = new(null, null);

    /// <summary>As whom it takes its part of what all sessions use.</summary>
    public Sharer Sharer { get; init; } = new(Tenant, Owner);
}

/// <summary>How a session's turns are judged. Used by one turn at a time.</summary>
/// <param name="first">At first; null: not at all.</param>
/// <param name="source">Says what holds from then on; null: the first, for as long as the session lives.</param>
internal sealed class SessionPolicy(ModerationPolicy? first, PolicySource? source)
{
    public PolicySource? Source => source;

    /// <summary>As it was read last.</summary>
    public ModerationPolicy? Current { get; set; } = first;

    /// <summary>
    /// When it was read, or tried to (<see cref="TimeProvider"/>'s timestamp); 0: not since the session was made.
    /// </summary>
    public long ReadAt { get; set; }
}

/// <summary>Where a session's policy is read; named by the service that made the session.</summary>
/// <param name="Url">Answers <c>GET</c> with <c>{"moderation": …}</c>, as a session is made with.</param>
/// <param name="Token">Sent as bearer token.</param>
internal sealed record PolicySource(Uri Url, string Token);

/// <summary>Where a session's knowledge is searched; named by the service that made the session.</summary>
/// <param name="Url">
/// Answers <c>POST {"query","limit"}</c> with <c>{"passages":[{"id","title","text","source"}]}</c>.
/// </param>
/// <param name="Token">Sent as bearer token.</param>
internal sealed record RetrievalSource(Uri Url, string Token);
