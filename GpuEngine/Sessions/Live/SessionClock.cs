using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Settings;

namespace Lyceum.GpuEngine.Sessions.Live;

/// <summary>
/// A session's two timeouts, of its whole life and of its idleness, and the warnings before them. Safe for use from any
/// thread.
/// </summary>
internal sealed class SessionClock(LiveSessionOptions options, TimeProvider time)
{
    private readonly Lock _lock = new(); // guards all below but CreatedAt
    private long _activeAt = time.GetTimestamp();
    private bool _warnedIdle;
    private bool _warnedEnd;

    public DateTimeOffset CreatedAt { get; } = time.GetUtcNow();

    public DateTimeOffset ExpiresAt => CreatedAt + options.Timeout;

    /// <summary>The session is active.</summary>
    public void Touch()
    {
        lock (_lock)
            _activeAt = time.GetTimestamp();
    }

    /// <summary>The client sent a message or spoke: it may be warned of its idleness again.</summary>
    public void TouchByClient()
    {
        lock (_lock)
            (_activeAt, _warnedIdle) = (time.GetTimestamp(), false);
    }

    /// <summary>Which timeout is reached, or null; or a warning that is due.</summary>
    public string? Check(out SessionWarning? warning)
    {
        warning = null;
        lock (_lock)
        {
            var idle = options.IdleTimeout - time.GetElapsedTime(_activeAt);
            var life = ExpiresAt - time.GetUtcNow();
            if (life <= TimeSpan.Zero || idle <= TimeSpan.Zero)
                return life <= TimeSpan.Zero ? "session_timeout" : "idle_timeout";
            if (!_warnedEnd && life <= options.WarningFor(options.Timeout))
            {
                _warnedEnd = true;
                warning = new SessionWarning("session_timeout", life);
            }
            else if (!_warnedIdle && idle <= options.WarningFor(options.IdleTimeout) && idle < life)
            {
                _warnedIdle = true;
                warning = new SessionWarning("idle_timeout", idle);
            }
            return null;
        }
    }
}
