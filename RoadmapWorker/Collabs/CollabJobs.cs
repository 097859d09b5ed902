using Lyceum.Contracts;
using Lyceum.Jobs;

namespace Lyceum.RoadmapWorker.Collabs;

/// <summary>Bounds of collaborations, section <c>Collabs</c>.</summary>
public sealed class CollabOptions
{
    /// <summary>From a task's first start to its end; reached: it fails with <c>timeout</c>.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(30);
}

/// <summary>All that collaborations add to a worker.</summary>
public sealed class CollabJobs : IJobFeature
{
    public static void Add(JobsBuilder jobs)
    {
        jobs.Services.AddOptions<CollabOptions>().BindConfiguration("Collabs")
            .Validate(o => o.Timeout > TimeSpan.Zero, "Collabs: Timeout must be positive")
            .ValidateOnStart();
        jobs.Services.AddSingleton<CollabEvents>();
        jobs.AddKind<CollabKind>().WakeOn<ExecuteCollab>().FollowOn<CollabStatusChanged>(moved => moved.TaskId)
            .Map(routes => routes.MapCollabs());
    }
}
