using System.Globalization;
using System.Text.Json;

namespace Lyceum.Client;

/// <summary>
/// A request that was refused. Branch on <see cref="Code"/>, which is stable; <see cref="Exception.Message"/> is for people.
/// A gateway that could not be reached is an <see cref="HttpRequestException"/>.
/// </summary>
public sealed class LyceumException : Exception
{
    private const int LongestShown = 300; // characters of a page that is no problem document

    internal LyceumException(
        string message, int statusCode, string? response, IReadOnlyDictionary<string, IEnumerable<string>> headers, Exception? inner)
        : this(statusCode, response, Seconds(headers), ReadProblem(response), message, inner)
    {
    }

    private LyceumException(
        int statusCode, string? response, TimeSpan? retryAfter, Problem? problem, string message, Exception? inner)
        : base(Describe(statusCode, response, problem, message), inner)
    {
        (StatusCode, Problem) = (statusCode, problem);
        RetryAfter = problem?.RetryAfter is { } seconds ? TimeSpan.FromSeconds(seconds) : retryAfter;
    }

    /// <summary>The HTTP status.</summary>
    public int StatusCode { get; }

    /// <summary>The problem document's <c>code</c>; null where something on the way answered, such as a proxy.</summary>
    public string? Code => Problem?.Code;

    /// <summary>The whole problem document.</summary>
    public Problem? Problem { get; }

    /// <summary>How long to wait before the next attempt, if the server says so.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>
    /// The same request may succeed later, without a change. Not where somebody must do something first: a budget that is used up,
    /// a limit, too many wrong passwords.
    /// </summary>
    public bool IsTransient =>
        (StatusCode is 408 or 429 || StatusCode >= 500)
        && StatusCode != 501
        && Code is not ("budget_exhausted" or "limit_reached" or "moderation_unavailable" or "too_many_attempts");

    internal static async Task<LyceumException> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var text = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
        return new((int)response.StatusCode, text, Wait(response), ReadProblem(text), "", null);
    }

    /// <summary>A proxy on the way says it in the header only; there it may be a date.</summary>
    private static TimeSpan? Wait(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date > DateTimeOffset.UtcNow => date - DateTimeOffset.UtcNow,
        _ => null,
    };

    private static TimeSpan? Seconds(IReadOnlyDictionary<string, IEnumerable<string>> headers) =>
        headers.TryGetValue("Retry-After", out var values)
        && int.TryParse(values.FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? TimeSpan.FromSeconds(seconds)
            : null;

    private static Problem? ReadProblem(string? response)
    {
        try
        {
            return response is ['{', ..] && JsonSerializer.Deserialize<Problem>(response, Json.Options) is { Code: not null } problem
                ? problem
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Describe(int status, string? response, Problem? problem, string message) =>
        problem is not null ? $"{status} {problem.Code}: {problem.Detail}"
        : string.IsNullOrEmpty(response) ? $"{status}: {(message.Length > 0 ? message : "without an explanation")}"
        : $"{status}: {response[..Math.Min(response.Length, LongestShown)]}";
}
