using Lyceum.EngineClient;

namespace Lyceum.ChatApi.Images;

/// <summary>Bounds of the images with questions, section <c>Images</c>; others are in <see cref="ImageLimits"/>.</summary>
public sealed class ImageOptions
{
    public const string Section = "Images";

    /// <summary>Images that a person may have; more get 409 until some are deleted, with their conversations.</summary>
    public int MaxImages { get; set; } = 1000;

    /// <summary>Bytes of a person's images, as they are stored; more get 409.</summary>
    public long MaxBytes { get; set; } = 200L * 1024 * 1024;

    /// <summary>Pixels of an upload, known before it is decoded; more get 413. Decoding takes four bytes for each.</summary>
    public long MaxPixels { get; set; } = 50_000_000;

    /// <summary>Uploads of a replica that wait to be decoded, the one that is among them; more get 429.</summary>
    public int MaxWaiting { get; set; } = 16;

    /// <summary>How long an upload waits to be decoded; then it gets 503.</summary>
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>How long an image that no question uses is kept.</summary>
    public TimeSpan UnusedFor { get; set; } = TimeSpan.FromDays(1);

    /// <summary>Questions with images that a replica puts to engines at once, 5 MiB each; more wait.</summary>
    public int MaxAsking { get; set; } = 32;
}
