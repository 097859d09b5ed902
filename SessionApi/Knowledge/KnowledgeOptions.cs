namespace Lyceum.SessionApi.Knowledge;

/// <summary>Bounds of knowledge bases, section <c>Knowledge</c>.</summary>
public sealed class KnowledgeOptions
{
    public const string Section = "Knowledge";

    /// <summary>Bytes of one document; larger ones get 413.</summary>
    public int MaxDocumentBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>CPU time of reading one document; one that takes longer gets 400.</summary>
    public TimeSpan MaxReadingTime { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Documents of one knowledge base.</summary>
    public int MaxDocuments { get; set; } = 1000;

    /// <summary>UTF-8 bytes of all documents of one tenant; a document beyond them gets 409.</summary>
    public long MaxBytes { get; set; } = 1024 * 1024 * 1024;

    /// <summary>Passages of all documents of one tenant: short ones cost more than their bytes.</summary>
    public int MaxPassages { get; set; } = 500_000;

    /// <summary>Knowledge bases of one tenant.</summary>
    public int MaxKnowledgeBases { get; set; } = 100;
}
