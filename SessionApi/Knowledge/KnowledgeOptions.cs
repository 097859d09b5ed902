namespace Lyceum.SessionApi.Knowledge;

/// <summary>Bounds of knowledge bases, section <c>Knowledge</c>.</summary>
public sealed class KnowledgeOptions
{
    public const string Section = "Knowledge";

    /// <summary>Bytes of one text (Markdown, plain text, HTML); larger ones get 413.</summary>
    public int MaxDocumentBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>Bytes of one PDF, DOCX or PPTX; larger ones get 413.</summary>
    public int MaxFileBytes { get; set; } = 30 * 1024 * 1024;

    /// <summary>Pages or slides of one file; one with more fails.</summary>
    public int MaxPages { get; set; } = 2000;

    /// <summary>Time of reading one file, of its process' own and by the clock; one that takes longer fails.</summary>
    public TimeSpan MaxFileReadingTime { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>CPU time of reading one text; one that takes longer gets 400.</summary>
    public TimeSpan MaxReadingTime { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Documents of one knowledge base.</summary>
    public int MaxDocuments { get; set; } = 1000;

    /// <summary>
    /// Bytes of all documents of one tenant, of files also those of their text; a document beyond them gets 409.
    /// </summary>
    public long MaxBytes { get; set; } = 1024 * 1024 * 1024;

    /// <summary>Passages of all documents of one tenant: short ones cost more than their bytes.</summary>
    public int MaxPassages { get; set; } = 500_000;

    /// <summary>Knowledge bases of one tenant.</summary>
    public int MaxKnowledgeBases { get; set; } = 100;
}
