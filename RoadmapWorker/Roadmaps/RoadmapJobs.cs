using Lyceum.Contracts;
using Lyceum.Jobs;

namespace Lyceum.RoadmapWorker.Roadmaps;

/// <summary>All that roadmaps add to a worker.</summary>
public sealed class RoadmapJobs : IJobFeature
{
    public static void Add(JobsBuilder jobs)
    {
        jobs.Services.AddOptions<RoadmapOptions>().BindConfiguration("Roadmaps")
            .Validate(o => o.ConceptsAtOnce > 0 && o.Timeout > TimeSpan.Zero, "Roadmaps: ConceptsAtOnce and Timeout must be positive")
            .ValidateOnStart();
        jobs.Services.AddSingleton<ModelPlanner>();
        jobs.Services.AddSingleton<SharedRoadmaps>();
        jobs.AddKind<RoadmapKind>().WakeOn<GenerateRoadmap>().FollowOn<RoadmapStatusChanged>(moved => moved.TaskId)
            .Map(routes => routes.MapRoadmaps());
    }
}
