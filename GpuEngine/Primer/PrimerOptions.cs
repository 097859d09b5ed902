using System.ComponentModel.DataAnnotations;

namespace Lyceum.GpuEngine.Primer;

/// <summary>Primer's settings; configuration section <c>Primer</c>.</summary>
internal sealed class PrimerOptions
{
    public const string Section = "Primer";

    /// <summary>How fast an answer is streamed. 0: as fast as it can be sent.</summary>
    [Range(0, 10_000)]
    public double TokensPerSecond { get; set; } = 40;
}
