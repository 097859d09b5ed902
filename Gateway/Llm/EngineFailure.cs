using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Llm;

/// <summary>
/// An engine's failure as the caller gets it: a status before the answer has begun, an <c>error</c> event after.
/// </summary>
internal static class EngineFailure
{
    private static ProblemException From(EngineError error, TimeSpan? retryAfter) => error switch
    {
        { Status: 404, Code: ErrorCodes.ModelNotFound } => new(404, ErrorCodes.ModelNotFound, error.Message),
        { Status: 400 or 404 or 413 or 422 } => new(400, ErrorCodes.InvalidRequest, error.Message),
        { Status: 429 } => new(429, ErrorCodes.Overloaded, error.Message, retryAfter ?? Problems.DefaultRetryAfter),
        { Status: 503 } => new(503, ErrorCodes.EngineUnavailable, error.Message, retryAfter ?? Problems.DefaultRetryAfter),
        { Status: 504 } => new(504, ErrorCodes.Timeout, error.Message),
        _ when error.IsTimeout => new(504, ErrorCodes.Timeout, error.Message),
        _ => new(502, ErrorCodes.UpstreamFailed, error.Message),
    };

    public static ProblemException From(Exception failure) => failure switch
    {
        ProblemException known => known,
        EngineException rejection => From(rejection.Error, rejection.RetryAfter),
        OperationCanceledException => new(504, ErrorCodes.Timeout, "The engine did not end its answer in time."),
        _ when EngineTries.IsUnreachable(failure) =>
            new(503, ErrorCodes.EngineUnavailable, "No engine can be reached; try again shortly.", Problems.DefaultRetryAfter),
        _ => new(502, ErrorCodes.UpstreamFailed, "The engine broke off its answer."),
    };
}
