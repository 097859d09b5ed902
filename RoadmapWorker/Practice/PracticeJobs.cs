using System.Text.Json.Serialization;
using Lyceum.Contracts;
using Lyceum.Jobs;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.RoadmapWorker.Practice;

/// <summary>All that practice adds to a worker.</summary>
internal sealed class PracticeJobs : IJobFeature
{
    public static void Add(JobsBuilder jobs)
    {
        jobs.Services.AddOptions<PracticeOptions>().BindConfiguration("Practice")
            .Validate(o => o is { SetsPerPerson: > 0, AttemptsPerDay: > 0, ItemsPerSet: > 0 } && o.Timeout > TimeSpan.Zero
                    && o.GradeWithin > TimeSpan.Zero,
                "Practice: SetsPerPerson, AttemptsPerDay, ItemsPerSet, Timeout and GradeWithin must be positive")
            .ValidateOnStart();
        jobs.Services.AddSingleton<ItemWriter>();
        jobs.Services.AddSingleton<Grader>();
        jobs.Services.AddSingleton<Learners>();
        jobs.Services.AddScoped<SetStore>();
        jobs.Services.AddScoped<AttemptStore>();
        jobs.Services.AddSingleton<DueSweep>();
        jobs.Services.AddHostedService(services => services.GetRequiredService<DueSweep>());
        jobs.AddKind<PracticeKind>().WakeOn<MakePracticeSet>().FollowOn<PracticeSetStatusChanged>(moved => moved.TaskId)
            .Map(routes => routes.MapPractice());
    }
}

/// <summary>The tasks that make practice sets, as clients see them.</summary>
internal sealed class PracticeApi : JobApi<PracticeTask, PracticeTaskList>
{
    public override string Kind => PracticeKind.KindName;
    public override string Prefix => "/api/practice/tasks";
    public override string Scope => Scopes.Practice;
    public override string Noun => "practice task";
    public override string Tag => "practice";
    public override Type? ResultType => null; // it is the set
    public override Type EventType => typeof(PracticeEvent);

    public override ValueTask<PracticeTask> DescribeAsync(JobView task, JobStore jobs, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Summarize(task));

    public override PracticeTask Summarize(JobView task) => new(
        task.TaskId, task.TaskId, task.Status, task.Stage, task.Progress, task.Attempt, task.ErrorCode, task.ErrorMessage, task.CreatedAt,
        task.StartedAt, task.UpdatedAt, task.EndedAt);

    public override PracticeTaskList Page(IReadOnlyList<PracticeTask> tasks, Guid? nextCursor) => new(tasks, nextCursor);
}

/// <summary>One server-sent event of a practice task, as docs/openapi.json describes it; the last has a terminal status.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(Status), "status")]
[JsonDerivedType(typeof(Part), "part")]
[JsonDerivedType(typeof(Ping), "ping")]
internal abstract record PracticeEvent
{
    /// <summary>The task moved.</summary>
    /// <param name="Id">The cursor to resume from.</param>
    internal sealed record Status(string Id, JobEvent Data) : PracticeEvent;

    /// <summary>A part of the present stage is finished.</summary>
    /// <param name="Id">The cursor to resume from.</param>
    internal sealed record Part(string Id, JobEvent Data) : PracticeEvent;

    /// <summary>First of all, and every 15 s where nothing else came.</summary>
    internal sealed record Ping(Nothing Data) : PracticeEvent;

    internal sealed record Nothing;
}
