namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>A session's two times, its whole life and its idleness, and the warnings before them. The session's lock guards it.</summary>
internal sealed class SessionClock(SessionOptions options, TimeProvider time)
{
    private long _activeAt = time.GetTimestamp();
    private bool _warnedIdle;
    private bool _warnedEnd;

    public DateTimeOffset CreatedAt { get; } = time.GetUtcNow();

    public DateTimeOffset ExpiresAt => CreatedAt + options.Timeout;

    /// <summary>Something goes on.</summary>
    public void Touch() => _activeAt = time.GetTimestamp();

    /// <summary>The client said something: it may be warned of its idleness again.</summary>
    public void Heard()
    {
        Touch();
        _warnedIdle = false;
    }

    /// <summary>Why the session's time is over, or null; or a warning that is due.</summary>
    public string? Look(out SessionWarning? warning)
    {
        warning = null;
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
