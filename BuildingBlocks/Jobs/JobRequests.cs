using System.Globalization;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Jobs;

/// <summary>Headers of requests for tasks of every kind.</summary>
public static class JobRequests
{
    /// <summary>The last event a reader has: <c>Last-Event-ID</c>, or <c>?after=</c>; 0 without either.</summary>
    /// <returns>Null: it has seen the task's end.</returns>
    /// <exception cref="ProblemException">400 <c>invalid_cursor</c>.</exception>
    public static int? EventsAfter(HttpRequest http, JobView task)
    {
        var text = http.Headers["Last-Event-ID"].FirstOrDefault() is { Length: > 0 } id ? id : http.Query["after"].FirstOrDefault();
        var after = 0;
        if (!string.IsNullOrEmpty(text) && !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out after))
            throw new ProblemException(400, ErrorCodes.InvalidCursor, "Last-Event-ID (or after) must be the id of an event of this task.");
        if (after > task.Seq)
            throw new ProblemException(400, ErrorCodes.InvalidCursor, $"{after} is not an event of this task: it has {task.Seq}.");
        return after == task.Seq && JobStatus.IsTerminal(task.Status) ? null : after;
    }
}
