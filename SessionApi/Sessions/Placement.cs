using System.Globalization;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.Text;
using Lyceum.SessionApi.Engines;
using Lyceum.SessionApi.Knowledge;
using Lyceum.SessionApi.Safety;
using Lyceum.SessionApi.Transcripts;
using Lyceum.SessionApi.Tutors;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Sessions;

/// <summary>
/// Makes a session at an engine: the least loaded live one, the next one where that rejects it, ten seconds at most.
/// </summary>
internal sealed class Placement(
    EngineStore directory, EngineSessions engines, PolicyStore policies, Tickets tickets, IOptions<ShareOptions> shares, TimeProvider time)
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Longer than a session lives; a ticket opens one person's search of one knowledge base, or their policy, and
    /// nothing else.
    /// </summary>
    private static readonly TimeSpan TicketLifetime = TimeSpan.FromDays(1);

    /// <returns>
    /// The place, or why there is none: 503 <c>no_engine_free</c>: all are full. 503 <c>engine_unavailable</c>: none is there, or
    /// none answered; with the cause. 500 <c>public_url_not_configured</c>: as the engine says.
    /// </returns>
    public async Task<(Place? Place, ProblemHttpResult? Problem)> PlaceAsync(
        Caller caller, string person, Tutor tutor, string studentId, string? kbId,
        IReadOnlyList<HistoryMessage> history, ClientView client, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        var started = time.GetTimestamp();
        var policy = await policies.OfPersonAsync(caller, tutor.Id, cancellationToken);
        if (policy.ConsentMissing)
        {
            return (null, Problems.Create(403, ErrorCodes.GuardianConsentRequired,
                "Your school asks for a guardian's consent before you may ask, and none is recorded. Ask your teacher to record it."));
        }
        var live = await directory.LiveAsync(cancellationToken);
        if (live.Count == 0)
        {
            return (null, Problems.Unavailable(
                ErrorCodes.EngineUnavailable,
                $"No engine is there: none has announced itself in the last {EngineStore.Live.TotalSeconds} s. Start GpuEngine, or see its log and its Engine:AnnounceTo.",
                RetryAfter));
        }
        // Those that drain would reject it. Where all of them do, their answer says why there is no session.
        if (live.Exists(engine => !engine.IsDraining))
            live.RemoveAll(engine => engine.IsDraining);
        EngineRejection? rejection = null;
        for (var i = 0; i < live.Count; i++)
        {
            // An engine that hangs leaves time for the others.
            var share = (Limit - time.GetElapsedTime(started)) / (live.Count - i);
            using var turn = new CancellationTokenSource(share > TimeSpan.Zero ? share : TimeSpan.FromMilliseconds(1), time);
            using var all = CancellationTokenSource.CreateLinkedTokenSource(turn.Token, limit.Token, cancellationToken);
            var wanted = new EngineSessionRequest(
                tutor.Id, studentId, kbId, TutorPrompt.Of(tutor.Name, tutor.Subject, tutor.Instructions), tutor.Language,
                tutor.Voice, history,
                kbId is null ? null : Opened(caller, live[i], RetrievalEndpoint.PathOf(kbId)), policy.Moderation,
                Opened(caller, live[i], SafetyEndpoints.PathOf(tutor.Id.ToString(CultureInfo.InvariantCulture))));
            var (made, rejected) = await engines.CreateAsync(
                live[i], caller.Tenant, person, Sharer.Of(caller).ShareOf(shares.Value), client, wanted, all.Token);
            if (made is not null)
                return (new(made, live[i]), null);
            if (rejected!.Code == ErrorCodes.PublicUrlNotConfigured)
                return (null, Problems.Create(rejected.Status, rejected.Code, rejected.Message));
            cancellationToken.ThrowIfCancellationRequested();
            // That one cannot be reached says more than that another one is full.
            rejection = rejection is null || rejection.Status == 429 ? rejected : rejection;
        }
        return (null, rejection!.Status == 429
            ? Problems.Unavailable(
                ErrorCodes.NoEngineFree, $"No engine has a place free: {rejection.Message}", RetryAfter)
            : Problems.Unavailable(
                ErrorCodes.EngineUnavailable, $"No session was made: {rejection.Message}.", RetryAfter));
    }

    private EngineRetrieval Opened(Caller caller, EngineRow engine, string path) =>
        new(engine.AnnouncedTo + path, tickets.IssueToken(path, caller, Scopes.Tutors, TicketLifetime));
}

/// <summary>A session, and the engine that it is at.</summary>
internal sealed record Place(EngineSession Session, EngineRow Engine);
