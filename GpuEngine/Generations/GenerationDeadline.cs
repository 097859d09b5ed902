using Lyceum.GpuEngine.Completions;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.GpuEngine.Generations;

/// <summary>
/// The bounds of a detached generation in time: first token, between tokens, the whole. A token only notes the time; the
/// one timer looks at it when it fires and sets itself anew for what is left.
/// </summary>
internal sealed class GenerationDeadline : IDisposable
{
    private readonly AnswersOptions _options;
    private readonly TimeProvider _time;
    private readonly Action<ApiError> _reached;
    private readonly ITimer _timer;
    private readonly long _start;
    private long _lastToken;          // written by the generation, read by the timer
    private volatile bool _answering; // likewise

    /// <param name="reached">Called once or more after a bound was reached, on the timer's thread.</param>
    public GenerationDeadline(AnswersOptions options, TimeProvider time, Action<ApiError> reached)
    {
        (_options, _time, _reached) = (options, time, reached);
        _start = _lastToken = time.GetTimestamp();
        _timer = time.CreateTimer(static me => ((GenerationDeadline)me!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Look();
    }

    /// <summary>Since the generation began.</summary>
    public TimeSpan Elapsed => _time.GetElapsedTime(_start);

    /// <summary>The wait for a token begins anew; true for the first one.</summary>
    public bool TokenArrived()
    {
        Volatile.Write(ref _lastToken, _time.GetTimestamp());
        if (_answering)
            return false;
        _answering = true;
        Look(); // from now on another limit holds, which may be nearer than the one the timer waits for
        return true;
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        var answering = _answering;
        var token = (answering ? _options.BetweenTokens : _options.FirstToken) - _time.GetElapsedTime(Volatile.Read(ref _lastToken));
        var whole = _options.MaxDuration - Elapsed;
        if (whole <= TimeSpan.Zero)
        {
            _reached(AnswerBounds.WholeLate(_options));
        }
        else if (token <= TimeSpan.Zero)
        {
            _reached(AnswerBounds.TokenLate(_options, answering));
        }
        else
        {
            // A timer counts whole milliseconds; the next one up, or it would fire early and find a moment left.
            var left = TimeSpan.FromMilliseconds(Math.Ceiling(Math.Min(token.TotalMilliseconds, whole.TotalMilliseconds)));
            _timer.Change(left, Timeout.InfiniteTimeSpan);
        }
    }
}
