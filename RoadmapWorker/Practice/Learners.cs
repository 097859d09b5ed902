using Lyceum.Knowledge;
using Lyceum.RoadmapWorker.Roadmaps;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.RoadmapWorker.Practice;

/// <summary>Says which sets a caller may practise with.</summary>
internal sealed class Learners(SharedRoadmaps shares)
{
    private const string Included = "included";
    private const string Unavailable = "unavailable";

    /// <summary>With their own sets only; nobody is asked.</summary>
    public static Learner Alone(Caller caller) => new(caller.Tenant, caller.Person, new Dictionary<Guid, string>());

    /// <exception cref="ProblemException">503 <c>service_unavailable</c>.</exception>
    public async Task<Learner> OfAsync(Caller caller, CancellationToken cancellationToken)
    {
        var sets = new Dictionary<Guid, string>();
        foreach (var shared in await shares.SharedWithAsync(caller, SharedKind.PracticeSet, cancellationToken))
        {
            if (Guid.TryParse(shared.Id, out var id))
                sets[id] = shared.Owner;
        }
        return Alone(caller) with { Shared = sets };
    }

    /// <summary>For lists: without what is shared, and saying so, where that cannot be looked up.</summary>
    public async Task<(Learner Learner, string Shared)> ForListAsync(Caller caller, CancellationToken cancellationToken)
    {
        try
        {
            return (await OfAsync(caller, cancellationToken), Included);
        }
        catch (ProblemException e) when (e.Code == ErrorCodes.ServiceUnavailable)
        {
            return (Alone(caller), Unavailable);
        }
    }
}
