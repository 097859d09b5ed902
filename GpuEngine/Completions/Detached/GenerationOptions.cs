using System.ComponentModel.DataAnnotations;

namespace Lyceum.GpuEngine.Completions.Detached;

/// <summary>What is kept of detached generations; configuration section <c>Engine</c>.</summary>
internal sealed class GenerationOptions
{
    /// <summary>Generations kept at once, running ones included. One more evicts the one that ended first.</summary>
    [Range(1, 1_000_000)]
    public int MaxKeptGenerations { get; set; } = 5_000;

    /// <summary>Bytes of text buffers of all generations. Beyond it those that ended first are evicted.</summary>
    [Range(1, long.MaxValue)]
    public long MaxKeptBytes { get; set; } = 256L * 1024 * 1024;

    /// <summary>UTF-8 bytes of one generation's text. A longer one is cut there and ends with <c>finish_reason: length</c>.</summary>
    [Range(1, 256 * 1024 * 1024)]
    public int MaxGenerationBytes { get; set; } = 2 * 1024 * 1024;

    /// <summary>How long a generation can be read after its end.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "1.00:00:00")]
    public TimeSpan KeepFor { get; set; } = TimeSpan.FromMinutes(10);
}
