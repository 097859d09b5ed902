using Lyceum.ServiceDefaults.Messaging;
using MassTransit;

namespace Lyceum.Jobs;

/// <summary>All that a kind of job adds to a worker: options and services, messages and routes.</summary>
public interface IJobFeature
{
    static abstract void Add(JobsBuilder jobs);
}

/// <summary>The kinds of job of a worker, one line each; see <see cref="JobRegistration.AddJobs"/>.</summary>
public sealed class JobsBuilder
{
    private readonly List<Action<IBusRegistrationConfigurator>> _consumers = [];
    private readonly JobRoutes _routes = new();

    internal JobsBuilder(IServiceCollection services)
    {
        Services = services;
        services.AddSingleton(_routes);
    }

    public IServiceCollection Services { get; }

    public JobsBuilder Add<TFeature>() where TFeature : IJobFeature
    {
        TFeature.Add(this);
        return this;
    }

    public JobsBuilder AddKind<TKind>() where TKind : class, IJobKind
    {
        Services.AddSingleton<IJobKind, TKind>();
        return this;
    }

    /// <summary>One worker receives each <typeparamref name="TCommand"/> and claims; its queue has the message's
    /// name.</summary>
    public JobsBuilder WakeOn<TCommand>() where TCommand : class
    {
        _consumers.Add(bus => bus.AddConsumer<WakeConsumer<TCommand>>()
            .Endpoint(endpoint => endpoint.Name = QueueOf<TCommand>()));
        return this;
    }

    /// <summary>Every worker receives each <typeparamref name="TEvent"/> and wakes its readers of the task.</summary>
    public JobsBuilder FollowOn<TEvent>(Func<TEvent, Guid> taskId) where TEvent : class
    {
        Services.AddSingleton(taskId);
        _consumers.Add(bus => bus.AddConsumer<ChangeConsumer<TEvent>>().Endpoint(endpoint =>
        {
            endpoint.Name = $"{QueueOf<TEvent>()}-{NewId.NextGuid():N}";
            endpoint.OfThisProcess();
        }));
        return this;
    }

    /// <summary>The routes of a kind; see <see cref="JobEndpoints.MapJobs{TView, TPage}"/>.</summary>
    public JobsBuilder Map(Action<IEndpointRouteBuilder> map)
    {
        _routes.Add(map);
        return this;
    }

    /// <summary>For <c>AddMessaging</c>, after all kinds were added.</summary>
    public void AddConsumers(IBusRegistrationConfigurator bus) => _consumers.ForEach(add => add(bus));

    private static string QueueOf<TMessage>() =>
        KebabCaseEndpointNameFormatter.Instance.SanitizeName(typeof(TMessage).Name);
}

internal sealed class JobRoutes : List<Action<IEndpointRouteBuilder>>;

/// <summary>Idempotent: there may be nothing to claim.</summary>
public sealed class WakeConsumer<TCommand>(RunningJobs running) : IConsumer<TCommand> where TCommand : class
{
    public Task Consume(ConsumeContext<TCommand> context)
    {
        running.Wake();
        return Task.CompletedTask;
    }
}

/// <summary>Idempotent: a reader that is woken reads the database.</summary>
public sealed class ChangeConsumer<TEvent>(JobChanges changes, Func<TEvent, Guid> taskId) : IConsumer<TEvent>
    where TEvent : class
{
    public Task Consume(ConsumeContext<TEvent> context)
    {
        changes.Wake(taskId(context.Message));
        return Task.CompletedTask;
    }
}
