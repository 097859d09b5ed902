using System.Diagnostics;

namespace Lyceum.Durability.Work;

/// <summary>The trace in which a piece of work was asked for, as it is stored with the work: W3C
/// <c>traceparent</c>.</summary>
public static class Traceparent
{
    /// <summary>Of the present activity; null without one.</summary>
    public static string? Current => Activity.Current?.Id;

    /// <summary>The trace to go on with; the default, a new trace, where none is stored.</summary>
    public static ActivityContext Parse(string? stored) =>
        ActivityContext.TryParse(stored, null, isRemote: true, out var context) ? context : default;
}
