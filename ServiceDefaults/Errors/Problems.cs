using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.ServiceDefaults.Errors;

/// <summary>
/// Expected failures as results: RFC 9457 problem documents with a stable <c>code</c>. <c>trace_id</c>, and the
/// <c>Retry-After</c> header of those that carry <c>retry_after</c>, are added when they are written.
/// </summary>
public static class Problems
{
    /// <summary>Member with the seconds to wait; mirrored in the <c>Retry-After</c> header.</summary>
    internal const string RetryAfterMember = "retry_after";

    /// <summary>What a caller waits after an outage: short, because services notice a return within seconds.</summary>
    public static readonly TimeSpan DefaultRetryAfter = TimeSpan.FromSeconds(2);

    /// <param name="status">HTTP status, 400-599.</param>
    /// <param name="code">One of <see cref="ErrorCodes"/>.</param>
    /// <param name="detail">For people; says what to do. Never internals.</param>
    /// <param name="extensions">Further members, snake_case, none of a name that the format has itself.</param>
    public static ProblemHttpResult Create(
        int status, string code, string detail, IEnumerable<KeyValuePair<string, object?>>? extensions = null) =>
        TypedResults.Problem(detail, statusCode: status, extensions: [new("code", code), .. (extensions ?? []).Select(Further)]);

    public static ProblemHttpResult BadRequest(string detail, string code = ErrorCodes.InvalidRequest) =>
        Create(StatusCodes.Status400BadRequest, code, detail);

    /// <summary>Not there, or not the caller's: the two are never distinguished.</summary>
    public static ProblemHttpResult NotFound(string code, string detail) =>
        Create(StatusCodes.Status404NotFound, code, detail);

    public static ProblemHttpResult Conflict(string code, string detail) =>
        Create(StatusCodes.Status409Conflict, code, detail);

    /// <summary>503 with <c>Retry-After</c>: something this needs is away.</summary>
    public static ProblemHttpResult Unavailable(string code, string detail, TimeSpan? retryAfter = null) =>
        Create(StatusCodes.Status503ServiceUnavailable, code, detail, RetryAfter(retryAfter ?? DefaultRetryAfter));

    /// <summary>429 with <c>Retry-After</c>: a stated limit is reached.</summary>
    public static ProblemHttpResult Overloaded(string detail, TimeSpan? retryAfter = null) =>
        Create(StatusCodes.Status429TooManyRequests, ErrorCodes.Overloaded, detail, RetryAfter(retryAfter ?? DefaultRetryAfter));

    /// <summary>Whole seconds, rounded up: the header knows no fractions, and 0 would invite a storm.</summary>
    internal static KeyValuePair<string, object?>[] RetryAfter(TimeSpan wait) =>
        [new(RetryAfterMember, Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)))];

    private static KeyValuePair<string, object?> Further(KeyValuePair<string, object?> member) =>
        member.Key is "type" or "title" or "status" or "detail" or "instance" or "code"
            ? throw new ArgumentException($"A problem has a member {member.Key} already.")
            : member;
}
