using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>Where a session's knowledge is searched; whoever makes the session says so, the engine knows nobody by name.</summary>
/// <param name="Url">Answers <c>POST {"query","limit"}</c> with <c>{"passages":[{"id","title","text","source"}]}</c>.</param>
/// <param name="Token">Sent as bearer token.</param>
internal sealed record RetrievalSource(Uri Url, string Token);

/// <summary>Finds passages for a question.</summary>
internal interface IRetrieval
{
    /// <returns>Best first; null where the search failed, which a turn survives.</returns>
    Task<IReadOnlyList<GivenPassage>?> SearchAsync(RetrievalSource source, string question, CancellationToken cancel);
}
