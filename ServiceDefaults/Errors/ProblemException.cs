using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.ServiceDefaults.Errors;

/// <summary>
/// A failure that leaves a handler from deep inside and still is a proper problem document. Expected outcomes are
/// results (<see cref="Problems"/>); this is for where a result cannot be returned.
/// </summary>
public sealed class ProblemException(int status, string code, string detail, TimeSpan? retryAfter = null)
    : Exception(detail)
{
    /// <summary>HTTP status.</summary>
    public int Status { get; } = status;

    /// <summary>One of <see cref="ErrorCodes"/>.</summary>
    public string Code { get; } = code;

    public TimeSpan? RetryAfter { get; } = retryAfter;

    /// <summary>Further members, snake_case.</summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Extensions { get; init; } = [];

    public ProblemHttpResult ToResult() => Problems.Create(
        Status, Code, Message, [.. Extensions, .. RetryAfter is { } wait ? Problems.RetryAfter(wait) : []]);
}
