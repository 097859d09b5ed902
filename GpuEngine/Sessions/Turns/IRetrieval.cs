using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Sessions.Settings;

namespace Lyceum.GpuEngine.Sessions.Turns;

/// <summary>Finds passages for a question.</summary>
internal interface IRetrieval
{
    /// <returns>Best first; null where the search failed, which a turn survives.</returns>
    Task<IReadOnlyList<GivenPassage>?> SearchAsync(RetrievalSource source, string question, CancellationToken cancel);
}
