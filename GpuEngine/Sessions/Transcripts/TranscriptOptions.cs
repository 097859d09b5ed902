using System.ComponentModel.DataAnnotations;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>The local transcript log; configuration section <c>Engine:Transcripts</c>.</summary>
internal sealed class TranscriptOptions
{
    public const string Section = "Engine:Transcripts";

    /// <summary>Where the log lies; one engine at a time. On a disk that outlives the process.</summary>
    public string Folder { get; set; } = Path.Combine(".lyceum", "transcripts");

    /// <summary>Bytes after which a new file is begun; files are deleted whole.</summary>
    [Range(4 * 1024, 1024 * 1024 * 1024)]
    public int SegmentBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>
    /// Bytes on disk. Reached with a forwarder: nothing more is recorded, so nothing more is said (<c>transcript_unavailable</c>),
    /// until some is forwarded. Without one the oldest files are deleted.
    /// </summary>
    [Range(64 * 1024, long.MaxValue)]
    public long MaxBytes { get; set; } = 1024L * 1024 * 1024;

    /// <summary>What was forwarded is sent again when no answer came for so long; doubling to a minute.</summary>
    public TimeSpan ResendAfter { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long records wait to share a message: they are durable here, and each message costs its receiver a commit.
    /// </summary>
    public TimeSpan Gather { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Records forwarded and not answered; no more are sent meanwhile.</summary>
    [Range(1, 1_000_000)]
    public int Window { get; set; } = 20_000;
}
