using System.ComponentModel.DataAnnotations;

namespace Lyceum.GpuEngine.Completions.Answers;

/// <summary>Limits of this engine; configuration section <c>Engine</c>.</summary>
internal sealed class EngineOptions
{
    public const string Section = "Engine";

    /// <summary>
    /// Completions running at once. One more is rejected with 429 and Retry-After: it is never queued.
    /// </summary>
    [Range(1, 1_000_000)]
    public int MaxRunning { get; set; } = 2_000;
}
