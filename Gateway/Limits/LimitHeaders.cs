using System.Globalization;
using System.Text;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// The limits in response headers: <c>RateLimit-Policy</c> and <c>RateLimit</c> of
/// draft-ietf-httpapi-ratelimit-headers-10, all policies, and for clients of the drafts before it
/// <c>RateLimit-Limit</c>, <c>-Remaining</c> and <c>-Reset</c> (seconds) of the tightest.
/// </summary>
internal static class LimitHeaders
{
    /// <param name="Name">Printable ASCII, no quotes: it becomes a structured string.</param>
    /// <param name="Quota">Units in all.</param>
    /// <param name="Window">After which all of them are available again.</param>
    /// <param name="Remaining">Units left.</param>
    /// <param name="Reset">Until more are available.</param>
    public readonly record struct Policy(string Name, long Quota, TimeSpan Window, long Remaining, TimeSpan Reset);

    public static Policy Of(RateRule rule, BucketLevel level) => new(
        rule.Route, rule.Size, TimeSpan.FromSeconds(rule.Size / rule.Rate), level.Remaining, level.Taken ? level.Full : level.Wait);

    public static void Write(HttpResponse response, IReadOnlyList<Policy> policies)
    {
        var (limit, policy) = (new StringBuilder(), new StringBuilder());
        var tightest = policies[0];
        foreach (var one in policies)
        {
            if (limit.Length > 0)
            {
                limit.Append(", ");
                policy.Append(", ");
            }
            limit.Append(CultureInfo.InvariantCulture, $"\"{one.Name}\";r={one.Remaining};t={Seconds(one.Reset)}");
            policy.Append(CultureInfo.InvariantCulture, $"\"{one.Name}\";q={one.Quota};w={Seconds(one.Window)}");
            if (one.Remaining < tightest.Remaining)
                tightest = one;
        }

        var headers = response.Headers;
        headers["RateLimit-Policy"] = policy.ToString();
        headers["RateLimit"] = limit.ToString();
        headers["RateLimit-Limit"] = tightest.Quota.ToString(CultureInfo.InvariantCulture);
        headers["RateLimit-Remaining"] = tightest.Remaining.ToString(CultureInfo.InvariantCulture);
        headers["RateLimit-Reset"] = Seconds(tightest.Reset).ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Rounded up, so that a client that waits so long succeeds.</summary>
    public static long Seconds(TimeSpan span) => (long)Math.Ceiling(span.TotalSeconds);
}
