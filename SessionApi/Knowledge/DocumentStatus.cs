namespace Lyceum.SessionApi.Knowledge;

/// <summary>What has become of a document: <c>queued → reading → indexing → ready</c>, or <c>failed</c> from any of them.</summary>
internal static class DocumentStatus
{
    /// <summary>Stored, and waiting for its turn; also again, where whoever read it has ended.</summary>
    public const string Queued = "queued";

    /// <summary>Its text is being read out of it.</summary>
    public const string Reading = "reading";

    /// <summary>Its passages are being stored.</summary>
    public const string Indexing = "indexing";

    /// <summary>It can be found.</summary>
    public const string Ready = "ready";

    /// <summary>It cannot be read; <c>failure</c> and <c>detail</c> say why. Its bytes are not kept.</summary>
    public const string Failed = "failed";
}
