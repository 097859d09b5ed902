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
    /// <summary>How its questions and answers are judged; null: not at all.</summary>
    public ModerationPolicy? Moderation { get; init; }

    /// <summary>As whom it takes its part of what all sessions use.</summary>
    public Sharer Sharer { get; init; } = new(Tenant, Owner);
}

/// <summary>Where a session's knowledge is searched; named by the service that made the session.</summary>
/// <param name="Url">
/// Answers <c>POST {"query","limit"}</c> with <c>{"passages":[{"id","title","text","source"}]}</c>.
/// </param>
/// <param name="Token">Sent as bearer token.</param>
internal sealed record RetrievalSource(Uri Url, string Token);
