namespace Lyceum.EngineClient;

/// <summary>
/// Bounds of images with a question. What a model is shown of them fits, as data URLs, into the 4 MiB that an engine takes of a
/// request.
/// </summary>
public static class ImageLimits
{
    /// <summary>With one question; also of all that a model is shown of a conversation at once.</summary>
    public const int PerQuestion = 5;

    /// <summary>Bytes of one as it is uploaded.</summary>
    public const int UploadBytes = 8 * 1024 * 1024;

    /// <summary>Bytes of one as it is stored and shown to a model.</summary>
    public const int StoredBytes = 500_000;
}
