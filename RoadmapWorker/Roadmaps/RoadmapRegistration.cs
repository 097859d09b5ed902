using Lyceum.Contracts;
using Lyceum.Jobs;
using MassTransit;

namespace Lyceum.RoadmapWorker.Roadmaps;

public static class RoadmapRegistration
{
    public static WebApplicationBuilder AddRoadmaps(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<RoadmapOptions>().BindConfiguration("Roadmaps")
            .Validate(o => o.ConceptsAtOnce > 0 && o.Timeout > TimeSpan.Zero, "Roadmaps: ConceptsAtOnce and Timeout must be positive")
            .ValidateOnStart();
        services.AddSingleton<ModelPlanner>();
        services.AddSingleton<IJobKind, RoadmapKind>();
        return builder;
    }
}

/// <summary>One worker hears of each task and looks at the queue. Idempotent: there may be nothing to do.</summary>
public sealed class GenerateRoadmapConsumer(RunningJobs running) : IConsumer<GenerateRoadmap>
{
    public Task Consume(ConsumeContext<GenerateRoadmap> context)
    {
        running.Wake();
        return Task.CompletedTask;
    }
}

/// <summary>Every worker hears of every change (fan-out) and wakes its readers of that task, who then read the database.</summary>
public sealed class RoadmapStatusChangedConsumer(JobChanges changes) : IConsumer<RoadmapStatusChanged>
{
    public Task Consume(ConsumeContext<RoadmapStatusChanged> context)
    {
        changes.Wake(context.Message.TaskId);
        return Task.CompletedTask;
    }
}
