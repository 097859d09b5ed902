using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.GpuEngine.Completions.Detached;

/// <summary>
/// The bounds of a detached generation in time: first token, between tokens, the whole. A token only stores the time;
/// the one timer reads it when it fires and is set again for what remains.
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
        _timer = time.CreateTimer(
            static me => ((GenerationDeadline)me!).Check(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Check();
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
        Check(); // from now on another limit holds, which may be nearer than the one the timer waits for
        return true;
    }

    public void Dispose() => _timer.Dispose();

    private void Check()
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
            // A timer counts whole milliseconds: rounded up, or it would fire too early.
            var remaining = Math.Ceiling(Math.Min(token.TotalMilliseconds, whole.TotalMilliseconds));
            _timer.Change(TimeSpan.FromMilliseconds(remaining), Timeout.InfiniteTimeSpan);
        }
    }
}
