namespace Lyceum.ServiceDefaults.OpenApi;

/// <summary>A problem document (RFC 9457): what every failure is answered with.</summary>
public record Problem
{
    /// <summary>A reference to the status' definition.</summary>
    public string Type { get; init; } = "";

    /// <summary>The status in words.</summary>
    public string Title { get; init; } = "";

    /// <summary>The HTTP status.</summary>
    public int Status { get; init; }

    /// <summary>For people: what is wrong, and what to do.</summary>
    public string Detail { get; init; } = "";

    /// <summary>Stable: programs branch on it.</summary>
    public string Code { get; init; } = "";

    /// <summary>Finds the request in logs and traces.</summary>
    public string TraceId { get; init; } = "";

    /// <summary>Seconds to wait; also the header <c>Retry-After</c>.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>The scope that the caller lacks.</summary>
    public string? RequiredScope { get; init; }

    /// <summary>What has come in the place of what was named.</summary>
    public Guid? SupersededBy { get; init; }

    /// <summary>What is wrong with the body, by field, all of it.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>>? Errors { get; init; }
}
