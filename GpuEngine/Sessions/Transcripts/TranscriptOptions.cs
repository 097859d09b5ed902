using System.ComponentModel.DataAnnotations;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>The local transcript log; configuration section <c>Engine:Transcripts</c>.</summary>
public sealed class TranscriptOptions
{
    public const string Section = "Engine:Transcripts";

    /// <summary>Where the log lies; one engine at a time. On a disk that outlives the process.</summary>
    public string Folder { get; set; } = Path.Combine(".lyceum", "transcripts");

    /// <summary>Bytes after which a new file is begun; files are deleted whole.</summary>
    [Range(4 * 1024, 1024 * 1024 * 1024)]
    public int SegmentBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>
    /// Bytes on disk. Reached with a forwarder: nothing more is recorded, so nothing more is said (<c>transcript_unavailable</c>),
    /// until some is forwarded. Without one, where nobody waits for them, the oldest files go.
    /// </summary>
    [Range(64 * 1024, long.MaxValue)]
    public long MaxBytes { get; set; } = 1024L * 1024 * 1024;

    /// <summary>What was forwarded is sent again when nothing was answered for so long; doubling to a minute.</summary>
    public TimeSpan ResendAfter { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long records wait for others to go with them: they are safe here, and each message costs its keeper a commit.</summary>
    public TimeSpan Gather { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Records forwarded and not answered; no more are sent meanwhile.</summary>
    [Range(1, 1_000_000)]
    public int Window { get; set; } = 20_000;
}
