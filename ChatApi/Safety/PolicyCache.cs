using System.Collections.Concurrent;
using Lyceum.Knowledge;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text.Moderation;
using Microsoft.Extensions.Options;

namespace Lyceum.ChatApi.Safety;

/// <summary>
/// How persons' questions and answers are moderated, as SessionApi says. An answer is used for a while, and for longer while
/// SessionApi does not answer.
/// </summary>
public sealed partial class PolicyCache(
    SafetyClient sessionApi, IOptions<SafetyOptions> options, TimeProvider time, ILogger<PolicyCache> logger)
{
    /// <summary>Persons whose policy is remembered; when there are more, all are forgotten.</summary>
    private const int MaxRemembered = 20_000;

    /// <summary>How long nobody asks a SessionApi again that did not answer.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<Key, Remembered> _remembered = new();
    private long _failedAt; // TimeProvider timestamp; 0: it answered

    /// <exception cref="ProblemException">503: a student's policy is not known.</exception>
    public async ValueTask<PersonPolicy> OfAsync(Caller caller, int? tutorId)
    {
        var key = new Key(caller.Tenant, caller.Person, tutorId);
        var known = _remembered.GetValueOrDefault(key);
        if (known is not null && time.GetElapsedTime(known.At) < options.Value.PolicyFresh)
            return known.Policy;
        var failedAt = Volatile.Read(ref _failedAt);
        if (failedAt == 0 || time.GetElapsedTime(failedAt) >= Pause)
        {
            using var bound = new CancellationTokenSource(options.Value.PolicyTimeout, time);
            try
            {
                var policy = await sessionApi.PolicyOfAsync(caller.Tenant, caller.Person, tutorId, bound.Token);
                Volatile.Write(ref _failedAt, 0);
                if (_remembered.Count >= MaxRemembered)
                    _remembered.Clear();
                _remembered[key] = new(policy, time.GetTimestamp());
                return policy;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                Volatile.Write(ref _failedAt, time.GetTimestamp());
                LogUnknown(logger, e.Message);
            }
        }
        if (known is not null && time.GetElapsedTime(known.At) < options.Value.PolicyKept)
            return known.Policy;
        // For grown-ups an answer is worth more than its moderation; for students nothing goes on unmoderated by accident.
        return caller.Role == Role.Student
            ? throw new ProblemException(503, ErrorCodes.ServiceUnavailable,
                "The rules of your school cannot be looked up at the moment. Nothing was asked; try again shortly.", Pause)
            : PersonPolicy.None;
    }

    private readonly record struct Key(string Tenant, string Person, int? TutorId);

    private sealed record Remembered(PersonPolicy Policy, long At);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Policies not looked up, those known go on, students without one are rejected: {Reason}")]
    private static partial void LogUnknown(ILogger logger, string reason);
}
