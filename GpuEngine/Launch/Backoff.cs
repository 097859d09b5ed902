namespace Lyceum.GpuEngine.Launch;

/// <summary>
/// How long to wait before the next start: doubling while it keeps ending early, the minimum again after a long run.
/// </summary>
internal sealed class Backoff(LaunchOptions options)
{
    private TimeSpan _next = options.MinBackoff;

    /// <param name="ready">How long the run that has ended was ready.</param>
    public TimeSpan After(TimeSpan ready)
    {
        var wait = ready >= options.WellAfter ? options.MinBackoff : _next;
        _next = wait * 2 < options.MaxBackoff ? wait * 2 : options.MaxBackoff;
        return wait;
    }
}
