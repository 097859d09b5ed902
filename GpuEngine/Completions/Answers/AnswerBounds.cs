using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.GpuEngine.Completions.Answers;

/// <summary>
/// The bounds of one answer in time (rule 4): first token, between tokens, the whole. Every wait for a model goes through
/// <c>WaitAsync</c>; <see cref="Token"/> fires when the client leaves or when any bound is reached, so that
/// what the answer occupies is freed at once.
/// </summary>
internal sealed class AnswerBounds : IDisposable
{
    private readonly AnswersOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationToken _gone;
    private readonly CancellationTokenSource _cancel;
    private readonly CancellationTokenRegistration _registration;
    private readonly long _start;
    private long _lastToken;
    private bool _answering;

    public AnswerBounds(AnswersOptions options, TimeProvider time, CancellationToken gone)
    {
        (_options, _time, _gone) = (options, time, gone);
        _start = _lastToken = time.GetTimestamp();
        // The whole answer's bound also covers what is not a wait for the model, as a client that reads too slowly.
        _cancel = new CancellationTokenSource(options.MaxDuration, time);
        _registration = gone.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _cancel);
    }

    public CancellationToken Token => _cancel.Token;

    public bool ClientGone => _gone.IsCancellationRequested;

    /// <summary>Since the request came.</summary>
    public TimeSpan Elapsed => _time.GetElapsedTime(_start);

    /// <summary>The wait for a token begins anew; true for the first one.</summary>
    public bool TokenArrived()
    {
        _lastToken = _time.GetTimestamp();
        var first = !_answering;
        _answering = true;
        return first;
    }

    /// <summary>
    /// Awaits a result of the model, which must honour <see cref="Token"/>, within the bounds; calls
    /// <paramref name="ping"/> each time nothing came for as long as a stream may be silent.
    /// </summary>
    /// <exception cref="ApiException">A bound was reached; the pending work has been cancelled and has ended.</exception>
    public ValueTask<T> WaitAsync<T>(ValueTask<T> pending, Func<ValueTask>? ping = null) =>
        pending.IsCompleted ? pending : WaitAsync(pending.AsTask(), ping);

    /// <summary>
    /// The error to answer with: a cancellation by <see cref="Token"/> means that the whole answer was late.
    /// </summary>
    public ApiError Explain(Exception failure) =>
        failure is OperationCanceledException && Token.IsCancellationRequested
            ? WholeLate(_options)
            : ApiError.From(failure);

    public static ApiError WholeLate(AnswersOptions options) => ApiError.Server(
        504, "max_duration", $"The answer took longer than {options.MaxDuration.TotalSeconds:0.###} s (Answers:MaxDuration).");

    public static ApiError TokenLate(AnswersOptions options, bool answering) => answering
        ? ApiError.Server(504, "token_timeout", $"The model fell silent for {options.BetweenTokens.TotalSeconds:0.###} s amid its answer.")
        : ApiError.Server(504, "first_token_timeout", $"The model did not begin to answer within {options.FirstToken.TotalSeconds:0.###} s.");

    public void Dispose()
    {
        _registration.Dispose();
        _cancel.Dispose();
    }

    private async ValueTask<T> WaitAsync<T>(Task<T> pending, Func<ValueTask>? ping)
    {
        while (true)
        {
            var remaining = Limit - _time.GetElapsedTime(_lastToken);
            if (remaining <= TimeSpan.Zero)
            {
                await EndAsync(pending);
                throw new ApiException(TokenLate(_options, _answering));
            }
            var pingFirst = ping is not null && _options.Ping < remaining;
            try
            {
                return await pending.WaitAsync(pingFirst ? _options.Ping : remaining, _time);
            }
            catch (TimeoutException) when (!pending.IsFaulted)
            {
                if (pingFirst)
                    await ping!();
            }
        }
    }

    private TimeSpan Limit => _answering ? _options.BetweenTokens : _options.FirstToken;

    // The pending work owns buffers and connections: it has to end before they are released.
    private async Task EndAsync<T>(Task<T> pending)
    {
        await _cancel.CancelAsync();
        await ((Task)pending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (pending.IsCompletedSuccessfully)
            (await pending as IDisposable)?.Dispose();
    }
}
