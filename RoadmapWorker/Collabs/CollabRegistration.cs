using Lyceum.Contracts;
using Lyceum.Jobs;
using MassTransit;

namespace Lyceum.RoadmapWorker.Collabs;

/// <summary>Bounds of collaborations, section <c>Collabs</c>.</summary>
public sealed class CollabOptions
{
    /// <summary>From a task's first start to its end; reached: it fails with <c>timeout</c>.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(30);
}

public static class CollabRegistration
{
    public static WebApplicationBuilder AddCollabs(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<CollabOptions>().BindConfiguration("Collabs")
            .Validate(o => o.Timeout > TimeSpan.Zero, "Collabs: Timeout must be positive")
            .ValidateOnStart();
        services.AddSingleton<CollabEvents>();
        services.AddSingleton<IJobKind, CollabKind>();
        return builder;
    }
}

/// <summary>One worker hears of each task and looks at the queue. Idempotent: there may be nothing to do.</summary>
public sealed class ExecuteCollabConsumer(RunningJobs running) : IConsumer<ExecuteCollab>
{
    public Task Consume(ConsumeContext<ExecuteCollab> context)
    {
        running.Wake();
        return Task.CompletedTask;
    }
}

/// <summary>Every worker hears of every change (fan-out) and wakes its readers of that task, who then read the database.</summary>
public sealed class CollabStatusChangedConsumer(JobChanges changes) : IConsumer<CollabStatusChanged>
{
    public Task Consume(ConsumeContext<CollabStatusChanged> context)
    {
        changes.Wake(context.Message.TaskId);
        return Task.CompletedTask;
    }
}
