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

    public ProblemHttpResult ToResult() => Problems.Create(
        Status, Code, Message, RetryAfter is { } wait ? Problems.RetryAfter(wait) : null);
}
